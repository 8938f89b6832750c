"""The test order: a row of its own, so that no figure of real orders counts it. Machine time."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from psycopg.types.json import Jsonb

from citybrain.store.db import Row, Tx
from citybrain.store.sql import load

_SQL = load("watch")


def came(tx: Tx, *, sent_at: datetime, came_at: datetime) -> bool:
    """A test message came to dispatch; False when it or a newer one had come before."""
    return tx.run(_SQL["came"], sent_at=sent_at, came_at=came_at) > 0


def put_notice(tx: Tx, row: Mapping[str, Any]) -> None:
    """The test notice is to be sent again."""
    tx.run(_SQL["test_notice"], **{**row, "body": Jsonb(row["body"])})


def told(tx: Tx, at: datetime) -> None:
    """The test notice was sent."""
    tx.run(_SQL["told"], at=at)


def state(tx: Tx) -> Row | None:
    """The test order and how its watch stands; None before the first."""
    return tx.one(_SQL["state"])


def looked(tx: Tx, *, watch_since: datetime, looked_at: datetime, next_look: datetime, silent_at: datetime | None) -> None:
    """Somebody looked whether it is silent."""
    tx.run(_SQL["looked"], watch_since=watch_since, looked_at=looked_at, next_look=next_look, silent_at=silent_at)
