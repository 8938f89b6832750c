"""PURE: working time as running sums, so that where a limit ends is two look-ups and no walk from day to day.

Whole microseconds throughout: what comes out is exact, and not rounded to some minute.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable
from datetime import UTC, date, datetime, timedelta

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_US = timedelta(microseconds=1)
_DAY = timedelta(days=1)
_CHUNK_DAYS = 8
_IDLE_DAYS = 400
"""No working time for so many days: the index gives up, and the walk says what is wrong."""

Windows = Callable[[date], Iterable[tuple[datetime, datetime]]]


class WorkTime:
    """The working time of a calendar from a date on; it grows when later dates are asked for.

    `windows` gives the working time of one local date, in order. A window may reach into the next date; what two dates both
    claim counts once.
    """

    __slots__ = ("_begins", "_before", "_ends", "_first", "_next", "_totals", "_windows")

    def __init__(self, windows: Windows, first: date) -> None:
        self._windows, self._first, self._next = windows, first, first
        self._begins: list[int] = []
        self._ends: list[int] = []
        self._before: list[int] = []
        self._totals: list[int] = []

    @property
    def first(self) -> date:
        """The first date that it knows."""
        return self._first

    @property
    def next(self) -> date:
        """The first date that it does not know yet."""
        return self._next

    def add(self, start: datetime, amount: timedelta) -> datetime | None:
        """When `amount` of working time has passed since `start`, UTC. None: no working time within 400 days.

        Raises OverflowError beyond the year 9999.
        """
        begin, length = (start - EPOCH) // _US, amount // _US
        if not length:
            # a closing time itself is still working time
            at = self._reach(lambda: bool(self._ends) and self._ends[-1] >= begin)
            if not at:
                return None
            return _moment(max(begin, self._begins[bisect_left(self._ends, begin)]))
        if not self._reach(lambda: bool(self._ends) and self._ends[-1] > begin):
            return None
        target = self._passed(begin) + length
        if not self._reach(lambda: self._totals[-1] >= target):
            return None
        index = bisect_left(self._totals, target)
        return _moment(self._begins[index] + target - self._before[index])

    def passed(self, start: datetime, end: datetime) -> timedelta | None:
        """The working time between two moments, `end` not before `start`. None: no working time within 400 days of `end`."""
        begin, stop = (start - EPOCH) // _US, (end - EPOCH) // _US
        if not self._reach(lambda: bool(self._ends) and self._ends[-1] > stop):
            return None
        return timedelta(microseconds=self._passed(stop) - self._passed(begin))

    def _passed(self, moment: int) -> int:
        """Working time before a moment, since the first date."""
        index = bisect_right(self._ends, moment)
        return self._before[index] + max(0, moment - self._begins[index])

    def _reach(self, enough: Callable[[], bool]) -> bool:
        idle = 0
        while not enough():
            known = len(self._ends)
            for _ in range(_CHUNK_DAYS):
                self._grow()
            idle = 0 if len(self._ends) > known else idle + _CHUNK_DAYS
            if idle >= _IDLE_DAYS:
                return False
        return True

    def _grow(self) -> None:
        for opening, closing in self._windows(self._next):
            end = (closing - EPOCH) // _US
            begin = max((opening - EPOCH) // _US, self._ends[-1] if self._ends else 0)
            if begin < end:
                total = self._totals[-1] if self._totals else 0
                self._begins.append(begin)
                self._ends.append(end)
                self._before.append(total)
                self._totals.append(total + end - begin)
        self._next += _DAY


def _moment(microseconds: int) -> datetime:
    return EPOCH + timedelta(microseconds=microseconds)
