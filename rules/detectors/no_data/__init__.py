"""A device that has gone silent: found by the clock, each by its own interval."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Params:
    """Silent when nothing was heard for `k` intervals of the device."""

    k: float = 5
    default_interval_s: float = 21600
    """For an asset whose interval is not known."""
    min_s: float = 60
    """Never silent sooner than this (s)."""

    def __post_init__(self) -> None:
        if self.k <= 1:
            raise ValueError(f"k: must be more than 1, got {self.k:g}")
        if self.default_interval_s <= 0:
            raise ValueError(f"default_interval_s: must be positive, got {self.default_interval_s:g}")
