"""A cover with a tilt sensor and a ranger, over a pit on a sewage main."""

from __future__ import annotations

from typing import NamedTuple

from simulators.world.noise import spread, unit
from simulators.world.physics.ground import Ground
from simulators.world.physics.radio import Values, add_radio, battery_pct

SENSOR_BELOW_RIM_MM = 50.0
"""Where the ranger hangs: distance_mm = freeboard_mm - 50."""


class Pit(NamedTuple):
    """Depth from rim to invert and pipe diameter, mm."""

    depth_mm: float
    pipe_mm: float


def shape(bits: int) -> Pit:
    """Pits are 1.8 .. 4.2 m deep, over pipes of 300 .. 800 mm."""
    return Pit(1800.0 + round(24 * unit(bits, 0)) * 100.0, 300.0 + round(5 * unit(bits, 1)) * 100.0)


def flow_mm(ground: Ground, bits: int, t_ms: int) -> float:
    """Depth of the dry-weather flow: 12 .. 28 % of the pipe at mean flow, with the rhythm of the day."""
    mean = (0.12 + 0.16 * unit(bits, 2)) * shape(bits).pipe_mm
    return float(mean * ground.use(t_ms, int(unit(bits, 3) * 2_400_000)) ** 0.6)


def sample(ground: Ground, index: int, bits: int, t_ms: int, noise: int) -> Values:
    """One report. A seated cover reads 0 +/- 1 deg: it cannot lean, only its sensor is not glued on straight."""
    level = flow_mm(ground, bits, t_ms) + 5.0 * spread(noise, 0)
    pit = shape(bits)
    values: Values = {
        "tilt_deg": round(abs(0.5 * unit(bits, 4) + 0.4 * spread(noise, 1)), 1),
        "distance_mm": round(pit.depth_mm - SENSOR_BELOW_RIM_MM - level),
        "shock_count": round(500 * unit(bits, 7)) + int(ground.elapsed_days(t_ms) * 40 * unit(bits, 3)),
        "temperature_cel": round(15.0 + 0.15 * (ground.air_cel(t_ms) - 16.0) + 0.3 * spread(noise, 2), 1),
        "battery_pct": battery_pct(ground, bits, t_ms),
    }
    add_radio(values, bits, noise)
    return values
