"""The catalogue of what can happen to the city, and by when each must be noticed."""

from __future__ import annotations

from typing import NamedTuple

from simulators.world import city as plan

MINUTE_MS, HOUR_MS = 60_000, 3_600_000


class FaultType(NamedTuple):
    """A kind of fault. `conditions` count as its detection, `sides` may be raised as well."""

    name: str
    kinds: tuple[int, ...]
    """Kinds of assets that it befalls."""
    conditions: tuple[str, ...]
    sides: tuple[str, ...] = ()
    real: bool = True
    expects_order: bool = True
    lasts_ms: int | None = None
    """None: until it is repaired."""
    alarm: str = ""
    """Measure whose crossing makes the device send at once ("" = none): tilt_deg, distance_mm, feeder_live."""


COVER = ("MH-OPEN", "MH-FLIP", "MH-GONE")
WATER = ("DR-HIGH", "DR-FULL", "DR-RATE", "DR-SLOW", "DR-OVERFLOW")
DARK = ("SL-OUT", "SL-GEAR", "SL-LOW")

TYPES: dict[str, FaultType] = {
    kind.name: kind
    for kind in (
        FaultType("cover_stolen", (plan.MANHOLE,), COVER, ("MH-SETTLE", "MH-ROCK", "DEV-SILENT"), alarm="tilt_deg"),
        FaultType("cover_flipped", (plan.MANHOLE,), COVER, ("MH-SETTLE", "MH-ROCK"), alarm="tilt_deg"),
        FaultType("traffic_shock", (plan.MANHOLE,), (), (), real=False, expects_order=False, lasts_ms=2_000),
        FaultType("settling", (plan.MANHOLE,), ("MH-SETTLE",)),
        FaultType("water_rising", (plan.MANHOLE,), ("MH-LEVEL", "MH-FULL", "MH-RATE"), alarm="distance_mm"),
        FaultType("lamp_out", (plan.STREETLIGHT,), DARK),
        FaultType("day_burner", (plan.STREETLIGHT,), ("SL-DAY",)),
        FaultType("cycling", (plan.STREETLIGHT,), ("SL-CYC",), DARK),
        FaultType("over_power", (plan.STREETLIGHT,), ("SL-OVER",), ("SL-PF", "SL-TEMP")),
        FaultType("pole_knocked", (plan.STREETLIGHT,), ("SL-TILT",), alarm="tilt_deg"),
        FaultType("feeder_trip", (plan.CABINET,), ("CAB-TRIP",), (*DARK, "DEV-SILENT", "SL-UV"), alarm="feeder_live"),
        FaultType("blockage_dry", (plan.DRAIN,), ("DR-BLOCK",), WATER),
        FaultType("storm_surge", (plan.RAIN_GAUGE,), (), WATER, real=False, expects_order=False, lasts_ms=HOUR_MS),
        FaultType("grate_clogged", (plan.DRAIN,), ("DR-GRATE",), ("DR-FULL", "DR-HIGH")),
        FaultType("sensor_silent", (plan.MANHOLE, plan.DRAIN, plan.STREETLIGHT), ("DEV-SILENT",)),
        FaultType("sensor_stuck", (plan.DRAIN, plan.MANHOLE), ("DEV-STUCK",)),
        FaultType("sensor_flapping", (plan.DRAIN,), ("DR-GRATE",)),
        FaultType("gateway_out", (plan.GATEWAY,), ("DEV-SILENT",)),
        FaultType("battery_end", (plan.MANHOLE, plan.DRAIN), ("DEV-BATTERY",), ("DEV-SILENT",)),
    )
}
"""By name."""
