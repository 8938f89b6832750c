"""The stream in the database: archive, log, checkpoints, counters, the queue of assets to judge again."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

import orjson

from citybrain.kernel.model import Reading
from citybrain.kernel.times import from_ms, to_ms
from citybrain.store.db import COPY_ESCAPES, COPY_NULL, Row, Tx
from citybrain.store.sql import load

_SQL = load("stream")


class _Seconds(dict[int, str]):
    """Text of a second, `2026-03-02 11:21:06`, made once: neighbours in a stream share it."""

    def __missing__(self, second: int) -> str:
        if len(self) > 50_000:
            self.clear()
        text = self[second] = from_ms(second * 1000).strftime("%Y-%m-%d %H:%M:%S")
        return text


_SECONDS = _Seconds()


def _stamp(ms: int) -> str:
    second, rest = divmod(ms, 1000)
    return f"{_SECONDS[second]}.{rest:03d}+00"


def copy_fresh(tx: Tx, readings: Sequence[Reading]) -> None:
    """Archive readings that are surely new, by COPY. A reading that is there already violates the primary key."""
    if not readings:
        return
    lines = []
    for asset, kind, device, observed, received, values, seq, key, window, flags in readings:
        measures = orjson.dumps(values).decode()
        if "\\" in measures:
            measures = measures.replace("\\", "\\\\")
        lines.append(
            f"{asset.translate(COPY_ESCAPES)}\t{_stamp(observed)}\t{device.translate(COPY_ESCAPES)}\t{key}\t{_stamp(received)}\t{kind}\t"
            f"{COPY_NULL if seq is None else seq}\t{int(flags)}\t{window}\t{measures}\n"
        )
    tx.copy_text(_SQL["copy_readings"], "".join(lines).encode())


def add_late(tx: Tx, readings: Sequence[Reading], now: datetime) -> list[bool]:
    """Archive late readings and ask for the assets to be judged again; which of them were really new."""
    fresh = []
    since: dict[str, int] = {}
    for reading in readings:
        row = tx.one(_SQL["add_late"], **_row(reading))
        fresh.append(row is not None)
        if row is not None:
            since[reading.asset] = min(reading.observed_ms, since.get(reading.asset, reading.observed_ms))
    for asset, ms in since.items():
        tx.run(_SQL["ask_rejudge"], asset=asset, since=from_ms(ms), asked_at=now)
    return fresh


def _row(reading: Reading) -> dict[str, Any]:
    return {
        **reading._asdict(),
        "observed_at": from_ms(reading.observed_ms),
        "received_at": from_ms(reading.received_ms),
        "flags": int(reading.flags),
        "measures": orjson.dumps(reading.values).decode(),
    }


def _reading(row: Row) -> Reading:
    return Reading(
        asset=row["asset"],
        kind=row["kind"],
        device=row["device"],
        observed_ms=to_ms(row["observed_at"]),
        received_ms=to_ms(row["received_at"]),
        values=row["measures"],
        seq=row["seq"],
        key=row["key"],
        window_ms=row["window_ms"],
        flags=row["flags"],
    )


def archive_of(tx: Tx, asset: str, since: datetime, most: int = 1_000_000) -> list[Reading]:
    """The readings of an asset from `since` on, in canonical order; of more than `most` only the newest."""
    return [_reading(row) for row in reversed(tx.all(_SQL["archive_of"], asset=asset, since=since, most=most))]


def context_of(tx: Tx, district: str | None, since: datetime) -> list[Reading]:
    """The rain readings of a district from `since` on."""
    if district is None:
        return []
    return [_reading(row) for row in tx.all(_SQL["context_of"], district=district, since=since)]


def drop_readings(tx: Tx, readings: Sequence[Reading]) -> None:
    """Forget repeats that canonical dedupe dropped."""
    tx.many(
        _SQL["drop_reading"],
        [{"asset": r.asset, "observed_at": from_ms(r.observed_ms), "device": r.device, "key": r.key} for r in readings],
    )


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


def total_readings(tx: Tx) -> int:
    """How many readings are stored."""
    row = tx.one(_SQL["total_readings"])
    return int(row["n"]) if row else 0


def fence(tx: Tx) -> None:
    """Wait until no other pipeline writes, and keep others out while this connection lives."""
    tx.one(_SQL["fence"])


def notify(tx: Tx, what: str) -> None:
    """Wake whoever watches, when this transaction commits."""
    tx.one(_SQL["notify"], what=what)


def expire(tx: Tx, before: datetime) -> int:
    """Delete readings observed before a time; how many."""
    return tx.run(_SQL["expire"], before=before)
