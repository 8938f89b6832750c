"""By when a fault must be noticed: what physics needs, plus the dwell of the rulebook, plus a spare report for a lost frame.

Goals of detection time [I]: cover 1 uplink + 5 s, feeder 5 min, dry blockage 4 h + 1 sample, day burner 45 min, silence k
intervals. Dwell times are those of rules/conditions/*.yml.
"""

from __future__ import annotations

from collections.abc import Callable

from simulators.world.options import Options
from simulators.world.physics.ground import Ground

MINUTE_MS, HOUR_MS = 60_000, 3_600_000
TWILIGHT_MS = 30 * MINUTE_MS
"""From sunset to six degrees under the horizon, and from sunrise to two above it with its photocell, at 31 deg north."""
SILENT_K = 5
DRY_MS = 6 * HOUR_MS
BLOCK_RISE_MS = HOUR_MS
WATER_RISE_MS = HOUR_MS
GRATE_MS = 30 * MINUTE_MS


def _dark_from(ground: Ground, from_ms: int, needs_ms: int) -> int:
    """The first moment from which the night is dark for so long."""
    day = ground.sky.day_of(from_ms)
    for night in range(day - 1, day + 4):
        begin = max(from_ms, ground.sky.sun(night)[1] + TWILIGHT_MS)
        if begin + needs_ms <= ground.sky.sun(night + 1)[0] - TWILIGHT_MS:
            return begin
    return from_ms + 4 * 24 * HOUR_MS


def _bright_from(ground: Ground, from_ms: int, needs_ms: int) -> int:
    """The first moment from which the day is bright for so long."""
    day = ground.sky.day_of(from_ms)
    for number in range(day, day + 4):
        rise, fall = ground.sky.sun(number)
        begin = max(from_ms, rise + TWILIGHT_MS)
        if begin + needs_ms <= fall - TWILIGHT_MS:
            return begin
    return from_ms + 4 * 24 * HOUR_MS


def _dry_from(ground: Ground, index: int, from_ms: int, needs_ms: int) -> int:
    """The first moment from which it stays dry for so long, the six hours before it included."""
    district, begin = ground.city.district_of(index), from_ms
    for _ in range(60):
        rain = ground.weather.rain_within(district, begin - DRY_MS, begin + needs_ms)
        if not rain:
            return begin
        begin = rain[-1].to_ms + DRY_MS + 1
    return begin


def detect_by(name: str, ground: Ground, options: Options, index: int, from_ms: int) -> int:
    """The moment by which a fault of this name must be noticed, ms since the epoch. Raises KeyError for an unknown name."""
    step = options.interval_ms(ground.city.kinds[index])
    step += round(step * 2 * options.jitter)

    def night(needs_ms: int) -> int:
        return _dark_from(ground, from_ms, needs_ms) + needs_ms

    def dry() -> int:
        needs = 4 * HOUR_MS + 2 * step
        return _dry_from(ground, index, from_ms + BLOCK_RISE_MS, needs) + needs

    by_name: dict[str, Callable[[], int]] = {
        "cover_stolen": lambda: from_ms + step + 10_000,
        "cover_flipped": lambda: from_ms + step + 10_000,
        "traffic_shock": lambda: from_ms,
        "settling": lambda: from_ms + 6 * 24 * HOUR_MS,
        "water_rising": lambda: from_ms + WATER_RISE_MS + 2 * step,
        "lamp_out": lambda: night(30 * MINUTE_MS + 3 * step),
        "day_burner": lambda: _bright_from(ground, from_ms, 2 * HOUR_MS) + 45 * MINUTE_MS + 2 * step,
        "cycling": lambda: night(140 * MINUTE_MS + 3 * step),
        "over_power": lambda: night(3 * step),
        "pole_knocked": lambda: from_ms + step + 70_000,
        "feeder_trip": lambda: from_ms + max(step, 5 * MINUTE_MS) + 40_000,
        "blockage_dry": dry,
        "storm_surge": lambda: from_ms,
        "grate_clogged": lambda: from_ms + GRATE_MS + 10 * MINUTE_MS + 3 * step,
        "sensor_silent": lambda: from_ms + SILENT_K * step + MINUTE_MS,
        "sensor_stuck": lambda: from_ms + max(24 * HOUR_MS, 48 * step) + 3 * step,
        "sensor_flapping": lambda: from_ms + 10 * MINUTE_MS + 3 * step,
        "gateway_out": lambda: from_ms + SILENT_K * step + MINUTE_MS,
        "battery_end": lambda: from_ms + HOUR_MS + 4 * step,
    }
    return by_name[name]()
