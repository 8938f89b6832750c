"""A value that does not move any more."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Params:
    """Bad when the value stayed within `tolerance` for so many readings and so many seconds."""

    measure: str
    readings: int = 20
    seconds: float = 86400
    tolerance: float = 0
    ignore_values: tuple[float, ...] = ()
    """Values that may rightly stay for ever (0 mm in a dry drain)."""

    def __post_init__(self) -> None:
        if self.readings < 2:
            raise ValueError(f"readings: must be at least 2, got {self.readings}")
        if self.tolerance < 0 or self.seconds < 0:
            raise ValueError("tolerance: must not be negative, nor seconds")
