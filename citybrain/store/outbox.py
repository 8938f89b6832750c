"""The outbox: what is to be said, to whom, and what came of it.

Two clocks: `created_at`, `done_at` and the deliveries are city time; `next_at`, leases and breakers are machine time, since a
mail server does not run faster because a demo does.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from psycopg.types.json import Jsonb

from citybrain.store.db import Row, Tx
from citybrain.store.sql import load

_SQL = load("outbox")


def add(tx: Tx, rows: Sequence[Mapping[str, Any]]) -> None:
    """Notices to be sent. One that is there already stays as it is."""
    tx.many(_SQL["add"], [{**row, "body": Jsonb(row["body"])} for row in rows])


def waiting_targets(tx: Tx, machine_now: datetime, *, limit: int) -> list[str]:
    """Targets with something to be sent now and a closed breaker, the longest waiting first."""
    return [row["target"] for row in tx.all(_SQL["waiting_targets"], machine_now=machine_now, limit=limit)]


def claim(tx: Tx, target: str, machine_now: datetime, lease_until: datetime) -> Row | None:
    """The next notice for a target, leased until a time; counts as an attempt."""
    return tx.one(_SQL["claim"], target=target, machine_now=machine_now, lease_until=lease_until)


def order_now(tx: Tx, order_id: object) -> Row | None:
    """How the order of a notice stands now."""
    return tx.one(_SQL["order_now"], id=order_id)


def finish(tx: Tx, notice: object, state: str, *, reason: str, at: datetime) -> None:
    """A notice is `sent`, `dropped` or `failed`."""
    tx.run(_SQL["finish"], id=notice, state=state, reason=reason, at=at)


def again(tx: Tx, notice: object, *, reason: str, next_at: datetime) -> None:
    """Try a notice again at a machine time."""
    tx.run(_SQL["again"], id=notice, reason=reason, next_at=next_at)


def record(tx: Tx, notice: object, *, at: datetime, ok: bool, reason: str, detail: str) -> None:
    """One attempt in the ledger of deliveries."""
    tx.run(_SQL["record"], id=notice, at=at, ok=ok, reason=reason, detail=detail)


def breaker_ok(tx: Tx, target: str) -> None:
    """The target answers: forget its failures."""
    tx.run(_SQL["breaker_ok"], target=target)


def breaker_failed(tx: Tx, target: str) -> int:
    """The target failed; how often in a row."""
    row = tx.one(_SQL["breaker_failed"], target=target)
    return int(row["failures"]) if row else 0


def breaker_open(tx: Tx, target: str, until: datetime) -> None:
    """Send nothing to a target until a machine time."""
    tx.run(_SQL["breaker_open"], target=target, until=until)


def breakers(tx: Tx) -> list[Row]:
    """Targets that failed lately."""
    return tx.all(_SQL["breakers"])


def deliveries_of(tx: Tx, order_id: str) -> list[Row]:
    """What was sent to whom about an order."""
    return tx.all(_SQL["deliveries_of"], order_id=order_id)


def notices_of(tx: Tx, order_id: str) -> list[Row]:
    """The notices about an order and how they stand."""
    return tx.all(_SQL["notices_of"], order_id=order_id)


def prune(tx: Tx, before: datetime) -> int:
    """Forget notices and deliveries done before a time; how many notices."""
    tx.run(_SQL["prune_deliveries"], before=before)
    return tx.run(_SQL["prune"], before=before)
