"""Too many events in a span of time: knocks of a loose cover, starts of a dying lamp."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from citybrain.kernel.model import Asset
from rules.detectors.base import GOOD, Bad, Env, Memory, Observe, Verdict
from rules.detectors.words import name_of, span

BUCKETS: Final = 6
"""The span is cut into so many parts; it slides by one part at a time."""
DAY_MS: Final = 86_400_000

OWN: Final = False


@dataclass(frozen=True, slots=True)
class Params:
    """Bad when more than `more_than` events fell into the last `per_s` seconds."""

    measure: str
    """A cumulative counter (start_count) or a boolean, whose changes are counted (lamp_on)."""
    more_than: float
    per_s: float
    days: int = 1
    """On so many different days (UTC) of the last seven (MH-ROCK: traffic of one day is not a loose frame)."""

    def __post_init__(self) -> None:
        if self.per_s <= 0 or self.more_than < 0:
            raise ValueError("per_s: must be positive, and more_than not negative")
        if not 1 <= self.days <= 7:
            raise ValueError(f"days: must be 1 to 7, got {self.days}")


def measures(params: Params) -> tuple[str, ...]:
    """What it reads."""
    return (params.measure,)


def fixed(params: Params, asset: Asset) -> tuple[float, ...]:
    """Nothing of the asset."""
    return ()


def cells(params: Params) -> int:
    """The last value, the number of the newest part, the events of all parts, those of each, and the bad days (two cells)."""
    return 3 + BUCKETS + 2


def common(params: Params, asset: Asset) -> tuple[Hashable, ...]:
    """Nothing of the asset is compiled in."""
    return ()


def compile(params: Params, asset: Asset, env: Env, base: int) -> Observe:
    """The judge. Bad days are bits of a number, bit 0 the newest bad day."""
    measure, most, days = params.measure, params.more_than, params.days
    part_ms = max(1, round(params.per_s * 1000 / BUCKETS))
    newest, total, parts = base + 1, base + 2, base + 3
    bits, bad_day = parts + BUCKETS, parts + BUCKETS + 1

    def observe(values: Mapping[str, Any], at_ms: int, memory: Memory) -> Verdict:
        value = values.get(measure)
        if value is None:
            return None
        if value == memory[base] and memory[total] == 0:
            return GOOD
        part = at_ms // part_ms
        if part != memory[newest] and not turn(part, memory):
            memory[base] = value
            return None
        if value != memory[base]:
            events = value - memory[base]
            if value is True or value is False:
                events = 1
            elif not events > 0:
                events = value if events < 0 else 0  # the counter has begun anew, or was not a number
            memory[base] = value
            memory[parts + part % BUCKETS] += events
            memory[total] += events
        if memory[total] <= most:
            return GOOD
        if days > 1 and not enough_days(memory, at_ms // DAY_MS):
            return None
        found = memory[total]
        return Bad(
            "too_many_events", f"{found:.0f} changes of {name_of(measure)} within {span(params.per_s)}, more than {most:g}"
        )

    def turn(part: int, memory: Memory) -> bool:
        """Empties the parts that have left the span; False when there was none before."""
        known = memory[newest] == memory[newest]
        for i in range(min(BUCKETS, part - int(memory[newest]))) if known else range(BUCKETS):
            memory[parts + (part - i) % BUCKETS] = 0
        memory[newest] = part
        memory[total] = sum(memory[parts : parts + BUCKETS])
        if not known:
            memory[bits] = 0
        return known

    def enough_days(memory: Memory, today: int) -> bool:
        seen = int(memory[bits])
        if seen:
            seen <<= min(7, today - int(memory[bad_day]))
        memory[bits], memory[bad_day] = (seen | 1) & 0x7F, today
        return int(memory[bits]).bit_count() >= days

    return observe
