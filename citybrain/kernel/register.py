"""The register as a snapshot in memory: what there is, who owns it, who repairs it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from citybrain.kernel.model import Asset, Device, Unit


@dataclass(frozen=True, slots=True)
class Responsibility:
    """A rule that names the unit for some assets. Empty fields match anything.

    Levels, tried in this order after the asset's own unit: `contract` (feeder, cabinet or contract), `area` (kind x cell or
    district), `guardian` (the district's guardian of last resort; no area = the city's).
    """

    id: str
    level: str
    unit: str
    kind: str | None = None
    condition: str | None = None
    feeder: str | None = None
    cabinet: str | None = None
    contract: str | None = None
    area: str | None = None
    valid_from: date | None = None
    valid_to: date | None = None
    note: str = ""
    source: str = ""
    """The contract or by-law that says so: its number, its paragraph, its address."""


@dataclass(frozen=True, slots=True)
class Ownership:
    """An asset belongs to a unit from one day to another, both included; a day is that of the unit's time zone.

    Of several in force the one that began last counts. An asset's plain `unit` counts on days that none covers.
    """

    asset: str
    unit: str
    valid_from: date | None = None
    valid_to: date | None = None
    source: str = ""
    """The contract or by-law that says so."""


@dataclass(frozen=True, slots=True)
class Area:
    """A district or a grid cell. `polygon` is a GeoJSON geometry in WGS 84."""

    id: str
    type: str
    name: str
    polygon: Mapping[str, Any]


@dataclass(slots=True)
class Register:
    """Everything the stages look up. `assets` may grow while a process runs; the rest is replaced as a whole."""

    version: int = 0
    assets: dict[str, Asset] = field(default_factory=dict)
    devices: dict[str, list[Device]] = field(default_factory=dict)
    """By device id, each list in order of valid_from."""
    units: dict[str, Unit] = field(default_factory=dict)
    responsibilities: Sequence[Responsibility] = ()
    areas: Sequence[Area] = ()
    ownerships: dict[str, Sequence[Ownership]] = field(default_factory=dict)
    """By asset id, each in order of valid_from."""
