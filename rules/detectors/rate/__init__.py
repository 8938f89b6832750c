"""A value that changes too fast, or that reaches a limit too soon if it goes on like this."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from math import inf
from typing import Any, Final

from citybrain.kernel.events import Evidence
from citybrain.kernel.model import Asset
from rules.detectors.base import GOOD, NAN, Bad, Env, Memory, Observe, Verdict, check_field, number_of
from rules.detectors.words import name_of, per_hour, with_unit

OWN: Final = False


@dataclass(frozen=True, slots=True)
class ToLimit:
    """Bad when the limit is reached within `minutes`. `limit` is a number or a field of the asset such as depth_mm."""

    limit: float | str
    minutes: float

    def __post_init__(self) -> None:
        if isinstance(self.limit, str):
            check_field("limit", self.limit)
        if self.minutes <= 0:
            raise ValueError(f"minutes: must be positive, got {self.minutes:g}")


@dataclass(frozen=True, slots=True)
class Params:
    """At least one of `limit_per_h` and `to_limit` is given; either one makes it bad."""

    measure: str
    direction: str = "rising"
    """rising or falling."""
    limit_per_h: float | None = None
    """Change per hour in the direction, in the unit of the measure."""
    to_limit: ToLimit | None = None
    samples: int = 3
    """So many samples in a row must go in the direction."""
    min_change: float = 0
    """The samples together must have changed by at least this (noise of the sensor), in the unit of the measure."""

    def __post_init__(self) -> None:
        if self.direction not in ("rising", "falling"):
            raise ValueError(f"direction: must be rising or falling, got {self.direction!r}")
        if self.limit_per_h is None and self.to_limit is None:
            raise ValueError("limit_per_h: give limit_per_h or to_limit")
        if self.limit_per_h is not None and self.limit_per_h <= 0:
            raise ValueError(f"limit_per_h: must be positive, got {self.limit_per_h:g}")
        if not 2 <= self.samples <= 10:
            raise ValueError(f"samples: must be 2 to 10, got {self.samples}")


def measures(params: Params) -> tuple[str, ...]:
    """What it reads."""
    return (params.measure,)


def fixed(params: Params, asset: Asset) -> tuple[float, ...]:
    """The limit that must not be reached; NaN without one."""
    if params.to_limit is None:
        return (NAN,)
    limit = params.to_limit.limit
    return (number_of(asset, limit) if isinstance(limit, str) else float(limit),)


def cells(params: Params) -> int:
    """How many samples there are, then time and value of each, newest first."""
    return 1 + 2 * params.samples


def common(params: Params, asset: Asset) -> tuple[Hashable, ...]:
    """Nothing of the asset is compiled in."""
    return ()


def compile(params: Params, asset: Asset, env: Env, base: int) -> Observe:
    """The judge. A sample counts when it went on by a step, which is the asked change divided by the gaps between samples."""
    measure, samples = params.measure, params.samples
    sign = 1.0 if params.direction == "rising" else -1.0
    step = params.min_change / (samples - 1)
    most_per_h = inf if params.limit_per_h is None else params.limit_per_h
    hours = params.to_limit.minutes / 60 if params.to_limit else 0.0
    count, new, end = base + 1, base + 2, base + 2 + 2 * samples

    def too_fast(per_h: float, value: float, limit: float) -> bool:
        # With an unknown limit (NaN) the second comparison is false.
        return per_h >= most_per_h or (hours > 0 and per_h * hours >= sign * (limit - value))

    def observe(values: Mapping[str, Any], at_ms: int, memory: Memory) -> Verdict:
        value = values.get(measure)
        if value is None:
            return None
        change = sign * (value - memory[new + 1])
        if not change > 0:
            memory[count] = 1
            memory[new] = at_ms
            memory[new + 1] = value
            return GOOD
        elapsed = at_ms - memory[new]
        if elapsed <= 0:
            return None
        if change < step:
            # Within the noise. It is good once it could not be too fast even if the whole step had been made.
            if too_fast(step / elapsed * 3.6e6, value, memory[base]):
                return None
            memory[count], memory[new], memory[new + 1] = 1, at_ms, value
            return GOOD
        memory[new + 2 : end] = memory[new : end - 2]
        memory[new], memory[new + 1] = at_ms, value
        have = memory[count] = min(memory[count] + 1, samples)
        if have < samples:
            return None
        per_h = sign * (value - memory[end - 1]) / (at_ms - memory[end - 2]) * 3.6e6
        return _bad(memory, per_h) if too_fast(per_h, value, memory[base]) else GOOD

    def _bad(memory: Memory, per_h: float) -> Bad:
        evidence = tuple(Evidence(int(memory[i]), measure, memory[i + 1]) for i in range(end - 2, new - 1, -2))
        verb = "rises" if sign > 0 else "falls"
        said = f"{name_of(measure)} {verb} by {per_hour(measure, per_h)}"
        if per_h >= most_per_h:
            return Bad(f"{verb}_too_fast", f"{said}, more than {per_hour(measure, most_per_h)}", evidence)
        left = sign * (memory[base] - memory[new + 1])
        when = f"in {left / per_h * 60:.0f} min" if left > 0 else "already"
        return Bad("limit_soon", f"{said} and reaches {with_unit(measure, memory[base])} {when}", evidence)

    return observe
