"""A value beyond a limit, with a second limit for the way back."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass
from functools import partial
from math import inf
from typing import Any, Final

from citybrain.kernel.model import Asset
from rules.detectors.base import (
    GOOD,
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
    """`raise_` and `clear` are in the unit of the measure, or fractions of the asset's field `of`."""

    measure: str
    raise_: float
    """Bad when the value is greater than this (with `below`: less than this)."""
    clear: float
    """Good when the value is at most this (with `below`: at least this). Between the two nothing changes."""
    absolute: bool = False
    """Judge the value without its sign."""
    below: bool = False
    needs: tuple[str, ...] = ()
    """No verdict unless these measures are in the same message."""
    of: str | None = None
    """rated_power_w, depth_mm, install_height_mm or pipe_diameter_mm; no verdict where the asset has none."""
    gates: tuple[Gate, ...] = ()
    """No verdict unless all of them are open (SL-PF: only above half the rated power)."""
    believe_from: float | None = None
    """A smaller value is a fault of the meter and no information (SL-UV: 0 V from a device that talks)."""
    believe_to: float | None = None
    """A greater value is no information."""
    lying: tuple[float, float] | None = None
    """A magnitude in this range is no information until another was seen: a sensor that waits on its side to be mounted."""

    def __post_init__(self) -> None:
        check_field("of", self.of)
        if self.lying is not None and (self.below or not self.absolute or self.of or self.needs or self.gates):
            raise ValueError("lying: only with absolute, and without below, of, needs and gates")
        if self.below and self.clear < self.raise_:
            raise ValueError(f"clear: must be at least raise ({self.raise_:g}) when below is true, got {self.clear:g}")
        if not self.below and self.clear > self.raise_:
            raise ValueError(f"clear: must be at most raise ({self.raise_:g}), got {self.clear:g}")


def measures(params: Params) -> tuple[str, ...]:
    """What it reads."""
    return (params.measure,)


def fixed(params: Params, asset: Asset) -> tuple[float, ...]:
    """The number that the limits are fractions of, then those of the gates."""
    return (number_of(asset, params.of), *gate_numbers(params.gates, asset)) if params.of or params.gates else ()


def cells(params: Params) -> int:
    """It remembers nothing (the hysteresis is "no verdict" between the limits) but whether the sensor was seen mounted."""
    return 1 if params.lying is not None else 0


def common(params: Params, asset: Asset) -> tuple[Hashable, ...]:
    """Nothing of the asset is compiled in."""
    return ()


def compile(params: Params, asset: Asset, env: Env, base: int) -> Observe:
    """The judge; the plain case is a closure of its own because it is the most frequent of all."""
    measure, raise_, clear, below = params.measure, params.raise_, params.clear, params.below
    say = partial(_bad, measure, below)
    if params.lying is not None:
        return _compile_mounted(params, params.lying, base, say)
    if params.of or params.gates or params.needs or params.believe_from is not None or params.believe_to is not None:
        return _compile_any(params, base, say)

    def over(values: Mapping[str, Any], at_ms: int, memory: Memory) -> Verdict:
        value = values.get(measure)
        if value is None:
            return None
        if value <= clear:
            return GOOD
        return say(raise_, value) if value > raise_ else None

    def over_absolute(values: Mapping[str, Any], at_ms: int, memory: Memory) -> Verdict:
        value = values.get(measure)
        if value is None:
            return None
        if -clear <= value <= clear:
            return GOOD
        return say(raise_, abs(value)) if value > raise_ or value < -raise_ else None

    def under(values: Mapping[str, Any], at_ms: int, memory: Memory) -> Verdict:
        value = values.get(measure)
        if value is None:
            return None
        if value >= clear:
            return GOOD
        return say(raise_, value) if value < raise_ else None

    def under_absolute(values: Mapping[str, Any], at_ms: int, memory: Memory) -> Verdict:
        value = values.get(measure)
        if value is None:
            return None
        if value >= clear or value <= -clear:
            return GOOD
        return say(raise_, abs(value)) if -raise_ < value < raise_ else None

    return (under_absolute if below else over_absolute) if params.absolute else (under if below else over)


def _compile_mounted(params: Params, lying: tuple[float, float], base: int, say: Callable[[float, float], Bad]) -> Observe:
    """The judge of a tilt that first waits for the sensor to be mounted."""
    measure, raise_, clear = params.measure, params.raise_, params.clear
    least, most = lying

    def observe(values: Mapping[str, Any], at_ms: int, memory: Memory) -> Verdict:
        value = values.get(measure)
        if value is None:
            return None
        if -clear <= value <= clear:
            memory[base] = 1.0
            return GOOD
        if -raise_ <= value <= raise_:
            return None
        value = abs(value)
        if memory[base] != 1.0:
            if least <= value <= most:
                return None
            memory[base] = 1.0
        return say(raise_, value)

    return observe


def _compile_any(params: Params, base: int, say: Callable[[float, float], Bad]) -> Observe:
    """The judge for every combination of the parameters."""
    measure, absolute, below, needs = params.measure, params.absolute, params.below, params.needs
    raise_, clear, scaled = params.raise_, params.clear, params.of is not None
    low = -inf if params.believe_from is None else params.believe_from
    high = inf if params.believe_to is None else params.believe_to
    opens = compile_gates(params.gates, base + 1)

    def observe(values: Mapping[str, Any], at_ms: int, memory: Memory) -> Verdict:
        value = values.get(measure)
        if value is None or not low <= value <= high:
            return None
        if absolute:
            value = abs(value)
        limit, back = raise_, clear
        if scaled:
            # With an unknown scale (NaN) no comparison holds, so there is no verdict.
            limit, back = limit * memory[base], back * memory[base]
        good = value >= back if below else value <= back
        bad = value < limit if below else value > limit
        if not (good or bad) or (opens is not None and not opens(values, memory)):
            return None
        if needs and any(need not in values for need in needs):
            return None
        return GOOD if good else say(limit, value)

    return observe


def _bad(measure: str, below: bool, limit: float, value: float) -> Bad:
    word = "below" if below else "above"
    return Bad(f"{word}_raise", f"{name_of(measure)} {with_unit(measure, value)} is {word} {with_unit(measure, limit)}")
