"""Water that stands high although it has not rained: a blockage."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Params:
    """Bad when the level is above `limit`, or above the fraction `above` of the asset's pipe_diameter_mm, in dry weather."""

    measure: str = "level_mm"
    limit: float | None = None
    """mm; wins over `above` only where the asset has no pipe_diameter_mm."""
    above: float | None = None
    """Fraction of pipe_diameter_mm."""
    clear_fraction: float = 0.8
    """Good again below this share of the limit."""
    dry_mm: float = 0.5
    """Dry: less rain than this (mm) in the last `dry_hours`."""
    dry_hours: float = 6
    seconds_without_gauge: float = 43200
    """Where no gauge is heard in the district the level must have been high for so long (s)."""

    def __post_init__(self) -> None:
        if self.limit is None and self.above is None:
            raise ValueError("limit: give limit (mm) or above (fraction of the pipe)")
        if not 0 < self.clear_fraction <= 1:
            raise ValueError(f"clear_fraction: must be above 0 and at most 1, got {self.clear_fraction:g}")
        if not 0 < self.dry_hours <= 48:
            raise ValueError(f"dry_hours: must be above 0 and at most 48, got {self.dry_hours:g}")
