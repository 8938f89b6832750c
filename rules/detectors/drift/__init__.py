"""A baseline that moves slowly: a settling cover, silt in a pipe."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from math import inf
from typing import Any, Final

from citybrain.kernel.model import Asset
from rules.detectors.base import GOOD, NAN, Bad, Env, Memory, Observe, Verdict
from rules.detectors.words import name_of, span, with_unit

OWN: Final = False


@dataclass(frozen=True, slots=True)
class Params:
    """The baseline is a running quantile of the value; a shift that stays is followed within about `window_s`."""

    measure: str
    limit: float
    """Bad when the baseline is further than this from its zero, in the unit of the measure."""
    window_s: float = 3 * 86400
    samples_min: int = 12
    """No verdict before so many samples."""
    clear: float | None = None
    """Good below this; None: two thirds of the limit."""
    zero: str = "commissioned"
    """commissioned: the measure's own zero (tilt_deg). learned: the baseline after the first window."""
    direction: str = "both"
    """both, rising or falling."""
    quantile: float = 0.5
    """0.5: median. 0.1: the low level of dry weather (silt)."""
    ignore_above: float | None = None
    """Greater magnitudes are another event (an open cover) and do not move the baseline."""
    event_s: float = 600
    """After greater magnitudes that lasted for so long (s) the cover was laid down anew: the step it made is no drift."""

    def __post_init__(self) -> None:
        if self.limit <= 0 or self.window_s <= 0:
            raise ValueError("limit: must be positive, and window_s")
        if self.zero not in ("commissioned", "learned"):
            raise ValueError(f"zero: must be commissioned or learned, got {self.zero!r}")
        if self.direction not in ("both", "rising", "falling"):
            raise ValueError(f"direction: must be both, rising or falling, got {self.direction!r}")
        if not 0 < self.quantile < 1:
            raise ValueError(f"quantile: must be between 0 and 1, got {self.quantile:g}")
        if self.clear is not None and self.clear > self.limit:
            raise ValueError(f"clear: must be at most limit ({self.limit:g}), got {self.clear:g}")


def measures(params: Params) -> tuple[str, ...]:
    """What it reads."""
    return (params.measure,)


def fixed(params: Params, asset: Asset) -> tuple[float, ...]:
    """Nothing of the asset."""
    return ()


def cells(params: Params) -> int:
    """Baseline, its zero, samples so far (infinite once they are enough), time of the first and of the last sample (ms), and
    with `ignore_above` since when another event goes on, and its last sample (ms).
    """
    return 5 if params.ignore_above is None else 7


def common(params: Params, asset: Asset) -> tuple[Hashable, ...]:
    """Nothing of the asset is compiled in."""
    return ()


def compile(params: Params, asset: Asset, env: Env, base: int) -> Observe:
    """The judge.

    The baseline takes a step towards each value whose size depends on the time since the last one and not on the distance, so
    it follows the middle (the quantile) of the values and a short event of any size moves it little. At a shift that lasts it
    arrives after half the window for a shift of `limit`. A gap counts for a quarter of the window at most.
    """
    measure, limit, window_ms = params.measure, params.limit, params.window_s * 1000
    clear = limit * 2 / 3 if params.clear is None else params.clear
    learned, ignored = params.zero == "learned", params.ignore_above
    up, down = 4 * limit / window_ms * params.quantile, 4 * limit / window_ms * (1 - params.quantile)
    gap_ms, least = window_ms / 4, params.samples_min
    rising, falling = params.direction != "falling", params.direction != "rising"
    zero, count, first, last, event, seen = range(base + 1, base + 7)
    event_ms = params.event_s * 1000

    def observe(values: Mapping[str, Any], at_ms: int, memory: Memory) -> Verdict:
        value = values.get(measure)
        if value is None:
            return None
        line = memory[base]
        if ignored is not None:
            if not -ignored <= value <= ignored:
                if memory[event] != memory[event]:
                    memory[event] = at_ms
                memory[seen] = at_ms
                return None
            if memory[event] == memory[event]:
                if memory[seen] - memory[event] >= event_ms and line == line:
                    # Laid down anew: the baseline is where it lies now, and so is its zero. What it had drifted before stays.
                    memory[zero] += value - line
                    line = value
                memory[event] = NAN
        if line != line:
            memory[base], memory[zero], memory[count] = value, 0.0, 1
            memory[first] = memory[last] = at_ms
            return None
        elapsed = at_ms - memory[last]
        if elapsed > gap_ms:
            elapsed = gap_ms
        if value > line:
            line = min(value, line + up * elapsed)
        elif value < line:
            line = max(value, line - down * elapsed)
        memory[base], memory[last] = line, at_ms
        if memory[count] < inf and not ready(line, at_ms, memory):
            return None
        moved = line - memory[zero]
        if (rising and moved > limit) or (falling and moved < -limit):
            return Bad(
                "baseline_moved",
                f"the baseline of {name_of(measure)} has moved by {with_unit(measure, moved)} "
                f"(limit {with_unit(measure, limit)}, followed over {span(window_ms / 1000)})",
            )
        return GOOD if (not rising or moved < clear) and (not falling or moved > -clear) else None

    def ready(line: float, at_ms: int, memory: Memory) -> bool:
        if learned:
            memory[zero] = line
        memory[count] += 1
        if memory[count] <= least or at_ms - memory[first] < window_ms:
            return False
        memory[count] = inf
        return True

    return observe
