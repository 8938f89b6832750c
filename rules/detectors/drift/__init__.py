"""A baseline that moves slowly: a settling cover, silt in a pipe."""

from __future__ import annotations

from dataclasses import dataclass


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
