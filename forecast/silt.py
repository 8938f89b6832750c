"""PURE. Silt: the lowest level of dry days rises, until it stands at a fifth of the pipe's diameter and somebody must clean.

The lowest level of a day is that of the night, when hardly anything flows. A day with rain at the gauge of the catchment (or
district) and the days after it are left out: they show water, not silt. A drop that stays is a cleaning, and the trend begins
anew behind it.
"""

from __future__ import annotations

from collections.abc import Collection

from citybrain.kernel.model import Asset
from forecast.days import Daily, ms_of, noon
from forecast.finding import Finding, Plan, Why
from forecast.line import behind, follow
from forecast.settings import Silt
from forecast.steps import last_step

LEVEL, RAIN = "level_mm", "rain_mm"
MEASURES = (LEVEL,)


def wet_days(gauges: Collection[Daily], settings: Silt) -> frozenset[int] | None:
    """The days that rain leaves its mark on, by any of the gauges; None when none of them has told of rain or drought."""
    days = [one for gauge in gauges for one in gauge.get(RAIN, ())]
    if not days:
        return None
    wet = {one.day for one in days if one.total >= settings.rain_mm}
    return frozenset(day + after for day in wet for after in range(settings.wet_days_after + 1))


def forecast(
    asset: Asset, daily: Daily, wet: Collection[int] | None, today: float, settings: Silt, reset: float = 0
) -> Finding:
    """When the silt of one drain asks for cleaning. `wet` None: no gauge, so no day is left out.

    `today` and `reset` (the last cleaning that is known) are days since 1970.
    """
    found = Finding(Plan.SILT, asset.id, Why.NO_THRESHOLD)
    if asset.pipe_diameter_mm is None:
        return found
    first = max(today - settings.window_days, reset)
    seen = [one for one in daily.get(LEVEL, ()) if first < noon(one.day) < int(today)]
    dry = [(noon(one.day), one.low) for one in seen if wet is None or one.day not in wet]
    cleaned = last_step(dry, settings.step_mm)
    points = behind(dry, cleaned)
    limit = clean_level(asset) + settings.share_of_diameter * asset.pipe_diameter_mm
    found = found._replace(
        why=Why.TOO_FEW_DAYS,
        since_ms=ms_of(points[0][0]) if points else None,
        reset_ms=ms_of(cleaned) if cleaned is not None else None,
        samples=len(points),
        points=tuple((ms_of(day), LEVEL, value) for day, value in points[-5:]),
        facts=(
            ("limit_mm", round(limit)),
            ("pipe_diameter_mm", asset.pipe_diameter_mm),
            ("wet_days", "no_gauge" if wet is None else len(seen) - len(dry)),
        ),
    )
    found, trend = follow(found, points, limit, today, settings, slope_min=settings.slope_min_mm)
    if trend is None:
        return found
    level = trend.value(today)
    return found._replace(
        facts=(*found.facts, ("level_mm", round(level, 1)), ("mm_per_day", round(trend.slope, 3))),
        detail=f"dry-weather minimum {level:.0f} mm, {trend.slope * 30:+.0f} mm a month over {len(points)} dry days; "
        f"cleaning from {limit:.0f} mm",
    )


def clean_level(asset: Asset) -> float:
    """The dry-weather minimum over a clean bed, where the register has it (attribute `clean_level_mm`); else the bed itself."""
    try:
        return float(asset.attributes.get("clean_level_mm", 0))
    except ValueError:
        return 0.0
