"""PURE. From points to a dated finding: the steps that silt, covers and lamps have in common."""

from __future__ import annotations

from collections.abc import Sequence

from forecast.days import Point
from forecast.finding import Finding, Why, judged
from forecast.settings import Window
from forecast.trend import Trend, crossing, theil_sen


def follow(
    found: Finding, points: Sequence[Point], threshold: float, today: float, window: Window, *, slope_min: float,
    rising: bool = True,
) -> tuple[Finding, Trend | None]:  # fmt: skip
    """When the line through the points meets the threshold, or why there is no date; and the line.

    `slope_min`: a slope (per day) of less than this towards the threshold is nothing.
    """
    if points and points[-1][0] < today - window.stale_days:
        return found._replace(why=Why.STALE), None
    trend = theil_sen(points, window.confidence) if len(points) >= window.days_min else None
    if trend is None:
        return found._replace(why=Why.TOO_FEW_DAYS), None
    if (trend.slope if rising else -trend.slope) < slope_min:
        return found._replace(why=Why.NORMAL), trend
    met = crossing(trend, threshold, rising=rising, confidence=window.confidence)
    if met is None:
        return found._replace(why=Why.NO_TREND), trend
    return judged(found, met, today, horizon=window.horizon_days, width_max=window.width_max_days), trend


def behind(points: Sequence[Point], step: float | None) -> list[Point]:
    """The points from a step on; all of them when there was none."""
    return [point for point in points if step is None or point[0] >= step]
