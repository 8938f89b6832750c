"""PURE. From points to a dated finding: the steps that silt, covers and lamps have in common."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import median

from forecast.days import Point
from forecast.finding import Finding, Why, judged
from forecast.settings import Window
from forecast.trend import Trend, crossing, theil_sen

_SHARES = (2 / 3, 1 / 2, 1 / 3)
"""of the points: where a shorter line may begin"""
_OFF = 0.5
"""so many times the scatter is off the line; the median of twenty values is that by chance one time in fourteen"""


def follow(
    found: Finding, points: Sequence[Point], threshold: float, today: float, window: Window, *, slope_min: float,
    rising: bool = True,
) -> tuple[Finding, Trend | None]:  # fmt: skip
    """When the line through the points meets the threshold, or why there is no date; and the line.

    `slope_min`: a slope (per day) of less than this towards the threshold is nothing.
    """
    if points and points[-1][0] < today - window.stale_days:
        return found._replace(why=Why.STALE), None
    trend = newest_line(points, window)
    if trend is None:
        return found._replace(why=Why.TOO_FEW_DAYS), None
    if (trend.slope if rising else -trend.slope) < slope_min:
        return found._replace(why=Why.NORMAL), trend
    met = crossing(trend, threshold, rising=rising, confidence=window.confidence)
    if met is None:
        return found._replace(why=Why.NO_TREND), trend
    return judged(found, met, today, horizon=window.horizon_days, width_max=window.width_max_days), trend


def newest_line(points: Sequence[Point], window: Window) -> Trend | None:
    """The line through the points, or through the newest of them where wear has begun, or grown, within the window.

    A shorter line counts when the newest third lies off the long one, and the interval of its slope leaves that of the long one
    out. None for too few points.
    """
    if len(points) < window.days_min:
        return None
    trend = theil_sen(points, window.confidence)
    for share in _SHARES:
        newest = points[-max(window.days_min, round(share * len(points))) :]
        if trend is None or len(newest) >= len(points) or not _off(trend, points):
            break
        shorter = theil_sen(newest, window.confidence)
        if shorter is not None and not shorter.low <= trend.slope <= shorter.high:
            trend = shorter
    return trend


def _off(trend: Trend, points: Sequence[Point]) -> bool:
    newest = points[-max(1, len(points) // 3) :]
    return abs(median(value - trend.value(day) for day, value in newest)) > _OFF * trend.sigma


def behind(points: Sequence[Point], step: float | None) -> list[Point]:
    """The points from a step on; all of them when there was none."""
    return [point for point in points if step is None or point[0] >= step]
