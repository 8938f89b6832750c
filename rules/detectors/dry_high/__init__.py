"""Water that stands high although it has not rained: a blockage."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from citybrain.kernel.model import Asset
from rules.detectors.base import GOOD, NAN, UNSURE, Bad, Env, Memory, Observe, Verdict, number_of
from rules.detectors.words import name_of, span, with_unit

LAG_MS: Final = 1_200_000
"""Rain of the last 20 minutes is not looked at: a gauge's message may be as late as that, and in any order with the drain's."""

SHORTEST_SPELL_MS: Final = 3_600_000
"""A high spell that ebbed sooner is a wave or a wrong echo and no habit."""
HALF_LIFE_MS: Final = 10 * 86_400_000
"""A habit is forgotten by half in 10 days: it outlives the neap tides, which come every 14.8 days."""
HABIT: Final = 1.5
"""Two high spells within a week that ebbed by themselves (each weighs 1, less as it ages) make a habit."""

MOST: Final = 10.0
"""A habit weighs no more, so that a drain whose outfall is mended loses it within three weeks."""

OWN: Final = True
"""It asks the engine for the rain of the district."""


@dataclass(frozen=True, slots=True)
class Params:
    """Bad when the level is above `limit`, or above the fraction `above` of the asset's pipe_diameter_mm, in dry weather."""

    measure: str = "level_mm"
    limit: float | None = None
    """mm; wins over `above` only where the asset has no pipe_diameter_mm."""
    above: float | None = None
    """Fraction of pipe_diameter_mm."""
    clear_fraction: float = 0.8
    """Good again below this share of the limit."""
    dry_mm: float = 0.5
    """Dry: less rain than this (mm) in the last `dry_hours`."""
    dry_hours: float = 6
    seconds_without_gauge: float = 43200
    """Where no gauge is heard in the district the level must have been high for so long (s)."""
    habit_s: float = 46800
    """A drain that has the habit to ebb by itself (tide) must have been high for so long (s): longer than a tide."""
    gap_s: float = 10800
    """A longer gap between levels ends a high spell where the asset's interval is not known (s)."""
    gap_intervals: float = 3
    """The same in intervals of the asset where that is known, but never less than an hour."""

    def __post_init__(self) -> None:
        if self.limit is None and self.above is None:
            raise ValueError("limit: give limit (mm) or above (fraction of the pipe)")
        if not 0 < self.clear_fraction <= 1:
            raise ValueError(f"clear_fraction: must be above 0 and at most 1, got {self.clear_fraction:g}")
        if not 0 < self.dry_hours <= 48:
            raise ValueError(f"dry_hours: must be above 0 and at most 48, got {self.dry_hours:g}")


def measures(params: Params) -> tuple[str, ...]:
    """What it reads."""
    return (params.measure,)


def fixed(params: Params, asset: Asset) -> tuple[float, ...]:
    """The level (mm) above which the water stands high (NaN where neither limit nor pipe is known); the longest gap (ms)."""
    gap_s = params.gap_s if not asset.interval_s else max(3600.0, params.gap_intervals * asset.interval_s)
    limit = NAN if params.limit is None else params.limit
    if params.above is not None:
        crown = params.above * number_of(asset, "pipe_diameter_mm")
        limit = crown if crown == crown else limit
    return (limit, gap_s * 1000)


def cells(params: Params) -> int:
    """Since when the water stands high (ms; NaN while it does not), when a level came last, whether that one was falling below
    the limit, the habit, and when it was weighed.
    """
    return 5


def common(params: Params, asset: Asset) -> tuple[Hashable, ...]:
    """The district, whose rain is looked up."""
    return (asset.district,)


def compile(params: Params, asset: Asset, env: Env, base: int) -> Observe:
    """The judge."""
    measure, back, dry_mm, dry_ms = params.measure, params.clear_fraction, params.dry_mm, int(params.dry_hours * 3_600_000)
    without_ms, habit_ms, rain = params.seconds_without_gauge * 1000, params.habit_s * 1000, env.rain(asset.district)
    gap, since, last, falling, habit, weighed = range(base + 1, base + 7)

    def observe(values: Mapping[str, Any], at_ms: int, memory: Memory) -> Verdict:
        value = values.get(measure)
        if value is None:
            return None
        limit, begun, before = memory[base], memory[since], memory[last]
        memory[last] = at_ms
        if value <= limit * back:
            if begun == begun:
                ebbed(at_ms if at_ms - before <= memory[gap] else before, begun, memory)
            return GOOD
        high = value > limit
        if begun == begun and at_ms - before > memory[gap]:
            # Nobody saw what the water did in between: it may have fallen and risen again, as a tide does.
            if memory[falling]:
                ebbed(before, begun, memory)
            memory[since], memory[falling] = at_ms if high else NAN, 0
            return UNSURE
        memory[falling] = not high
        if not high:
            return None  # between the two limits, or nothing is known of the pipe
        if begun != begun:
            memory[since] = begun = at_ms
        fallen = None if rain is None else rain.fallen_mm(at_ms - dry_ms, at_ms - LAG_MS)
        if fallen is None:
            if at_ms - begun < without_ms:
                return None
            why = f"for {span((at_ms - begun) / 1000)}, and no rain gauge is heard"
        elif fallen >= dry_mm:
            memory[since] = NAN
            return UNSURE
        else:
            why = f"with {with_unit('rain_mm', fallen)} of rain in {span(dry_ms / 1000)}"
        if at_ms - begun < habit_ms and weight(at_ms, memory) > HABIT:
            return None
        return Bad(
            "high_in_dry_weather", f"{name_of(measure)} {with_unit(measure, value)} is above {with_unit(measure, limit)} {why}"
        )

    def weight(at_ms: float, memory: Memory) -> float:
        """How many high spells there were that ebbed, each weighing half after each half-life."""
        known: float = memory[habit]
        return known * 0.5 ** ((at_ms - memory[weighed]) / HALF_LIFE_MS) if known == known else 0.0

    def ebbed(at_ms: float, begun: float, memory: Memory) -> None:
        """A high spell is over: it makes the habit stronger."""
        if at_ms - begun >= SHORTEST_SPELL_MS:
            memory[habit] = min(1 + weight(at_ms, memory), MOST)
            memory[weighed] = at_ms
        memory[since] = NAN

    return observe
