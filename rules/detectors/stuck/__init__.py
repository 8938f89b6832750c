"""A value that does not move any more."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from citybrain.kernel.model import Asset
from rules.detectors.base import GOOD, Bad, Env, Memory, Observe, Verdict, check_field, number_of
from rules.detectors.words import name_of, span, with_unit

OWN: Final = False


@dataclass(frozen=True, slots=True)
class Params:
    """Bad when the value stayed within `tolerance` for so many readings and so many seconds."""

    measure: str
    readings: int = 20
    seconds: float = 86400
    tolerance: float = 0
    ignore_values: tuple[float, ...] = ()
    """Values that may rightly stay for ever (0 mm in a dry drain)."""
    rest_of: str | None = None
    """Field of the asset at which the value may rightly stay: install_height_mm for a distance, the floor of a dry drain."""
    rest_within: float = 30
    """As near as this to it, in the unit of the measure (silt and the slope of the floor)."""

    def __post_init__(self) -> None:
        if self.readings < 2:
            raise ValueError(f"readings: must be at least 2, got {self.readings}")
        if self.tolerance < 0 or self.seconds < 0:
            raise ValueError("tolerance: must not be negative, nor seconds")
        check_field("rest_of", self.rest_of)


def measures(params: Params) -> tuple[str, ...]:
    """What it reads."""
    return (params.measure,)


def fixed(params: Params, asset: Asset) -> tuple[float, ...]:
    """Where the value may rest (NaN: nowhere)."""
    return (number_of(asset, params.rest_of),)


def cells(params: Params) -> int:
    """The value it rests at, since when (ms), and for how many readings."""
    return 3


def common(params: Params, asset: Asset) -> tuple[Hashable, ...]:
    """Nothing of the asset is compiled in."""
    return ()


def compile(params: Params, asset: Asset, env: Env, base: int) -> Observe:
    """The judge."""
    measure, readings, tolerance = params.measure, params.readings, params.tolerance
    lasting_ms, ignored = params.seconds * 1000, frozenset(params.ignore_values)
    resting, rest, since, count, within = base, base + 1, base + 2, base + 3, params.rest_within

    def observe(values: Mapping[str, Any], at_ms: int, memory: Memory) -> Verdict:
        value = values.get(measure)
        if value is None:
            return None
        if not -tolerance <= value - memory[rest] <= tolerance:
            memory[rest] = value
            memory[since] = at_ms
            memory[count] = 1
            return GOOD
        have = memory[count] = memory[count] + 1
        if have < readings or at_ms - memory[since] < lasting_ms:
            return None
        # A value that may stay says good to an episode that is open. With no place of rest (NaN) the comparison is false.
        if value in ignored or -within <= value - memory[resting] <= within:
            return GOOD
        lasted = (at_ms - memory[since]) / 1000
        return Bad(
            "value_stuck", f"{name_of(measure)} has been {with_unit(measure, value)} for {have:.0f} readings and {span(lasted)}"
        )

    return observe
