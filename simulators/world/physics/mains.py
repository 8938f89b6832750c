"""What stands at the street and hangs on the mains: cabinets and gateways; and the rain gauge."""

from __future__ import annotations

from simulators.world.noise import spread, unit
from simulators.world.physics import streetlight
from simulators.world.physics.ground import Ground
from simulators.world.physics.radio import Values, add_radio, battery_pct

TIP_MM = 0.2
"""One tip of the bucket."""
MEAN_RATED_W = sum(streetlight.RATED_W) / len(streetlight.RATED_W)


def cabinet(ground: Ground, index: int, bits: int, t_ms: int, noise: int) -> Values:
    """A feeder cabinet: the feeder is live day and night, its power is that of its lamps."""
    dim = ground.sky.dim_pct(t_ms, 120_000)
    load = len(ground.city.lamps_of(index)) * streetlight.power_w(MEAN_RATED_W, dim) * (1.0 + 0.02 * spread(noise, 0))
    volts = 240.0 - 2.0 * ground.use(t_ms, 0) + 0.6 * spread(noise, 1)
    return {
        "feeder_live": True,
        "feeder_commanded": True,
        "power_w": round(load, 1),
        "voltage_v": round(volts, 1),
        "current_a": round(load / volts / 0.9, 2),
        "temperature_cel": round(ground.air_cel(t_ms) + 6.0 + 0.5 * spread(noise, 2), 1),
    }


def gateway(ground: Ground, index: int, bits: int, t_ms: int, noise: int) -> Values:
    """The status of a gateway: it lives, and how warm it is."""
    return {
        "voltage_v": round(236.0 + 5.0 * unit(bits, 0) + 0.8 * spread(noise, 0), 1),
        "temperature_cel": round(ground.air_cel(t_ms) + 9.0 + 0.5 * spread(noise, 1), 1),
    }


def rain_gauge(ground: Ground, index: int, bits: int, t_ms: int, noise: int) -> Values:
    """A tipping bucket: the cumulative counter in whole tips, and what fell since the report before."""
    district, weather = ground.city.district_of(index), ground.weather
    total = weather.total_mm(district, t_ms)
    raining = total > weather.total_mm(district, t_ms - 1_800_000)
    values: Values = {
        "rain_total_mm": round(total // TIP_MM * TIP_MM + 1000.0 * unit(bits, 0) // TIP_MM * TIP_MM, 1),
        "temperature_cel": round(ground.air_cel(t_ms) + 0.4 * spread(noise, 1), 1),
        "humidity_pct": 87.0 if raining else 62.0,
        "battery_pct": battery_pct(ground, bits, t_ms),
    }
    add_radio(values, bits, noise)
    return values
