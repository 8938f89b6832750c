"""A value beyond a limit, with a second limit for the way back."""

from __future__ import annotations

from dataclasses import dataclass

from rules.detectors.base import Gate, check_field


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

    def __post_init__(self) -> None:
        check_field("of", self.of)
        if self.below and self.clear < self.raise_:
            raise ValueError(f"clear: must be at least raise ({self.raise_:g}) when below is true, got {self.clear:g}")
        if not self.below and self.clear > self.raise_:
            raise ValueError(f"clear: must be at most raise ({self.raise_:g}), got {self.clear:g}")
