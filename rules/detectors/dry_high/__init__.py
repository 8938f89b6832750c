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
    """The level (mm) above which the water stands high; NaN where neither limit nor pipe is known."""
    if params.above is not None:
        crown = params.above * number_of(asset, "pipe_diameter_mm")
        if crown == crown:
            return (crown,)
    return (NAN if params.limit is None else params.limit,)


def cells(params: Params) -> int:
    """Since when the water stands high (ms); NaN while it does not."""
    return 1


def common(params: Params, asset: Asset) -> tuple[Hashable, ...]:
    """The district, whose rain is looked up."""
    return (asset.district,)


def compile(params: Params, asset: Asset, env: Env, base: int) -> Observe:
    """The judge."""
    measure, back, dry_mm, dry_ms = params.measure, params.clear_fraction, params.dry_mm, int(params.dry_hours * 3_600_000)
    without_ms, rain = params.seconds_without_gauge * 1000, env.rain(asset.district)
    since = base + 1

    def observe(values: Mapping[str, Any], at_ms: int, memory: Memory) -> Verdict:
        value = values.get(measure)
        if value is None:
            return None
        limit = memory[base]
        if value <= limit:
            if value > limit * back:
                return None
            memory[since] = NAN
            return GOOD
        if limit != limit:
            return None
        if memory[since] != memory[since]:
            memory[since] = at_ms
        fallen = None if rain is None else rain.fallen_mm(at_ms - dry_ms, at_ms - LAG_MS)
        if fallen is None:
            if at_ms - memory[since] < without_ms:
                return None
            why = f"for {span((at_ms - memory[since]) / 1000)}, and no rain gauge is heard"
        elif fallen >= dry_mm:
            memory[since] = NAN
            return UNSURE
        else:
            why = f"with {with_unit('rain_mm', fallen)} of rain in {span(dry_ms / 1000)}"
        return Bad(
            "high_in_dry_weather", f"{name_of(measure)} {with_unit(measure, value)} is above {with_unit(measure, limit)} {why}"
        )

    return observe
