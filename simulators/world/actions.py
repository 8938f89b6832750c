"""From a name, an asset and a moment to a fault of the truth, and from that to the effects on devices.

Sizes (how far a cover leans, how deep the water gets) follow from the id of the fault, so that the truth alone is a full plan.
"""

from __future__ import annotations

from simulators.truth import Fault
from simulators.world import bounds, effects
from simulators.world import city as plan
from simulators.world.faults import HOUR_MS, MINUTE_MS, TYPES
from simulators.world.noise import text_bits, unit
from simulators.world.options import Options
from simulators.world.physics import drain, manhole, streetlight
from simulators.world.physics.ground import Ground
from simulators.world.weather import Rain

STORM_MM_H = (45.0, 75.0)
STORM_MEMORY_MS = 5 * HOUR_MS
"""How long after a storm its water may still be seen."""


def make(ground: Ground, options: Options, name: str, index: int, from_ms: int, number: int = 0) -> Fault:
    """A fault on an asset from a moment. `number` tells apart two of the same name on one asset at one moment.

    Raises KeyError for an unknown name and ValueError when the asset is of another kind than the fault befalls.
    """
    kind, city = TYPES[name], ground.city
    if city.kinds[index] not in kind.kinds:
        raise ValueError(f"{name} does not befall {city.id_of(index)}")
    asset = city.id_of(index)
    assets, sides = [index], list[int]()
    if name == "gateway_out":
        assets = city.members_of(index)
    elif name == "feeder_trip":
        sides = list(city.lamps_of(index))
    elif name == "storm_surge":
        district = city.district_of(index)
        sides = [other for other in city.of_kind(plan.DRAIN) if city.district_of(other) == district]
    elif name == "blockage_dry":
        sides = [other for other in (city.upstream_of(index), city.downstream_of(index)) if other is not None]
    return Fault(
        id=f"{name}-{asset}-{from_ms // 1000:x}" + (f"-{number}" if number else ""),
        name=name,
        asset=asset,
        assets=tuple(city.id_of(other) for other in assets),
        conditions=kind.conditions,
        from_ms=from_ms,
        detect_by_ms=bounds.detect_by(name, ground, options, index, from_ms),
        to_ms=from_ms + kind.lasts_ms if kind.lasts_ms is not None else None,
        real=kind.real,
        expects_order=kind.expects_order,
        sides=kind.sides,
        side_assets=tuple(city.id_of(other) for other in sides),
        aftermath_ms=STORM_MEMORY_MS if name == "storm_surge" else 30 * MINUTE_MS,
    )


def storm(fault: Fault) -> Rain:
    """The rain of a storm."""
    bits = text_bits(fault.id)
    end = fault.to_ms if fault.to_ms is not None else fault.from_ms + HOUR_MS
    return Rain(fault.from_ms, end, round(STORM_MM_H[0] + (STORM_MM_H[1] - STORM_MM_H[0]) * unit(bits, 0), 1))


def effects_of(ground: Ground, fault: Fault, index: int) -> list[tuple[int, effects.Effect]]:
    """What changes on which devices, for the faults that act on devices (gateways and storms do not)."""
    bits, start, city = text_bits(fault.id), fault.from_ms, ground.city
    static = city.statics[index]
    match fault.name:
        case "cover_stolen":
            return [(index, effects.Stolen(25.0 + 60.0 * unit(bits, 0), ground.air_cel(start)))]
        case "cover_flipped":
            return [(index, effects.Tilt(120.0 + 55.0 * unit(bits, 0)))]
        case "traffic_shock":
            return [(index, effects.Tilt(12.0 + 25.0 * unit(bits, 0)))]
        case "settling":
            return [(index, effects.Settling(1.0 + 0.6 * unit(bits, 0), start))]
        case "water_rising":
            return [(index, effects.Rising(20.0 * unit(bits, 0), start, bounds.WATER_RISE_MS))]
        case "lamp_out":
            return [(index, effects.LampOut(unit(bits, 0) < 0.5))]
        case "day_burner":
            return [(index, effects.DayBurner(streetlight.rated_w(static)))]
        case "cycling":
            return [(index, effects.Cycling(start))]
        case "over_power":
            return [(index, effects.OverPower(1.7 + 0.3 * unit(bits, 0)))]
        case "pole_knocked":
            return [(index, effects.Tilt(15.0 + 60.0 * unit(bits, 0)))]
        case "feeder_trip":
            return [(index, effects.DeadFeeder())]
        case "blockage_dry":
            return _blockage(ground, index, start, unit(bits, 0))
        case "grate_clogged":
            return [(index, effects.CoveredGrate(45.0 + 45.0 * unit(bits, 0), start))]
        case "sensor_silent":
            return [(index, effects.Silent())]
        case "sensor_stuck":
            return [(index, effects.Stuck())]
        case "sensor_flapping":
            return [(index, effects.Flapping(40.0 + 20.0 * unit(bits, 0), start, unit(bits, 1) < 0.5))]
        case "battery_end":
            return [(index, effects.BatteryEnd(start))]
        case _:
            return []


def _blockage(ground: Ground, index: int, start: int, how_full: float) -> list[tuple[int, effects.Effect]]:
    """Water backs up over the crown of the pipe above the blockage, and less of it reaches the next drain."""
    pipe = drain.shape(ground.city.statics[index])
    level = (0.85 + 0.4 * how_full) * pipe.pipe_mm
    found: list[tuple[int, effects.Effect]] = [
        (index, effects.Rising(pipe.depth_mm - drain.SENSOR_BELOW_RIM_MM - level, start, bounds.BLOCK_RISE_MS))
    ]
    below = ground.city.downstream_of(index)
    if below is not None:
        lower = drain.shape(ground.city.statics[below])
        found.append((below, effects.Starved(lower.depth_mm - drain.SENSOR_BELOW_RIM_MM, 0.5)))
    return found


def alarmed(measure: str, values: dict[str, float | bool | str]) -> bool:
    """Whether a device that watches a measure sends at once: tilt over 10 deg, water 300 mm under the rim, feeder dead."""
    value = values.get(measure)
    if value is None:
        return measure == "distance_mm" and bool(values.get("no_target"))
    if measure == "tilt_deg":
        return float(value) > 10.0
    if measure == "distance_mm":
        return float(value) < 300.0 - manhole.SENSOR_BELOW_RIM_MM
    return value is False
