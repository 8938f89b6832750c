"""A value that changes too fast, or that reaches a limit too soon if it goes on like this."""

from __future__ import annotations

from dataclasses import dataclass

from rules.detectors.base import check_field


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
