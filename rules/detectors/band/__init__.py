"""A value that must lie in a band which depends on another value: lamp power against dimming."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from citybrain.kernel.model import Asset
from rules.detectors.base import (
    GOOD,
    NAN,
    Bad,
    Env,
    Gate,
    Memory,
    Observe,
    Verdict,
    check_field,
    compile_gates,
    gate_numbers,
    number_of,
)
from rules.detectors.words import name_of, with_unit

OWN: Final = False


@dataclass(frozen=True, slots=True)
class Params:
    """The limit is linear in `by` between two fractions of the asset's field `of`: at `min_dim_pct` and at 100."""

    low: tuple[float, float] | None = None
    high: tuple[float, float] | None = None
    side: str = "low"
    """low or high: which side of the band is judged."""
    measure: str = "power_w"
    by: str = "dim_pct"
    of: str = "rated_power_w"
    min_dim_pct: float = 10
    """Deeper dimming gives no verdict: meters are not true there."""
    default_dim_pct: float | None = None
    """Dimming of a device that does not report it. None: no verdict."""
    dark_fraction: float = 0.04
    """At or below this share of `of` the lamp is dark: another condition's business, no verdict on the low side."""
    settle_s: float = 900
    """No verdict in the first so many seconds after the lamp was switched on."""
    gates: tuple[Gate, ...] = ()

    def __post_init__(self) -> None:
        check_field("of", self.of)
        if self.side not in ("low", "high"):
            raise ValueError(f"side: must be low or high, got {self.side!r}")
        if (self.low if self.side == "low" else self.high) is None:
            raise ValueError(f"{self.side}: give the two fractions of the side that is judged")
        if not 0 <= self.min_dim_pct < 100:
            raise ValueError(f"min_dim_pct: must be 0 to 99, got {self.min_dim_pct:g}")


def measures(params: Params) -> tuple[str, ...]:
    """What it judges; the dimming alone says nothing."""
    return (params.measure, params.by)


def fixed(params: Params, asset: Asset) -> tuple[float, ...]:
    """The asset's number (its rated power), then those of the gates."""
    return (number_of(asset, params.of), *gate_numbers(params.gates, asset))


def cells(params: Params) -> int:
    """Since when it is lit (ms); NaN while it is dark."""
    return 1


def common(params: Params, asset: Asset) -> tuple[Hashable, ...]:
    """Nothing of the asset is compiled in."""
    return ()


def compile(params: Params, asset: Asset, env: Env, base: int) -> Observe:
    """The judge."""
    measure, by, deepest = params.measure, params.by, params.min_dim_pct
    dark, settle_ms, default = params.dark_fraction, params.settle_s * 1000, params.default_dim_pct
    low_side = params.side == "low"
    at_min, at_full = (params.low if low_side else params.high) or (0.0, 0.0)
    slope = (at_full - at_min) / (100 - deepest)
    since = base + 1 + len(params.gates)
    opens = compile_gates(params.gates, base + 1)
    never = NAN

    def observe(values: Mapping[str, Any], at_ms: int, memory: Memory) -> Verdict:
        value = values.get(measure)
        if value is None:
            return None
        rated = memory[base]
        if value <= dark * rated:
            memory[since] = never
            return None  # a dark lamp says nothing about its power, on either side: an over-power order must not close at dawn
        if rated != rated:
            return None
        lit = memory[since]
        if lit != lit:
            memory[since] = lit = at_ms
        if at_ms - lit < settle_ms:
            return None
        dim = values.get(by, default)
        if dim is None or dim < deepest or (opens is not None and not opens(values, memory)):
            return None
        limit = rated * (at_min + slope * (dim - deepest))
        if value >= limit if low_side else value <= limit:
            return GOOD
        side = "below" if low_side else "above"
        return Bad(
            f"{side}_band",
            f"{name_of(measure)} {with_unit(measure, value)} is {side} {with_unit(measure, limit)}, "
            f"its limit at {with_unit(by, dim)} of {with_unit(measure, rated)}",
        )

    return observe
