"""Some of many signals at about the same time: each alone is weak, together they tell."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from rules.detectors.base import OPS, check_field

JUMPS: Final = ("jump_up", "jump_down")


@dataclass(frozen=True, slots=True)
class Signal:
    """`measure op value`; jump_up and jump_down compare with the slow mean of the measure before the jump.

    `of` names a field of the asset: `value` (and `clear`) are then fractions of it (distance_mm > 1.05 of depth_mm).
    """

    name: str
    measure: str
    op: str
    value: float = 0.0
    of: str | None = None
    clear: float | None = None
    """Once true, the signal stays until the value passes this. None: as `value`."""

    def __post_init__(self) -> None:
        if self.op not in OPS + JUMPS:
            raise ValueError(f"op: must be one of {', '.join(OPS + JUMPS)}, got {self.op!r}")
        if self.op in JUMPS and self.value <= 0:
            raise ValueError(f"value: must be positive for a jump, got {self.value:g}")
        check_field("of", self.of)


@dataclass(frozen=True, slots=True)
class Params:
    """Bad when at least `at_least` signals are true and their beginnings lie within `within_s` of each other."""

    signals: tuple[Signal, ...]
    at_least: int = 2
    within_s: float = 600

    def __post_init__(self) -> None:
        if not 1 <= self.at_least <= len(self.signals):
            raise ValueError(f"at_least: must be 1 to {len(self.signals)} (the signals), got {self.at_least}")
        if self.within_s <= 0:
            raise ValueError(f"within_s: must be positive, got {self.within_s:g}")
