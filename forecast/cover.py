"""PURE. A cover that knocks more and more, or whose frame sinks: repaired before it comes off.

Knocks grow by a share a day (a seat that is worn wears faster), so their logarithm has the trend. The device counts them up;
a day's knocks are the difference of the counter. Tilt drifts in a straight line: 1.5 deg of a 700 mm cover is the 20 mm step
at the frame that is a fault.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise

from citybrain.kernel.model import Asset
from forecast.days import Daily, Point, ms_of, noon
from forecast.finding import Fact, Finding, Plan, Why
from forecast.line import behind, follow
from forecast.settings import Cover
from forecast.steps import last_step

KNOCKS, TILT = "shock_count", "tilt_deg"
MEASURES = (KNOCKS, TILT)
_KNOWN = (Why.NO_TREND, Why.NORMAL, Why.STALE, Why.TOO_FEW_DAYS)
"""without a date: what is known comes before what is not"""


def forecast(asset: Asset, daily: Daily, today: float, settings: Cover, reset: float = 0) -> Finding:
    """When one cover asks for the repair of its frame: the nearer of two dates. `today` and `reset` in days since 1970."""
    first = max(today - settings.window_days, reset)
    both = [_knocks(asset, daily, first, today, settings), _tilt(asset, daily, first, today, settings)]
    dated = [one for one in both if one.at_ms is not None]
    resets = [one.reset_ms for one in both if one.reset_ms is not None]
    if dated:
        found = min(dated, key=lambda one: (not one.planned, one.at_ms or 0))
    else:
        found = min(both, key=lambda one: _KNOWN.index(one.why))
    return found._replace(reset_ms=max(resets, default=None))


def per_day(daily: Daily) -> list[Point]:
    """Knocks a day, from the counter's end of one day to that of the next; days after a gap or a restart are left out."""
    return [
        (noon(after.day), after.high - before.high)
        for before, after in pairwise(daily.get(KNOCKS, ()))
        if after.day == before.day + 1 and after.low >= before.low and after.high >= before.high
    ]


def _knocks(asset: Asset, daily: Daily, first: float, today: float, settings: Cover) -> Finding:
    counted = [point for point in per_day(daily) if first < point[0] < int(today)]
    logs = [(day, math.log1p(value)) for day, value in counted]
    repaired = last_step(logs, math.log(settings.knocks_step))
    limit = settings.knocks_per_day
    found = _begin(asset, KNOCKS, behind(counted, repaired), repaired, ("limit_per_day", limit))
    points = behind(logs, repaired)
    found, trend = follow(found, points, math.log1p(limit), today, settings, slope_min=math.log1p(settings.knocks_growth_min))
    if trend is None:
        return found
    now = math.expm1(trend.value(today))
    growth = math.expm1(trend.slope * 30)
    return found._replace(
        facts=(*found.facts, ("per_day", round(now, 1)), ("growth_per_month", round(growth, 3))),
        detail=f"{now:.0f} knocks a day, {growth:+.0%} a month over {len(points)} days; repair from {limit:.0f} a day",
    )


def _tilt(asset: Asset, daily: Daily, first: float, today: float, settings: Cover) -> Finding:
    measured = [(noon(one.day), one.mean) for one in daily.get(TILT, ()) if first < noon(one.day) < int(today)]
    repaired = last_step(measured, settings.tilt_step_deg)
    points = behind(measured, repaired)
    found = _begin(asset, TILT, points, repaired, ("limit_deg", settings.tilt_deg))
    found, trend = follow(found, points, settings.tilt_deg, today, settings, slope_min=settings.tilt_slope_min)
    if trend is None:
        return found
    now = trend.value(today)
    return found._replace(
        facts=(*found.facts, ("tilt_deg", round(now, 2)), ("deg_per_day", round(trend.slope, 4))),
        detail=f"tilt {now:.1f} deg, {trend.slope * 30:+.2f} deg a month over {len(points)} days; "
        f"repair from {settings.tilt_deg:.1f} deg",
    )


def _begin(asset: Asset, sign: str, points: Sequence[Point], step: float | None, limit: Fact) -> Finding:
    return Finding(
        Plan.COVER,
        asset.id,
        Why.TOO_FEW_DAYS,
        since_ms=ms_of(points[0][0]) if points else None,
        reset_ms=ms_of(step) if step is not None else None,
        samples=len(points),
        facts=(("sign", sign), limit),
        points=tuple((ms_of(day), sign, round(value, 2)) for day, value in points[-5:]),
    )
