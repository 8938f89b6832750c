"""PURE. A lamp whose power leaves that of its like at the same dimming: driver or lamp is changed before it goes dark.

What a lamp draws is divided by the median of the lamps of its model, rated power and dimming on that night. So the voltage of
the evening, the season and the schedule fall out, and only the lamp itself is left.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from statistics import median
from typing import NamedTuple

from citybrain.kernel.model import Asset
from forecast.days import Daily, Point, ms_of, noon
from forecast.finding import Finding, Plan, Why
from forecast.line import behind, follow
from forecast.settings import Lamp
from forecast.steps import last_step
from forecast.trend import MAD_TO_SIGMA

POWER, DIM = "power_w", "dim_pct"
MEASURES = (POWER, DIM)
_DIM_STEP = 5
_RECENT_DAYS = 7
_LEAST_SPREAD = 0.01
"""peers that are all alike to a hundredth: what differs by less is no sign"""

Like = tuple[str, float]
"""model and rated power: lamps that should draw the same"""


class Peers(NamedTuple):
    """What lamps of one kind draw: (day, dimming) -> median of power (W) and how many; `spread` of ratios among lamps."""

    medians: Mapping[tuple[int, int], tuple[float, int]]
    spread: float


def like(asset: Asset) -> Like:
    """Which lamps a lamp is compared with."""
    return asset.model or "", asset.rated_power_w or 0.0


def lit(daily: Daily) -> Iterable[tuple[int, int, float]]:
    """Day, brightest dimming of the day, and power then, for the days on which the lamp was lit."""
    dims = {one.day: one.high for one in daily.get(DIM, ())}
    for one in daily.get(POWER, ()):
        dim = dims.get(one.day, 100.0)
        if dim >= _DIM_STEP:
            yield one.day, round(dim / _DIM_STEP) * _DIM_STEP, one.high


def peers_of(lamps: Sequence[Daily]) -> Peers:
    """The medians of lamps that are alike."""
    drawn: dict[tuple[int, int], list[float]] = {}
    for daily in lamps:
        for day, dim, power in lit(daily):
            drawn.setdefault((day, dim), []).append(power)
    medians = {place: (median(powers), len(powers)) for place, powers in drawn.items()}
    last = max((day for day, _ in drawn), default=0)
    usual = []
    for daily in lamps:
        shares = [
            power / medians[day, dim][0]
            for day, dim, power in lit(daily)
            if day > last - _RECENT_DAYS and medians[day, dim][0] > 0
        ]
        if shares:
            usual.append(median(shares))
    middle = median(usual) if usual else 1.0
    return Peers(medians, MAD_TO_SIGMA * median(abs(one - middle) for one in usual) if usual else 0.0)


def forecast(asset: Asset, daily: Daily, peers: Peers | None, today: float, settings: Lamp, reset: float = 0) -> Finding:
    """When the power of one lamp leaves the band of its like. `today` and `reset` in days since 1970."""
    found = Finding(Plan.LAMP, asset.id, Why.TOO_FEW_PEERS)
    first = max(today - settings.window_days, reset)
    shares: list[Point] = []
    for day, dim, power in lit(daily):
        usual, lamps = peers.medians.get((day, dim), (0.0, 0)) if peers is not None else (0.0, 0)
        if lamps >= settings.peers_min and usual > 0 and first < noon(day) < int(today):
            shares.append((noon(day), power / usual))
    if peers is None or not shares:
        return found if any(True for _ in lit(daily)) else found._replace(why=Why.TOO_FEW_DAYS)
    replaced = _replaced(shares, settings)
    points = behind(shares, replaced)
    now = median(share for _, share in points[-_RECENT_DAYS:])
    z = (now - 1.0) / max(peers.spread, _LEAST_SPREAD)
    falling = now < 1.0
    limit = settings.low if falling else settings.high
    found = found._replace(
        why=Why.TOO_FEW_DAYS,
        since_ms=ms_of(points[0][0]),
        reset_ms=ms_of(replaced) if replaced is not None else None,
        samples=len(points),
        points=tuple((ms_of(day), "share_of_peers", round(share, 3)) for day, share in points[-5:]),
        facts=(("limit_share", limit), ("share", round(now, 3)), ("z", round(z, 1))),
    )
    found, trend = follow(found, points, limit, today, settings, slope_min=settings.slope_min, rising=not falling)
    if trend is None:
        return found
    found = found._replace(facts=(*found.facts, ("share_per_day", round(trend.slope, 5))))
    if abs(z) < settings.z_min:
        return found._replace(why=Why.NORMAL, at_ms=None, low_ms=None, high_ms=None)
    return found._replace(
        detail=f"power {now:.0%} of the median of its model at the same dimming (z {z:+.1f}), {trend.slope * 30:+.1%} a month "
        f"over {len(points)} nights; change at {limit:.0%}"
    )


def _replaced(shares: Sequence[Point], settings: Lamp) -> float | None:
    """A lasting step back towards 1, from either side."""
    away = [(day, abs(share - 1.0)) for day, share in shares]
    return last_step(away, settings.step)
