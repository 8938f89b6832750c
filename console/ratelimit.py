"""How often one address may ask, for pages that need no login."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable
from threading import Lock

_MOST = 10_000
"""So many addresses are remembered; then the one that asked longest ago is forgotten."""


class RateLimit:
    """`burst` requests at once, and `per_minute` from then on, for each address. Thread-safe; kept in memory."""

    def __init__(self, per_minute: float, burst: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._rate, self._burst, self._clock = per_minute / 60, float(burst), clock
        self._left: OrderedDict[str, tuple[float, float]] = OrderedDict()
        self._lock = Lock()

    def allow(self, who: str) -> bool:
        """May `who` ask now? Each yes is counted."""
        now = self._clock()
        with self._lock:
            left, at = self._left.pop(who, (self._burst, now))
            left = min(self._burst, left + (now - at) * self._rate)
            allowed = left >= 1
            self._left[who] = (left - 1 if allowed else left, now)
            while len(self._left) > _MOST:
                self._left.popitem(last=False)
        return allowed
