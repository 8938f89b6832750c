"""The canonical measures: name -> UCUM unit, and the range outside of which a number is not believed."""

from __future__ import annotations

from typing import NamedTuple


class Measure(NamedTuple):
    """A measure. `low` and `high` bound what is physically possible, not what is normal."""

    unit: str
    low: float
    high: float
    what: str


MEASURES: dict[str, Measure] = {
    "tilt_deg": Measure("deg", -180, 360, "angle of the cover or pole against its commissioned position"),
    "angle_x_deg": Measure("deg", -180, 360, "raw angle"),
    "angle_y_deg": Measure("deg", -180, 360, "raw angle"),
    "angle_z_deg": Measure("deg", -180, 360, "raw angle"),
    "tilt_alarm": Measure("1", 0, 1, "the device says: moved or tilted"),
    "shock_count": Measure("1", 0, 1e9, "knocks counted by the device, cumulative"),
    "distance_mm": Measure("mm", 0, 20000, "sensor down to the surface; falls when water rises"),
    "level_mm": Measure("mm", -500, 20000, "water above the invert; rises with the water"),
    "freeboard_mm": Measure("mm", -5000, 20000, "rim above the water"),
    "level_alarm": Measure("1", 0, 1, "the device says: full"),
    "no_target": Measure("1", 0, 1, "the ranger hears no echo"),
    "valid_samples": Measure("1", 0, 1e6, "echo quality: samples that agreed"),
    "flow_l_s": Measure("L/s", -1e5, 1e5, "flow"),
    "overflow": Measure("1", 0, 1, "the sewer overflows"),
    "grate_blocked_pct": Measure("%", 0, 100, "share of the grate that is covered"),
    "o2_pct": Measure("%", 0, 100, "oxygen by volume"),
    "ch4_lel_pct": Measure("%", 0, 100, "flammable gas, share of the lower explosive limit"),
    "h2s_ppm": Measure("[ppm]", 0, 10000, "hydrogen sulphide"),
    "co_ppm": Measure("[ppm]", 0, 10000, "carbon monoxide"),
    "power_w": Measure("W", -10, 1e6, "active power"),
    "voltage_v": Measure("V", 0, 1000, "supply voltage"),
    "current_a": Measure("A", 0, 10000, "supply current"),
    "power_factor": Measure("1", -1, 1, "power factor"),
    "dim_pct": Measure("%", 0, 100, "dimming level in action"),
    "lamp_on": Measure("1", 0, 1, "the controller says: lamp on"),
    "lamp_failure": Measure("1", 0, 1, "DALI lamp failure"),
    "gear_failure": Measure("1", 0, 1, "DALI control gear failure"),
    "over_current": Measure("1", 0, 1, "the controller says: over-current"),
    "lamp_hours_h": Measure("h", 0, 1e7, "lamp burning hours, cumulative"),
    "start_count": Measure("1", 0, 1e9, "lamp starts, cumulative"),
    "energy_wh": Measure("W.h", 0, 1e13, "active energy, cumulative"),
    "feeder_live": Measure("1", 0, 1, "the feeder carries voltage"),
    "feeder_commanded": Measure("1", 0, 1, "the feeder should carry voltage"),
    "illuminance_lx": Measure("lx", 0, 200000, "light at the sensor"),
    "rain_total_mm": Measure("mm", 0, 1e6, "rain since the counter began, cumulative"),
    "rain_mm": Measure("mm", 0, 500, "rain since the last reading (from the cumulative counter)"),
    "battery_pct": Measure("%", 0, 100, "battery"),
    "battery_v": Measure("V", 0, 60, "battery under load"),
    "battery_low": Measure("1", 0, 1, "the device says: battery low"),
    "temperature_cel": Measure("Cel", -80, 200, "temperature at the device"),
    "humidity_pct": Measure("%", 0, 100, "relative humidity"),
    "pressure_hpa": Measure("hPa", 300, 1200, "air pressure"),
    "pressure_bar": Measure("bar", -1, 100, "water pressure at the probe"),
    "wind_m_s": Measure("m/s", 0, 120, "wind speed"),
    "rssi_dbm": Measure("dB[mW]", -200, 50, "strength of the radio signal at the best gateway"),
    "snr_db": Measure("dB", -100, 100, "signal to noise at the best gateway"),
    "boot": Measure("1", 0, 1, "the device has just started"),
}
"""Values of other names are archived but no shipped rule reads them."""
