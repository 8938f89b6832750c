"""When the clock-driven rules are shown which time: never a time that readings under way have not reached.

A reading that waits in our queue, or in the broker's, must not make its device silent or let a dwell run out. What waits in the
broker cannot be seen, but its age can: while messages come, time goes on only as far as the newest of them.
"""

from __future__ import annotations

import time
from collections.abc import Sequence

from citybrain.kernel.model import Reading

SLACK_S = 0.3
"""real seconds by which ticks follow the clock even when nothing is late"""
SCALED_SLACK_S = 1.0
"""…and in a city whose clock runs faster than life, where a delay of a thread is minutes"""
SETTLE_S = 1.0
"""after a connection the broker first hands out what it had kept"""
BUSY_S = 1.0
"""real seconds after the last reading during which the stream counts as flowing"""
EVERY_MS = 1000
"""city milliseconds between ticks, at least"""
EVERY_REAL_S = 0.1


class Ticker:
    """Decides about one tick after another. `speed` is city seconds a real second."""

    def __init__(self, speed: float = 1.0) -> None:
        self._slack_ms = int((SLACK_S if speed <= 1 else SCALED_SLACK_S) * speed * 1000)
        self.shown_ms = 0
        """the last time that was shown; 0: none yet"""
        self._last_real = 0.0
        self._flowing_until, self._lag_ms = 0.0, 0
        self._settled_at: float | None = None

    def due(self, now_ms: int, readings: Sequence[Reading], *, connected: bool, real: float | None = None) -> int | None:
        """The time (ms) to show to the rules now, or None. `now_ms` is city time, `real` the monotonic clock (for tests)."""
        real = time.monotonic() if real is None else real
        if not connected:
            self._settled_at = None
            return None
        if self._settled_at is None:
            self._settled_at = real + SETTLE_S
        if readings:
            self._flowing_until = real + BUSY_S
            self._lag_ms = max(0, now_ms - max(reading.observed_ms for reading in readings))
        if real < self._settled_at or real - self._last_real < EVERY_REAL_S:
            return None
        lag_ms = max(self._slack_ms, self._lag_ms) if real < self._flowing_until else self._slack_ms
        shown = now_ms - lag_ms
        if shown - self.shown_ms < EVERY_MS:
            return None
        self.shown_ms, self._last_real = shown, real
        return shown
