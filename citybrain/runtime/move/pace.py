"""PURE: how much time of the archive one transaction carries: about ten seconds of work, whatever the city's size."""

from __future__ import annotations

from datetime import timedelta

WANTED_S = 10.0
"""Real seconds of one transaction: so much work an interruption costs at most, about."""
LEAST, MOST = timedelta(minutes=10), timedelta(days=7)
_FASTER, _SLOWER = 4.0, 0.25


class Pace:
    """The span of the next transaction, learned from those before it."""

    def __init__(self, span: timedelta = timedelta(days=1)) -> None:
        self.span = span

    def took(self, span: timedelta, seconds: float) -> None:
        """A transaction over `span` took so long. One cut short by the end of a week tells only that it was slow."""
        if span >= self.span or seconds > WANTED_S:
            wanted = span * min(_FASTER, max(_SLOWER, WANTED_S / max(seconds, 1e-3)))
            self.span = min(MOST, max(LEAST, wanted))
