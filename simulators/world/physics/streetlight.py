"""A luminaire controller on an LED lamp, on a feeder that is always live."""

from __future__ import annotations

from simulators.world.noise import spread, unit
from simulators.world.physics.ground import Ground
from simulators.world.physics.radio import Values

RATED_W = (30.0, 40.0, 48.0, 64.0, 64.0, 90.0, 120.0, 150.0)
FULL, STANDBY = 0.927, 0.02
"""Share of the rated power at 100 % dim and at the lowest dim; 0.70 at 75 %, as a real fleet of 27 lamps shows."""
STANDBY_W = 0.6
FIRST_START = 200


def rated_w(bits: int) -> float:
    """Rated power of a lamp, W."""
    return RATED_W[bits & 7]


def lag_ms(bits: int) -> int:
    """How long after sunset (and before sunrise) its photocell switches: 0 .. 240 s."""
    return int(unit(bits, 1) * 240_000)


def power_w(rated: float, dim_pct: float) -> float:
    """Active power of a healthy lamp at a dimming level, W."""
    return rated * (STANDBY + (FULL - STANDBY) * dim_pct / 100.0) if dim_pct > 0 else STANDBY_W


def feeder_v(ground: Ground, bits: int, t_ms: int) -> float:
    """Supply: 240 V, up to 5 V less at the end of the line and at the evening peak."""
    return 241.5 - 4.0 * unit(bits, 2) - 2.0 * ground.use(t_ms, 0)


def sample(ground: Ground, index: int, bits: int, t_ms: int, noise: int) -> Values:
    """One report: power in the band of its dimming, power factor 0.90 at 75 %, controller warm by day in the sun."""
    sky, rated = ground.sky, rated_w(bits)
    dim = sky.dim_pct(t_ms, lag_ms(bits))
    on = dim > 0
    watts = power_w(rated, dim) * (1.0 + 0.015 * spread(noise, 0))
    volts = feeder_v(ground, bits, t_ms) + 0.8 * spread(noise, 1)
    factor = (0.83 + 0.001 * dim + 0.005 * spread(noise, 2)) if on else 0.2
    lit_h = sky.lit_ms(t_ms, ground.start_day) / 3_600_000
    nights = sky.day_of(t_ms) - ground.start_day + (0 if t_ms < sky.sun(sky.day_of(t_ms))[1] + lag_ms(bits) else 1)
    warm = 8.0 if on else 0.0 if sky.is_night(t_ms) else 28.0 * unit(bits, 3)
    return {
        "lamp_on": on,
        "dim_pct": dim,
        "power_w": round(watts, 2),
        "voltage_v": round(volts, 1),
        "current_a": round(watts / volts / factor, 3),
        "power_factor": round(factor, 3),
        "temperature_cel": round(ground.air_cel(t_ms) + warm + 0.5 * spread(noise, 3), 1),
        "tilt_deg": round(abs(0.8 * unit(bits, 4) + 0.3 * spread(noise, 3)), 1),
        "start_count": FIRST_START + round(200 * unit(bits, 5)) + nights,
        "lamp_hours_h": round(4000 * unit(bits, 6) + lit_h, 1),
        "energy_wh": round(1e5 * unit(bits, 7) + lit_h * rated * 0.6),
    }
