"""The archive of readings: one row a value, written by COPY, read as messages or as series.

Every write begins with `readings_begin`, which makes ready for its times and says up to where the archive is summarised; what
changes before that is put onto `readings_stale`, so that the summaries are right at every moment (`citybrain.store.summaries`).
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Literal

from citybrain.kernel.ids import message_key
from citybrain.kernel.model import Reading
from citybrain.kernel.times import from_ms, to_ms
from citybrain.store.copyrows import LATE, encode
from citybrain.store.db import ConstraintError, Row, Tx
from citybrain.store.sql import load

_SQL = load("readings")

Step = Literal["raw", "1m", "1h", "1d"]
"""Width of the buckets of a series, aligned to UTC; raw: each value by itself."""

_HOUR_MS = 3_600_000
_WEEK_MS = 168 * _HOUR_MS
_MONDAY_MS = 96 * _HOUR_MS
"""1970 began on a Thursday; weeks are those of `readings_partition`"""
_FLAGS = 255
"""bits of `quality` that are the reading's own flags"""
_TRIES = 3
_Keyed = tuple[int, Reading]
"""a reading with its `message_key`"""


def add_fresh(tx: Tx, readings: Sequence[Reading]) -> None:
    """Archive readings that are surely new. Raises ConstraintError when one is there already."""
    if readings:
        _write(tx, readings, 0)


def add(tx: Tx, readings: Sequence[Reading]) -> int:
    """Archive what is not there yet; how many messages that were.

    A message is known by its asset, device, time and key; one with a `window_ms` is also known when its like is stored up to
    that long before it.
    """
    return len(_add_new(tx, _without_repeats(readings), 0, windows=True)) if readings else 0


def add_late(tx: Tx, readings: Sequence[Reading], now: datetime) -> list[bool]:
    """Archive late readings and ask for their assets to be judged again; which of them were really new.

    Only the very same message is known here: which of two likes within their window is the repeat, the judging finds.
    """
    if not readings:
        return []
    places = [(reading.asset, reading.observed_ms, message_key(reading)) for reading in readings]
    first = dict(zip(reversed(places), reversed(readings), strict=True))
    added = _add_new(tx, [(place[2], reading) for place, reading in first.items()], LATE, windows=False)
    new = {(reading.asset, reading.observed_ms, key) for key, reading in added}
    since: dict[str, int] = {}
    for asset, observed_ms, _ in new:
        since[asset] = min(observed_ms, since.get(asset, observed_ms))
    if since:
        tx.run(_SQL["ask_rejudge"], assets=list(since), since=[from_ms(ms) for ms in since.values()], asked_at=now)
    fresh = []
    for place in places:
        fresh.append(place in new)
        new.discard(place)
    return fresh


def _write(tx: Tx, readings: Sequence[Reading], quality: int) -> None:
    summarised_ms = _begin(tx, readings)
    tx.copy_text(_SQL["copy"], encode(readings, quality))
    _changed(tx, readings, summarised_ms)


def _begin(tx: Tx, readings: Sequence[Reading]) -> int:
    """Ready to write; the time (ms) before which changes must be told."""
    first, last = _span(readings)
    times = {first}
    if (first - _MONDAY_MS) // _WEEK_MS != (last - _MONDAY_MS) // _WEEK_MS:
        times = {(reading.observed_ms - _MONDAY_MS) // _WEEK_MS * _WEEK_MS + _MONDAY_MS for reading in readings}
    row = tx.one(_SQL["begin"], times=[from_ms(ms) for ms in sorted(times)])
    to = row["summarised_to"] if row else None
    return to_ms(to) if to is not None else first


def _changed(tx: Tx, readings: Sequence[Reading], summarised_ms: int) -> None:
    hours = {(reading[0], reading[3] // _HOUR_MS) for reading in readings if reading[3] < summarised_ms}
    if hours:
        assets, numbers = zip(*hours, strict=True)
        tx.run(_SQL["stale"], assets=list(assets), hours=[from_ms(number * _HOUR_MS) for number in numbers])


def _span(readings: Sequence[Reading]) -> tuple[int, int]:
    observed = [reading[3] for reading in readings]
    return min(observed), max(observed)


def _without_repeats(readings: Sequence[Reading]) -> list[_Keyed]:
    """Those that no earlier one of the list makes a repeat."""
    heard: dict[tuple[str, int], list[int]] = {}
    kept = []
    for reading in readings:
        key, at = message_key(reading), reading.observed_ms
        times = heard.setdefault((reading.asset, key), [])
        if not (times and any(0 <= at - time <= reading.window_ms for time in times)):
            times.append(at)
            kept.append((key, reading))
    return kept


def _add_new(tx: Tx, given: Sequence[_Keyed], quality: int, *, windows: bool) -> Sequence[_Keyed]:
    """Archive those that are not stored; they are returned.

    Looked up first, then copied: half the time of INSERT … ON CONFLICT from a staging table. When another writer puts the same
    message between the two, the copy fails and is tried again without it.
    """
    summarised_ms = _begin(tx, [reading for _, reading in given])
    for left in range(_TRIES - 1, -1, -1):
        known = _stored(tx, given, windows=windows)
        new = [one for n, one in enumerate(given, 1) if n not in known] if known else given
        if not new:
            break
        try:
            with tx.within():
                tx.copy_text(_SQL["copy"], encode([reading for _, reading in new], quality))
            break
        except ConstraintError:
            if not left:
                raise
    _changed(tx, [reading for _, reading in new], summarised_ms)
    return new


def _stored(tx: Tx, given: Sequence[_Keyed], *, windows: bool) -> set[int]:
    """Which of them (counted from 1) are stored."""
    observed = [reading[3] for _, reading in given]
    spans = [reading[8] for _, reading in given] if windows else [0] * len(given)
    rows = tx.all(
        _SQL["repeats"],
        assets=[reading[0] for _, reading in given],
        observed=observed,
        messages=[key for key, _ in given],
        windows=spans,
        first=from_ms(min(observed) - max(spans)),
        last=from_ms(max(observed)),
    )
    return {row["n"] for row in rows}


def _reading(row: Row) -> Reading:
    values = row["measures"] or {}
    whole = row["whole"] or ()
    for name, value in values.items():
        if type(value) is int and name not in whole:
            values[name] = float(value)
    key = row["key"]
    return Reading(
        asset=row["asset"],
        kind=row["kind"],
        device=row["device"] or row["asset"],
        observed_ms=to_ms(row["observed_at"]),
        received_ms=to_ms(row["received_at"]),
        values=values,
        seq=row["seq"],
        key=row["message"] if key is None else key,
        window_ms=row["window_ms"] or 0,
        flags=row["quality"] & _FLAGS,
    )


def archive_of(tx: Tx, asset: str, since: datetime, most: int = 1_000_000) -> list[Reading]:
    """The readings of an asset from `since` on, in canonical order (time, message); of more than `most` the newest."""
    return [_reading(row) for row in reversed(tx.all(_SQL["archive_of"], asset=asset, since=since, most=most))]


def context_of(tx: Tx, district: str | None, since: datetime) -> list[Reading]:
    """The rain readings of a district from `since` on."""
    if district is None:
        return []
    return [_reading(row) for row in tx.all(_SQL["context_of"], district=district, since=since)]


def drop_readings(tx: Tx, readings: Sequence[Reading]) -> None:
    """Forget repeats that canonical dedupe dropped."""
    if not readings:
        return
    summarised_ms = _begin(tx, readings)
    tx.run(
        _SQL["drop"],
        assets=[reading.asset for reading in readings],
        observed=[from_ms(reading.observed_ms) for reading in readings],
        messages=[message_key(reading) for reading in readings],
    )
    _changed(tx, readings, summarised_ms)


def total_messages(tx: Tx) -> int:
    """How many messages are stored. Reads the whole archive."""
    row = tx.one(_SQL["total_messages"])
    return int(row["n"]) if row else 0


def expire(tx: Tx, before: datetime) -> int:
    """Drop the partitions (weeks; days with TimescaleDB) whose readings are all older than `before`; how many partitions.

    Readings and their minutes go; the sums of hours and days stay (`citybrain.store.summaries.expire`).
    """
    row = tx.one(_SQL["expire"], before=before)
    return int(row["n"]) if row else 0


def measures_of(tx: Tx, asset: str, begin: datetime, end: datetime) -> list[str]:
    """The measures that an asset told in [begin, end), by name."""
    return [row["measure"] for row in tx.all(_SQL["measures_of"], asset=asset, begin=begin, end=end)]


def series(tx: Tx, asset: str, measure: str, begin: datetime, end: datetime, step: Step) -> list[Row]:
    """One measure of an asset: rows of `time`, `n`, `avg`, `min`, `max`, `last`, `label`, in order of time.

    `time` is the device's (raw) or the begin of a bucket that begins in [begin, end). `n` counts values; the numbers are None
    for texts, `label` is the last text. Exact at every moment: what is not summarised yet and what came late is in it.
    """
    return tx.all(_SQL[f"series_{step}"], asset=asset, measure=measure, begin=begin, end=end)
