"""Which assets are judged again from the archive, and when: soon after their last late reading, never all at once."""

from __future__ import annotations

import time
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from citybrain.kernel.times import to_ms
from citybrain.runtime.city import City
from citybrain.store.db import Tx
from rules.hindsight import judge_again
from rules.rejudge import Rejudged

QUIET_S = 0.5
"""real seconds without a late reading of the asset before it is judged again: back-fills come in bursts"""
PATIENCE_S = 3.0
"""…but never wait longer than this"""


@dataclass(slots=True)
class _Demand:
    """Why and since when (monotonic seconds) an asset waits; `since_ms` is its oldest late reading."""

    first: float
    last: float
    since_ms: int


class Rejudging:
    """The queue in memory; the table `rejudge_queue` is its durable twin."""

    def __init__(self, city: City, horizon: timedelta, waiting: Iterable[tuple[str, datetime]]) -> None:
        self._city, self._horizon = city, horizon
        self._waiting: dict[str, _Demand] = {}
        self.ask((asset, to_ms(since)) for asset, since in waiting)

    def ask(self, late: Iterable[tuple[str, int]]) -> None:
        """Assets that just got a late reading, with its observed time (ms)."""
        real = time.monotonic()
        for asset, observed_ms in late:
            demand = self._waiting.setdefault(asset, _Demand(real, real, observed_ms))
            demand.last, demand.since_ms = real, min(demand.since_ms, observed_ms)

    def urgent(self) -> bool:
        """True when somebody has waited so long that a busy stream must make room."""
        return bool(self._waiting) and time.monotonic() - next(iter(self._waiting.values())).first > PATIENCE_S

    def next(self, all_now: bool) -> tuple[str, int] | None:
        """An asset whose time has come (any, with `all_now`) and its oldest late reading; it leaves the queue."""
        real = time.monotonic()
        for asset, demand in self._waiting.items():
            if all_now or real - demand.last > QUIET_S or real - demand.first > PATIENCE_S:
                del self._waiting[asset]
                return asset, demand.since_ms
        return None

    def judge(self, tx: Tx, asset_id: str, since_ms: int, now: datetime) -> Rejudged | None:
        """Run the pure rules over the archive of an asset; None when the asset is not in the register.

        Episodes that were over before `since_ms`, the oldest late reading, stay as they are.
        """
        asset = self._city.register.assets.get(asset_id)
        if asset is None:
            return None
        return judge_again(tx, asset, self._city.rulebook, since_ms, now, self._horizon)
