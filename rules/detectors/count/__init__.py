"""Too many events in a span of time: knocks of a loose cover, starts of a dying lamp."""

from __future__ import annotations

from dataclasses import dataclass


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
