"""What a fault does to the values of a device. `apply` changes the values in place; False means that nothing is sent."""

from __future__ import annotations

from typing import Protocol

from simulators.world.noise import spread, unit
from simulators.world.physics import streetlight
from simulators.world.physics.radio import Values

HOUR_MS = 3_600_000


class Effect(Protocol):
    """A change of what a device reports, for as long as the fault lasts."""

    def apply(self, values: Values, t_ms: int, noise: int) -> bool:
        """Change the values of the report of this moment; False: the device sends nothing."""
        ...


class Tilt:
    """Cover or pole lies at an angle (degrees)."""

    def __init__(self, angle_deg: float) -> None:
        self.angle_deg = angle_deg

    def apply(self, values: Values, t_ms: int, noise: int) -> bool:
        values["tilt_deg"] = round(self.angle_deg + 0.4 * spread(noise, 1), 1)
        return True


class Stolen:
    """The cover lies beside the pit or on a truck: tilted, in the air, heard better, and its ranger finds nothing."""

    def __init__(self, angle_deg: float, air_cel: float) -> None:
        self.angle_deg, self.air_cel = angle_deg, air_cel

    def apply(self, values: Values, t_ms: int, noise: int) -> bool:
        values["tilt_deg"] = round(self.angle_deg + 0.4 * spread(noise, 1), 1)
        if "distance_mm" in values:
            del values["distance_mm"]
            values["no_target"] = True
            values["temperature_cel"] = round(self.air_cel + 0.3 * spread(noise, 2), 1)
        if isinstance(rssi := values.get("rssi_dbm"), (int, float)):
            values["rssi_dbm"] = min(-48, rssi + 18)
        return True


class Settling:
    """The frame sinks at one side: so many degrees a day."""

    def __init__(self, deg_per_day: float, from_ms: int) -> None:
        self.deg_per_day, self.from_ms = deg_per_day, from_ms

    def apply(self, values: Values, t_ms: int, noise: int) -> bool:
        sunk = min(5.0, self.deg_per_day * (t_ms - self.from_ms) / (24 * HOUR_MS))
        values["tilt_deg"] = round(float(values["tilt_deg"]) + sunk, 1)
        return True


class Rising:
    """Water rises evenly from where it was to `distance_mm` under the sensor, within `over_ms`."""

    def __init__(self, distance_mm: float, from_ms: int, over_ms: int) -> None:
        self.distance_mm, self.from_ms, self.over_ms = distance_mm, from_ms, over_ms

    def apply(self, values: Values, t_ms: int, noise: int) -> bool:
        if "distance_mm" in values:
            dry = float(values["distance_mm"])
            share = min(1.0, max(0.0, (t_ms - self.from_ms) / self.over_ms))
            wet = dry + (self.distance_mm - dry) * share + 3.0 * spread(noise, 0) * share
            values["distance_mm"] = round(max(0.0, min(dry, wet)))
        return True


class Starved:
    """The pipe below a blockage: less water comes."""

    def __init__(self, empty_mm: float, share: float) -> None:
        self.empty_mm, self.share = empty_mm, share

    def apply(self, values: Values, t_ms: int, noise: int) -> bool:
        level = self.empty_mm - float(values["distance_mm"])
        values["distance_mm"] = round(self.empty_mm - level * self.share)
        return True


class LampOut:
    """Driver or lamp is dead: dimming is commanded, no light, almost no power. Some drivers say so by DALI."""

    def __init__(self, says_so: bool) -> None:
        self.says_so = says_so

    def apply(self, values: Values, t_ms: int, noise: int) -> bool:
        if float(values["dim_pct"]) > 0 and "power_w" in values:
            _dark(values)
            if self.says_so:
                values["lamp_failure"] = True
        return True


def _dark(values: Values) -> None:
    values["lamp_on"] = False
    values["power_w"] = streetlight.STANDBY_W
    values["power_factor"] = 0.2
    values["current_a"] = 0.013


class DayBurner:
    """The relay sticks: the lamp burns at 75 % when nobody asked for it."""

    def __init__(self, rated_w: float) -> None:
        self.rated_w = rated_w

    def apply(self, values: Values, t_ms: int, noise: int) -> bool:
        if values["dim_pct"] == 0:
            watts = streetlight.power_w(self.rated_w, 75.0) * (1.0 + 0.015 * spread(noise, 0))
            values["lamp_on"], values["dim_pct"], values["power_w"] = True, 75.0, round(watts, 2)
            values["power_factor"] = 0.904
            values["current_a"] = round(watts / float(values["voltage_v"]) / 0.904, 3)
        return True


class Cycling:
    """An old lamp goes out when hot and lights again when cool: three starts an hour; few reports meet it dark."""

    PERIOD_MS = HOUR_MS // 3

    def __init__(self, from_ms: int) -> None:
        self.from_ms = from_ms
        self._starts = 0
        self._seen: int | None = None

    def apply(self, values: Values, t_ms: int, noise: int) -> bool:
        period = (t_ms - self.from_ms) // self.PERIOD_MS
        if float(values["dim_pct"]) > 0:
            if self._seen is not None and period > self._seen:
                self._starts += period - self._seen
            self._seen = period
            if period % 3 == 0 and unit(noise, 7) < 0.25:
                _dark(values)
        else:
            self._seen = None
        values["start_count"] = int(values["start_count"]) + self._starts
        return True


class OverPower:
    """A driver that draws too much: the power times a factor."""

    def __init__(self, factor: float) -> None:
        self.factor = factor

    def apply(self, values: Values, t_ms: int, noise: int) -> bool:
        if float(values["dim_pct"]) > 0:
            values["power_w"] = round(float(values["power_w"]) * self.factor, 2)
            values["current_a"] = round(float(values["current_a"]) * self.factor, 3)
        return True


class DeadFeeder:
    """The breaker of a feeder has tripped; the cabinet lives on its battery and says so."""

    def apply(self, values: Values, t_ms: int, noise: int) -> bool:
        values["feeder_live"] = False
        values["power_w"] = values["voltage_v"] = values["current_a"] = 0.0
        return True


class CoveredGrate:
    """Leaves cover the grate up to `pct`, within half an hour."""

    def __init__(self, pct: float, from_ms: int) -> None:
        self.pct, self.from_ms = pct, from_ms

    def apply(self, values: Values, t_ms: int, noise: int) -> bool:
        share = min(1.0, (t_ms - self.from_ms) / (HOUR_MS / 2))
        clean = float(values["grate_blocked_pct"])
        values["grate_blocked_pct"] = round(clean + (self.pct - clean) * share + 1.5 * spread(noise, 1), 1)
        return True


class Flapping:
    """A loose eye on the grate: 30 minutes covered, then clean for one report (`brief`) or half an hour."""

    COVERED_MS, BRIEF_MS, LONG_MS = 30 * 60_000, 10 * 60_000, 30 * 60_000

    def __init__(self, pct: float, from_ms: int, brief: bool) -> None:
        self.pct, self.from_ms = pct, from_ms
        self.period_ms = self.COVERED_MS + (self.BRIEF_MS if brief else self.LONG_MS)

    def apply(self, values: Values, t_ms: int, noise: int) -> bool:
        if (t_ms - self.from_ms) % self.period_ms < self.COVERED_MS:
            values["grate_blocked_pct"] = round(self.pct + 1.5 * spread(noise, 1), 1)
        return True


class Silent:
    """The device says nothing."""

    def apply(self, values: Values, t_ms: int, noise: int) -> bool:
        return False


class Stuck:
    """The ranger repeats its last value for ever; the rest of the device lives."""

    def __init__(self) -> None:
        self._frozen: float | bool | str | None = None

    def apply(self, values: Values, t_ms: int, noise: int) -> bool:
        if "distance_mm" in values:
            if self._frozen is None:
                self._frozen = values["distance_mm"]
            values["distance_mm"] = self._frozen
        return True


class BatteryEnd:
    """The cell falls from 19 % to nothing in a day; then the device is silent."""

    def __init__(self, from_ms: int) -> None:
        self.from_ms = from_ms

    def apply(self, values: Values, t_ms: int, noise: int) -> bool:
        left = 19.0 - 19.0 * (t_ms - self.from_ms) / (24 * HOUR_MS)
        values["battery_pct"] = max(1, round(left))
        return left > 0.0
