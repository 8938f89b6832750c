"""The radio link and the battery of one device."""

from __future__ import annotations

from simulators.world.noise import unit
from simulators.world.physics.ground import Ground

Values = dict[str, float | bool | str]


def add_radio(values: Values, bits: int, noise: int) -> None:
    """Signal at the best gateway: -72 .. -112 dBm by site, +/- 3 dB of fading."""
    rssi = -72.0 - 40.0 * unit(bits, 6) + 3.0 * (((noise >> 48) & 0xFF) / 128.0 - 1.0)
    values["rssi_dbm"] = round(rssi)
    values["snr_db"] = round(14.0 + (rssi + 72.0) * 0.4, 1)


def battery_pct(ground: Ground, bits: int, t_ms: int) -> float:
    """Charge that is left: 55 .. 100 % at the start, 10 % a year (a flat Li-SOCl2 curve, counted as charge)."""
    return round(55.0 + 45.0 * unit(bits, 5) - ground.elapsed_days(t_ms) * 0.027)
