"""PURE. What the trends are made of: one measure of an asset by day (UTC), as the archive sums it up."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

DAY_MS = 86_400_000


class Day(NamedTuple):
    """One measure on one day. `day` counts from 1970-01-01 UTC; `low`, `high`, `mean` are those of its numbers."""

    day: int
    n: int
    mean: float
    low: float
    high: float
    total: float


Series = Sequence[Day]
"""In order of days; days without a value are not in it."""

Daily = Mapping[str, Series]
"""measure -> its days"""

Point = tuple[float, float]
"""(time in days since 1970, value)"""


def day_of(ms: int) -> int:
    """The day that a time (ms) lies in."""
    return ms // DAY_MS


def ms_of(day: float) -> int:
    """The time (ms) of a day, or of a part of one."""
    return round(day * DAY_MS)


def noon(day: int) -> float:
    """The middle of a day: where its value stands."""
    return day + 0.5


def between(series: Series, first: int, end: int) -> list[Day]:
    """The days from `first` on and before `end`."""
    return [one for one in series if first <= one.day < end]
