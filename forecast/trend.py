"""PURE. Robust trends: the Theil-Sen slope with Sen's interval of ranks, and when the line meets a threshold.

No distribution is assumed, and almost a third of the values may be nonsense. Values of neighbouring days resemble each other
(water of the last rain, dirt): the variance of Kendall's S is widened by (1 + r) / (1 - r), r the correlation of neighbours
of what the line leaves over, so that a wave is not taken for a trend.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from itertools import pairwise
from statistics import NormalDist, median
from typing import NamedTuple

from forecast.days import Point

MAD_TO_SIGMA = 1.4826
_MEDIAN_LOSS = 1.2533
"""standard error of a median over that of a mean, of normal values"""
_LEAST = 4
_STRIDE = 7
"""points between which the differences are compared with those of neighbours"""


class Trend(NamedTuple):
    """A line through points. Slopes are per day; `sigma` is the scatter around the line, `n` the number of points.

    `significant`: the interval of the slope lies on one side of 0.
    """

    slope: float
    low: float
    high: float
    level: float
    """of the line at `at`"""
    at: float
    """the middle of the points' times (days since 1970)"""
    sigma: float
    n: int
    last: float
    """the time of the newest point"""
    wander: float = 0.0
    """how far the truth strays from the line by chance: variance a day"""

    @property
    def significant(self) -> bool:
        """Is there a direction at all?"""
        return self.low > 0 or self.high < 0

    def value(self, day: float) -> float:
        """The line at a time."""
        return self.level + self.slope * (day - self.at)


class Crossing(NamedTuple):
    """When a line meets a threshold: the best guess, and between which times with the trend's confidence (days since 1970)."""

    at: float
    low: float
    high: float


def theil_sen(points: Sequence[Point], confidence: float = 0.9) -> Trend | None:
    """The trend of points in order of time; None for fewer than 4 or for those of one moment. `confidence`: of the interval."""
    if len(points) < _LEAST:
        return None
    slopes = sorted(
        (later - value) / (then - time)
        for number, (time, value) in enumerate(points)
        for then, later in points[number + 1 :]
        if then > time
    )
    if not slopes:
        return None
    slope = median(slopes)
    rest = [value - slope * time for time, value in points]
    base = median(rest)
    rest = [value - base for value in rest]
    low, high = _interval(points, slopes, rest, confidence)
    at = median(time for time, _ in points)
    wander = _wander([(time, left) for (time, _), left in zip(points, rest, strict=True)])
    return Trend(slope, low, high, base + slope * at, at, scatter(rest), len(points), points[-1][0], wander)


def crossing(trend: Trend, threshold: float, *, rising: bool, confidence: float = 0.9) -> Crossing | None:
    """When the line meets a threshold that is reached by rising (or falling); None when it has no direction, or the other one.

    Three doubts are added as squares: that of the slope, which grows with the distance from the points, that of the level, and
    what may yet happen by chance. A time in the past is one where the line has met it already.
    """
    if not trend.significant or (trend.slope > 0) != rising:
        return None
    gap = threshold - trend.level
    best = gap / trend.slope
    level = (_MEDIAN_LOSS * trend.sigma) ** 2 / trend.n
    chance = trend.wander * ((trend.last - trend.at) / 3 + max(0.0, trend.at + best - trend.last))
    doubt = NormalDist().inv_cdf(0.5 + confidence / 2) * math.sqrt(level + chance) / abs(trend.slope)
    ends = sorted((gap / trend.low, gap / trend.high))
    low = best - math.hypot(best - ends[0], doubt)
    high = best + math.hypot(ends[1] - best, doubt)
    return Crossing(trend.at + best, trend.at + low, trend.at + high)


def scatter(values: Sequence[float]) -> float:
    """The usual size of differences from the median, as a standard deviation (MAD)."""
    if not values:
        return 0.0
    middle = median(values)
    return MAD_TO_SIGMA * median(abs(value - middle) for value in values)


def jitter(values: Sequence[float]) -> float:
    """The noise from one value to the next as a standard deviation, blind to slow trends and to single steps."""
    if len(values) < 2:
        return 0.0
    return MAD_TO_SIGMA * median(abs(after - before) for before, after in pairwise(values)) / math.sqrt(2)


def _wander(rest: Sequence[Point]) -> float:
    """The variance that differences gain with each day between them: 0 for mere noise, whose differences do not grow."""
    noise = jitter([value for _, value in rest]) ** 2 * 2
    far = [(value - rest[n][1], time - rest[n][0]) for n, (time, value) in enumerate(rest[_STRIDE:])]
    if len(far) < _STRIDE:
        return 0.0
    gained = (MAD_TO_SIGMA * median(abs(change) for change, _ in far)) ** 2 - noise
    return max(0.0, gained) / median(days for _, days in far)


def _interval(
    points: Sequence[Point], slopes: Sequence[float], rest: Sequence[float], confidence: float
) -> tuple[float, float]:
    """Sen's interval: as many slopes from both ends are left out as Kendall's S may scatter."""
    n = len(points)
    ties = Counter(value for _, value in points)
    variance = (n * (n - 1) * (2 * n + 5) - sum(t * (t - 1) * (2 * t + 5) for t in ties.values())) / 18
    variance *= _widening(rest)
    spread = NormalDist().inv_cdf(0.5 + confidence / 2) * math.sqrt(max(0.0, variance))
    first = math.floor((len(slopes) - spread) / 2) - 1
    last = len(slopes) - 1 - first
    low = slopes[first] if first >= 0 else -math.inf
    high = slopes[last] if last < len(slopes) else math.inf
    return low, high


def _widening(rest: Sequence[float]) -> float:
    """By how much the likeness of neighbours widens the variance; 1 when there is none."""
    total = sum(value * value for value in rest)
    if total <= 0:
        return 1.0
    r = sum(before * after for before, after in pairwise(rest)) / total
    r = min(0.9, r)
    return (1 + r) / (1 - r) if r > 0 else 1.0
