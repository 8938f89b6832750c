"""A lamp that is dark when it should be lit, or lit when it should be dark."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType


@dataclass(frozen=True, slots=True)
class Params:
    """The lamp is lit when `lamp_on` says so, or else when power_w exceeds `on_fraction` of its rated power.

    Schedules: an asset without one burns from dusk to dawn. `schedules` maps the names that assets use to spans such as
    `dusk-23:30 05:00-dawn`, `18:00-06:00`, `always` or `never`; clock times are in `timezone`. For an unknown name there
    is no verdict.
    """

    mode: str
    """should_be_on or should_be_off."""
    min_sun_deg: float = 3.0
    """should_be_off: judged while the sun is higher than this (degrees above the horizon)."""
    max_sun_deg: float = -6.0
    """should_be_on: judged while the sun is lower than this (-6: end of civil twilight)."""
    grace_s: float = 900
    """No verdict for so long after and before a moment of switching (warm-up, photocells that differ)."""
    on_fraction: float = 0.04
    """Share of rated_power_w above which a lamp is lit (standby of a driver is 1 to 2 W)."""
    on_w: float = 4.0
    """The same in W, for a lamp whose rated power is not known."""
    failure_flags: tuple[str, ...] = ("lamp_failure",)
    """should_be_on: these flags of the device mean dark."""
    schedules: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    timezone: str = "UTC"

    def __post_init__(self) -> None:
        if self.mode not in ("should_be_on", "should_be_off"):
            raise ValueError(f"mode: must be should_be_on or should_be_off, got {self.mode!r}")
