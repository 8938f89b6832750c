"""An asset judged again from the archive in the database: what both runtimes do when readings came late."""

from __future__ import annotations

from datetime import datetime, timedelta

from citybrain.kernel.model import Asset
from citybrain.kernel.times import from_ms, to_ms
from citybrain.store import readings as archive
from citybrain.store import stream
from citybrain.store.db import Row, Tx
from rules.rejudge import Episode, Rejudged, rejudge
from rules.rulebook import Rulebook

MOST_READINGS = 20_000
"""Readings that one judging takes at most (about half a second of work): of a chatty device only the newest are looked at."""


def judge_again(tx: Tx, asset: Asset, rulebook: Rulebook, since_ms: int, now: datetime, horizon: timedelta) -> Rejudged:
    """Run the pure rules over the archive of an asset, at most `horizon` back. `now` is the time shown to its shard.

    Episodes that were over before `since_ms`, the oldest late reading, stay as they are.
    """
    begin = now - horizon
    readings = archive.archive_of(tx, asset.id, begin, MOST_READINGS)
    if len(readings) == MOST_READINGS:
        begin = from_ms(readings[0].observed_ms)
    return rejudge(
        asset,
        readings,
        archive.context_of(tx, asset.district, begin),
        [_episode(row) for row in stream.known_episodes(tx, asset.id, begin)],
        rulebook,
        max(since_ms, to_ms(begin)),
        to_ms(now),
    )


def _episode(row: Row) -> Episode:
    end = row["end_at"]
    return Episode(
        str(row["id"]),
        row["condition"],
        row["severity"],
        row["phase"],
        to_ms(row["onset_at"]),
        to_ms(end) if end else None,
        row["past"],
    )
