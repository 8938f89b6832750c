"""The states of the rules by partition of topic `readings` (cluster runtime)."""

from __future__ import annotations

from datetime import datetime
from typing import Any, NamedTuple

from psycopg.types.json import Jsonb

from citybrain.store.db import Tx
from citybrain.store.sql import load

_SQL = load("partitions")


class Saved(NamedTuple):
    """A saved state: all records below `next` are in it."""

    next: int
    version: str
    rulebook: str
    head: dict[str, Any]
    state: bytes


def state_of(tx: Tx, topic: str, partition: int) -> Saved | None:
    """The saved state of a partition, if there is one."""
    row = tx.one(_SQL["state"], topic=topic, partition=partition)
    if row is None:
        return None
    return Saved(row["next_offset"], row["detector_version"], row["rulebook"], row["head"], bytes(row["state"]))


def save_state(tx: Tx, topic: str, partition: int, saved: Saved, at: datetime, *, forced: bool = False) -> bool:
    """Save a state unless a newer one is there; whether it was saved. `forced`: also over one at the same record."""
    given = {**saved._asdict(), "head": Jsonb(saved.head)}
    return tx.run(_SQL["save"], topic=topic, partition=partition, at=at, forced=forced, **given) > 0


def forget_offset(tx: Tx, topic: str, partition: int, stale: int) -> bool:
    """The log of a partition began anew: its saved state, still at `stale`, goes on with the first record. True when it was."""
    return tx.run(_SQL["forget"], topic=topic, partition=partition, stale=stale) > 0


def saved_offsets(tx: Tx, topic: str) -> dict[int, int]:
    """Partition -> offset of the first record that is not in its saved state."""
    return {row["partition"]: row["next_offset"] for row in tx.all(_SQL["ages"], topic=topic)}
