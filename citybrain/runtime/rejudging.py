"""Which assets are judged again from the archive, and when: soon after their last late reading, never all at once."""

from __future__ import annotations

import time
from collections.abc import Iterable
from datetime import datetime, timedelta

from citybrain.kernel.times import to_ms
from citybrain.runtime.city import City
from citybrain.runtime.shards import Shards
from citybrain.store import stream
from citybrain.store.db import Tx
from rules.rejudge import Episode, Rejudged, rejudge

QUIET_S = 0.5
"""real seconds without a late reading of the asset before it is judged again: back-fills come in bursts"""
PATIENCE_S = 3.0
"""…but never wait longer than this"""


class Rejudging:
    """The queue in memory; the table `rejudge_queue` is its durable twin."""

    def __init__(self, city: City, shards: Shards, horizon: timedelta, waiting: Iterable[tuple[str, datetime]]) -> None:
        self._city, self._shards, self._horizon = city, shards, horizon
        self._first: dict[str, float] = {}
        self._last: dict[str, float] = {}
        self.ask(asset for asset, _ in waiting)

    def ask(self, assets: Iterable[str]) -> None:
        """Assets that just got a late reading."""
        real = time.monotonic()
        for asset in assets:
            self._first.setdefault(asset, real)
            self._last[asset] = real

    def urgent(self) -> bool:
        """True when somebody has waited so long that a busy stream must make room."""
        if not self._first:
            return False
        return time.monotonic() - next(iter(self._first.values())) > PATIENCE_S

    def next(self, all_now: bool) -> str | None:
        """An asset whose time has come (any, with `all_now`); it leaves the queue."""
        real = time.monotonic()
        for asset, first in self._first.items():
            if all_now or real - self._last[asset] > QUIET_S or real - first > PATIENCE_S:
                del self._first[asset], self._last[asset]
                return asset
        return None

    def judge(self, tx: Tx, asset_id: str, now: datetime) -> Rejudged | None:
        """Run the pure rules over the archive of an asset; None when the asset is not in the register."""
        asset = self._city.register.assets.get(asset_id)
        if asset is None:
            return None
        since = now - self._horizon
        known = [
            Episode(
                str(row["id"]),
                row["condition"],
                row["severity"],
                row["phase"],
                to_ms(row["onset_at"]),
                to_ms(row["end_at"]) if row["end_at"] else None,
                row["past"],
            )
            for row in stream.known_episodes(tx, asset_id, since)
        ]
        return rejudge(
            asset,
            stream.archive_of(tx, asset_id, since),
            stream.context_of(tx, asset.district, since),
            known,
            self._city.rulebook,
            to_ms(since),
            to_ms(now),
        )
