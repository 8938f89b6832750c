"""Where the consumers of the cluster runtime stand: written in the transaction of the records before it.

A consumer that was stopped for longer than its group waits does not know that its partitions are another's now. So each
transaction begins by holding the positions of its partitions: what lies below them is in the database already, whoever
wrote it, and is left out. `topic` is the whole name, as Kafka knows it: a prefix makes other topics with other offsets.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Mapping

from citybrain.store.db import Tx
from citybrain.store.sql import load

_SQL = load("positions")

TOLD = "told"
"""The consumer under whose name it stands up to where the records of `readings` reach that known alerts came of (exclusive)."""


def positions(tx: Tx, consumer: str, topic: str) -> dict[int, int]:
    """partition -> the first offset that is not in the database yet. A partition that was never read is not there, or 0."""
    return {row["partition"]: row["next_offset"] for row in tx.all(_SQL["positions"], consumer=consumer, topic=topic)}


def hold_positions(tx: Tx, consumer: str, topic: str, partitions: Iterable[int]) -> dict[int, int]:
    """As `positions` for some partitions, all of them given, and nobody else moves them until this transaction ends.

    Whoever held them first has committed when this returns, so records below the returned offsets are to be left out.
    """
    wanted = sorted(set(partitions))
    tx.one(_SQL["hold"], keys=_keys(consumer, topic, wanted))
    known = positions(tx, consumer, topic)
    return {partition: known.get(partition, 0) for partition in wanted}


def _keys(consumer: str, topic: str, partitions: Iterable[int]) -> list[int]:
    """Locks, and not rows: a position that is held for the first time has no row yet that anybody else could see."""
    return [zlib.crc32(f"{consumer}|{topic}|{partition}".encode()) >> 1 for partition in partitions]


def save_positions(tx: Tx, consumer: str, topic: str, next_offsets: Mapping[int, int]) -> int:
    """Note the next offset of some partitions; an older one never overwrites a newer one. How many moved."""
    if not next_offsets:
        return 0
    partitions = sorted(next_offsets)
    offsets = [next_offsets[partition] for partition in partitions]
    return tx.run(_SQL["save"], consumer=consumer, topic=topic, partitions=partitions, offsets=offsets)


def restart_position(tx: Tx, consumer: str, topic: str, partition: int, *, stale: int, next_offset: int) -> bool:
    """Move a position back, because Kafka's log ends before it: the topic was made anew, or a broker lost its end.

    Only when it still is `stale`. Records that come again are known by their ids and change nothing. True when it moved.
    """
    moved = tx.run(_SQL["restart"], consumer=consumer, topic=topic, partition=partition, stale=stale, next_offset=next_offset)
    return moved > 0


def end_holders(tx: Tx, consumer: str, topic: str, partitions: Iterable[int]) -> int:
    """End the connections of those who hold these positions, and undo their transactions; how many.

    For a process that was stopped in the middle of one and does not know that its partitions are another's now: what it
    began comes again to the new owner.
    """
    row = tx.one(_SQL["end_holders"], keys=_keys(consumer, topic, partitions))
    return int(row["n"]) if row else 0
