"""Whether healthy devices measure what healthy devices measure."""

from __future__ import annotations

from collections import defaultdict
from datetime import UTC, datetime
from typing import Any

import orjson
import pytest

from citybrain.kernel.measures import MEASURES
from simulators.world import Options, World
from simulators.world import city as plan
from simulators.world.noise import static
from simulators.world.physics import drain, manhole, streetlight
from simulators.world.weather import Rain

START = datetime(2026, 3, 2, 15, tzinfo=UTC)
HOUR = 3_600_000
Day = dict[str, list[tuple[int, dict[str, Any]]]]


@pytest.fixture(scope="module")
def world() -> World:
    return World(11, 400, START, options=Options(showers_per_day=0.0))


@pytest.fixture(scope="module")
def day(world: World) -> Day:
    found: Day = defaultdict(list)
    for emission in world.advance(world.now_ms + 24 * HOUR):
        found[emission.asset].append((emission.observed_ms, orjson.loads(emission.payload)["values"]))
    return found


def test_every_asset_reports_and_every_value_is_possible(world: World, day: Day) -> None:
    assert len(day) == world.city.size
    for reports in day.values():
        for _, values in reports:
            for name, value in values.items():
                assert MEASURES[name].low <= float(value) <= MEASURES[name].high, (name, value)


def test_a_seated_cover_never_leans(day: Day) -> None:
    tilts = [values["tilt_deg"] for asset, reports in day.items() if asset.startswith("MH") for _, values in reports]
    assert max(tilts) < 2.0


def test_sewage_has_its_low_before_dawn(world: World) -> None:
    cover = world.city.of_kind(plan.MANHOLE)[0]
    bits, sky = world.city.statics[cover], world.ground.sky
    midnight = sky.day_of(world.now_ms) * 24 * HOUR - sky.offset_ms
    flows = [manhole.flow_mm(world.ground, bits, midnight + hour * HOUR) for hour in range(24)]
    assert flows.index(min(flows)) in range(2, 7)
    assert flows.index(max(flows)) in {7, 8, 9, 19, 20, 21}
    assert 0 < min(flows) < max(flows) < manhole.shape(bits).pipe_mm / 2


def test_lamps_burn_at_night_and_only_then(world: World, day: Day) -> None:
    sky = world.ground.sky
    for asset, reports in day.items():
        if not asset.startswith("SL"):
            continue
        for moment, values in reports:
            deep_night = sky.is_night(moment - 600_000) and sky.is_night(moment + 600_000)
            broad_day = not sky.is_night(moment - 600_000) and not sky.is_night(moment + 600_000)
            if deep_night:
                assert values["lamp_on"]
            if broad_day:
                assert not values["lamp_on"]
                assert values["power_w"] < 1.0


@pytest.mark.parametrize("bits", [static(3, index) for index in range(16)])
def test_lamp_power_lies_in_the_band_of_its_dimming(bits: int) -> None:
    rated = streetlight.rated_w(bits)
    for dim in (10.0, 25.0, 50.0, 75.0, 100.0):
        low = 0.07 + (0.75 - 0.07) * (dim - 10) / 90
        high = 0.197 + (1.30 - 0.197) * (dim - 10) / 90
        watts = streetlight.power_w(rated, dim)
        assert low * rated * 1.02 < watts < high * rated * 0.98
    assert streetlight.power_w(rated, 75.0) == pytest.approx(0.70 * rated, rel=0.01)


def test_supply_and_power_factor_are_those_of_a_real_fleet(day: Day) -> None:
    lit = [
        values for asset, reports in day.items() if asset.startswith("SL") for _, values in reports if values["dim_pct"] == 75
    ]
    assert all(230 < values["voltage_v"] < 245 for values in lit)
    assert all(0.89 < values["power_factor"] < 0.92 for values in lit)
    for values in lit:
        assert values["power_w"] == pytest.approx(values["voltage_v"] * values["current_a"] * values["power_factor"], rel=0.02)


@pytest.mark.parametrize("name", ["start_count", "lamp_hours_h", "energy_wh", "shock_count", "rain_total_mm"])
def test_counters_never_fall(day: Day, name: str) -> None:
    seen = 0
    for reports in day.values():
        values = [values[name] for _, values in sorted(reports, key=lambda pair: pair[0]) if name in values]
        assert values == sorted(values)
        seen += len(values)
    assert seen


def test_a_storm_surcharges_a_drain_and_leaves_it() -> None:
    world = World(11, 400, START, options=Options(showers_per_day=0.0))
    begin = world.now_ms + HOUR
    world.ground.weather.add(0, Rain(begin, begin + HOUR, 60.0))
    for index in world.city.of_kind(plan.DRAIN):
        bits = world.city.statics[index]
        before, top, after = (
            drain.level_mm(world.ground, index, bits, moment) for moment in (begin, begin + HOUR, begin + 4 * HOUR)
        )
        if world.city.district_of(index) == 0:
            assert top > 0.8 * drain.shape(bits).pipe_mm
        else:
            assert top < 0.3 * drain.shape(bits).pipe_mm
        assert before < 0.3 * drain.shape(bits).pipe_mm
        assert after < 0.3 * drain.shape(bits).pipe_mm
        assert top <= drain.shape(bits).depth_mm - drain.WALL_MM


def test_reports_keep_their_interval(world: World, day: Day) -> None:
    for asset, reports in day.items():
        index = world.city.index_of(asset)
        assert index is not None
        step = world.options.interval_ms(world.city.kinds[index])
        moments = sorted({moment for moment, _ in reports})
        gaps = [after - before for before, after in zip(moments, moments[1:], strict=False)]
        assert min(gaps) >= step * 0.98
        assert sorted(gaps)[len(gaps) // 2] <= step * 1.02
        assert max(gaps) <= step * 4.1
