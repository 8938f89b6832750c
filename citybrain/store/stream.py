"""The stream in the database: log, checkpoints, counters, the queue of assets to judge again."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import NamedTuple

from citybrain.store.db import Row, Tx
from citybrain.store.sql import load

_SQL = load("stream")


def append(tx: Tx, position: int, at: datetime, entry: bytes, amounts: Mapping[str, int]) -> None:
    """Append one entry to the log and add to the durable counters. Two writers at one position violate the primary key."""
    added = {name: value for name, value in amounts.items() if value}
    tx.run(_SQL["append"], position=position, at=at, entry=entry, names=list(added), values=list(added.values()))


def last_position(tx: Tx) -> int:
    """Position of the last entry, 0 when there is none."""
    row = tx.one(_SQL["last_position"])
    return int(row["position"]) if row else 0


def entries_after(tx: Tx, position: int, page: int = 500) -> Iterator[tuple[int, bytes]]:
    """The entries of the log after a position, page by page."""
    while rows := tx.all(_SQL["entries_after"], position=position, limit=page):
        for row in rows:
            yield row["position"], bytes(row["entry"])
        position = rows[-1]["position"]


def prune(tx: Tx) -> int:
    """Forget log entries that every shard's checkpoint contains; how many."""
    return tx.run(_SQL["prune"])


class Checkpoint(NamedTuple):
    """The state of a shard after the entry at `position`."""

    shard: int
    position: int
    version: str
    state: bytes


def checkpoints(tx: Tx) -> list[Checkpoint]:
    """The last checkpoint of every shard that has one."""
    return [
        Checkpoint(row["shard"], row["position"], row["detector_version"], bytes(row["state"]))
        for row in tx.all(_SQL["checkpoints"])
    ]


def checkpoint(tx: Tx, shard: int) -> Checkpoint | None:
    """The last checkpoint of one shard, if it has one."""
    row = tx.one(_SQL["checkpoint"], shard=shard)
    return Checkpoint(row["shard"], row["position"], row["detector_version"], bytes(row["state"])) if row else None


def checkpoint_positions(tx: Tx) -> dict[int, int]:
    """Shard -> position of its last checkpoint, without reading the states."""
    return {row["shard"]: row["position"] for row in tx.all(_SQL["checkpoint_positions"])}


def save_checkpoint(tx: Tx, checkpoint: Checkpoint, now: datetime) -> None:
    """Save a checkpoint, unless a newer one is there."""
    tx.run(_SQL["save_checkpoint"], **checkpoint._asdict(), at=now)


def counters(tx: Tx) -> dict[str, int]:
    """All durable counters."""
    return {row["name"]: row["value"] for row in tx.all(_SQL["counters"])}


def rejudge_waiting(tx: Tx) -> list[tuple[str, datetime]]:
    """Assets to judge again with the time of their earliest late reading."""
    return [(row["asset"], row["since"]) for row in tx.all(_SQL["rejudge_waiting"])]


def rejudge_done(tx: Tx, asset: str) -> None:
    """An asset was judged again."""
    tx.run(_SQL["rejudge_done"], asset=asset)


def known_episodes(tx: Tx, asset: str, since: datetime) -> list[Row]:
    """The episodes of an asset that end after `since`."""
    return tx.all(_SQL["known_episodes"], asset=asset, since=since)


def fence(tx: Tx) -> None:
    """Wait until no other pipeline writes, and keep others out while this connection lives."""
    tx.one(_SQL["fence"])


def notify(tx: Tx, what: str) -> None:
    """Wake whoever watches, when this transaction commits."""
    tx.one(_SQL["notify"], what=what)
