"""What the city is made of: assets, devices, units, readings.

Canonical measures carry their unit in the name; `citybrain.kernel.measures` lists them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import IntFlag, StrEnum
from types import MappingProxyType
from typing import NamedTuple

Value = float | bool | str


class Kind(StrEnum):
    """Kinds of assets."""

    MANHOLE = "manhole"
    STREETLIGHT = "streetlight"
    DRAIN = "drain"
    CABINET = "cabinet"
    GATEWAY = "gateway"
    RAIN_GAUGE = "rain_gauge"


class Severity(StrEnum):
    """X.733-style severities, gravest first."""

    CRITICAL = "critical"
    MAJOR = "major"
    MINOR = "minor"
    WARNING = "warning"


class Flag(IntFlag):
    """What is special about a reading."""

    NONE = 0
    SIMULATED = 1
    """A test uplink: archived, but it never opens an alert or an order."""
    HISTORY = 2
    """The device says that it sends a stored value."""
    NO_DEVICE_TIME = 4
    """The device gave no usable time; the time of receipt stands in."""


class Reading(NamedTuple):
    """One message of one device about one asset, with all its values.

    A named tuple because tens of thousands are made a second. Times are ms since the epoch, UTC.
    `key` is the 64-bit dedupe key within the device; two readings of a device with the same key whose times differ by at
    most `window_ms` are one message heard twice (`window_ms` 0: only at the very same time).
    """

    asset: str
    kind: str
    device: str
    observed_ms: int
    received_ms: int
    values: dict[str, Value]
    seq: int | None = None
    key: int = 0
    window_ms: int = 0
    flags: int = 0


@dataclass(frozen=True, slots=True)
class Asset:
    """One thing of the city that can break. Lengths in mm, power in W, position in WGS 84 degrees."""

    id: str
    kind: str
    lat: float | None = None
    lon: float | None = None
    unit: str | None = None
    district: str | None = None
    cell: str | None = None
    street_class: str | None = None
    install_height_mm: float | None = None
    """Sensor above the invert (pit or pipe floor): level_mm = install_height_mm - distance_mm."""
    depth_mm: float | None = None
    """Rim (cover) above the invert: freeboard_mm = depth_mm - level_mm."""
    pipe_diameter_mm: float | None = None
    rated_power_w: float | None = None
    feeder: str | None = None
    cabinet: str | None = None
    gateway: str | None = None
    model: str | None = None
    """Device model, for per-model overrides of the rulebook."""
    interval_s: float | None = None
    """Expected reporting interval of its device."""
    schedule: str | None = None
    """Name of the lighting schedule; None = dusk to dawn."""
    name: str = ""
    provisional: bool = False
    """Made by a first message, not by an import."""
    feeder_pos: float | None = None
    """Place of a pole on its feeder, counted from the cabinet. Any rising numbers will do."""
    downstream: str | None = None
    """The asset that its water reaches next."""
    catchment: str | None = None
    """Where its rain falls; of a rain gauge: the catchment that it measures."""
    attributes: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))


@dataclass(frozen=True, slots=True)
class Device:
    """A device bound to an asset from one date to another."""

    id: str
    asset: str
    profile: str | None = None
    valid_from: datetime | None = None
    valid_to: datetime | None = None


@dataclass(frozen=True, slots=True)
class Unit:
    """A unit that repairs. `lead` and `supervisor` are contacts such as mailto:, https: or log: URLs."""

    id: str
    name: str
    name_zh: str = ""
    timezone: str = "UTC"
    calendar: str = "default"
    contacts: tuple[str, ...] = ()
    lead: tuple[str, ...] = ()
    supervisor: tuple[str, ...] = ()
    guardian_of: tuple[str, ...] = ()
    """Districts whose guardian of last resort it is; "*" = of the city."""

    def title(self, language: str) -> str:
        """Its name in a language; in English where it has no other."""
        return (self.name_zh if language == "zh" else "") or self.name
