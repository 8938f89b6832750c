"""A street drain: a gully with a grate over a combined pipe, a level sensor in the pipe and an eye on the grate."""

from __future__ import annotations

from typing import NamedTuple

from simulators.world.noise import spread, unit
from simulators.world.physics.ground import Ground
from simulators.world.physics.radio import Values, add_radio, battery_pct

DESIGN_MM_H = 40.0
"""The rain that fills the pipe to 85 %: about a two-year storm of an hour in the east of China."""
DESIGN_FILL = 0.85
SENSOR_BELOW_RIM_MM = 100.0
"""Where the ranger hangs: distance_mm = freeboard_mm - 100."""
WALL_MM = 150.0
"""A surcharged drain rises no further than so far under its rim: there the water stands in the street."""


class Pipe(NamedTuple):
    """Depth from grate to invert and pipe diameter, mm; lag and time constant of its catchment, ms."""

    depth_mm: float
    pipe_mm: float
    lag_ms: float
    constant_ms: float


def shape(bits: int) -> Pipe:
    """Pipes of 300 .. 800 mm, 1.2 m and more under the street; catchments that answer in 4 .. 12 min and empty in 8 .. 20."""
    pipe = 300.0 + round(5 * unit(bits, 1)) * 100.0
    depth = pipe + 900.0 + round(12 * unit(bits, 0)) * 100.0
    return Pipe(depth, pipe, 240_000 + 480_000 * unit(bits, 3), 480_000 + 720_000 * unit(bits, 4))


def base_mm(ground: Ground, bits: int, t_ms: int) -> float:
    """Depth of the dry-weather flow: 6 .. 16 % of the pipe at mean flow."""
    mean = (0.06 + 0.10 * unit(bits, 2)) * shape(bits).pipe_mm
    return float(mean * ground.use(t_ms, int(unit(bits, 3) * 2_400_000)) ** 0.6)


def level_mm(ground: Ground, index: int, bits: int, t_ms: int) -> float:
    """Level above the invert: dry-weather flow, and depth ~ flow^0.6 (Manning, wide section) of what the rain brings."""
    level = base_mm(ground, bits, t_ms)
    district = ground.city.district_of(index)
    if ground.weather.recent(district, t_ms):
        pipe = shape(bits)
        felt = ground.weather.runoff_mm_h(district, t_ms, pipe.lag_ms, pipe.constant_ms)
        if felt > 0.01:
            level += DESIGN_FILL * pipe.pipe_mm * (felt / DESIGN_MM_H) ** 0.6
            level = min(level, pipe.depth_mm - WALL_MM)
    return level


def grate_pct(bits: int, t_ms: int, start_ms: int) -> float:
    """Share of the grate under leaves: 0 .. 14 % by site, a percent more every ten days."""
    return 14.0 * unit(bits, 5) + (t_ms - start_ms) / 864_000_000


def sample(ground: Ground, index: int, bits: int, t_ms: int, noise: int) -> Values:
    """One report."""
    pipe = shape(bits)
    level = level_mm(ground, index, bits, t_ms) + 4.0 * spread(noise, 0)
    values: Values = {
        "distance_mm": round(pipe.depth_mm - SENSOR_BELOW_RIM_MM - level),
        "grate_blocked_pct": round(max(0.0, grate_pct(bits, t_ms, ground.start_ms) + 1.5 * spread(noise, 1)), 1),
        "temperature_cel": round(15.0 + 0.3 * (ground.air_cel(t_ms) - 16.0) + 0.3 * spread(noise, 2), 1),
        "battery_pct": battery_pct(ground, bits, t_ms),
    }
    add_radio(values, bits, noise)
    return values
