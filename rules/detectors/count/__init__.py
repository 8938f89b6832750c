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
    """The last value, the number of the newest part, the events of each part, and the bad days (two cells)."""
    return 2 + BUCKETS + 2


def common(params: Params, asset: Asset) -> tuple[Hashable, ...]:
    """Nothing of the asset is compiled in."""
    return ()


def compile(params: Params, asset: Asset, env: Env, base: int) -> Observe:
    """The judge. Bad days are bits of a number, bit 0 the newest bad day."""
    measure, most, days = params.measure, params.more_than, params.days
    part_ms = params.per_s * 1000 / BUCKETS
    newest, parts, end = base + 1, base + 2, base + 2 + BUCKETS
    bits, bad_day = end, end + 1

    def observe(values: Mapping[str, Any], at_ms: int, memory: Memory) -> Verdict:
        value = values.get(measure)
        if value is None:
            return None
        before = memory[base]
        events = value - before
        if events == 0 and memory[newest] == 0:
            return GOOD  # the usual case: all parts are empty
        memory[base] = value
        if events != events:
            memory[newest] = memory[bits] = 0
            return None
        if value is True or value is False:
            events = abs(events)
        elif events < 0:
            events = value  # the counter has begun anew
        part = at_ms // part_ms
        if memory[newest] == 0:
            for i in range(parts, end):
                memory[i] = 0
        else:
            for i in range(min(BUCKETS, int(part - memory[newest]))):
                memory[parts + int(part - i) % BUCKETS] = 0
        memory[parts + int(part) % BUCKETS] += events
        total = sum(memory[parts:end])
        memory[newest] = part if total else 0
        if total <= most:
            return GOOD
        if days > 1 and not _enough_days(memory, at_ms // DAY_MS):
            return None
        return Bad(
            "too_many_events", f"{total:.0f} changes of {name_of(measure)} within {span(params.per_s)}, more than {most:g}"
        )

    def _enough_days(memory: Memory, today: int) -> bool:
        seen = int(memory[bits])
        if seen:
            seen <<= min(7, today - int(memory[bad_day]))
        memory[bits], memory[bad_day] = (seen | 1) & 0x7F, today
        return int(memory[bits]).bit_count() >= days

    return observe
