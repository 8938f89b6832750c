"""The clock of the world, its radio, its faults and repairs, its speed and size."""

from __future__ import annotations

import tracemalloc
from datetime import UTC, datetime
from time import perf_counter

import orjson
import pytest

from simulators.truth import dumps, loads
from simulators.world import Emission, Options, World, demo, plan
from simulators.world import city as places
from simulators.world.faults import TYPES

START = datetime(2026, 3, 2, 15, tzinfo=UTC)
MINUTE, HOUR = 60_000, 3_600_000
QUIET = Options(loss=0.0, duplicate=0.0, late=0.0, showers_per_day=0.0)


def first_of(world: World, name: str) -> int:
    return world.city.of_kind(TYPES[name].kinds[0])[0]


def of(emissions: list[Emission], asset: str) -> list[dict[str, float]]:
    return [orjson.loads(emission.payload)["values"] for emission in emissions if emission.asset == asset]


def test_a_world_tells_the_same_story_however_time_is_cut() -> None:
    whole, cut = World(5, 300, START), World(5, 300, START)
    for world in (whole, cut):
        world.inject(demo(5, world, START, 6))
    end = whole.now_ms + 6 * HOUR
    parts: list[Emission] = []
    step = 1
    while cut.now_ms < end:
        parts += cut.advance(min(end, cut.now_ms + step))
        step = step * 7 % 1_000_003 + 1
    assert parts == whole.advance(end)
    assert cut.truth() == whole.truth()


def test_another_seed_is_another_city() -> None:
    one, two = World(5, 300, START), World(6, 300, START)
    assert one.advance(one.now_ms + HOUR) != two.advance(two.now_ms + HOUR)


def test_a_fault_changes_no_number_of_another_asset() -> None:
    calm, troubled = World(5, 300, START), World(5, 300, START)
    cover = first_of(troubled, "cover_stolen")
    troubled.inject([troubled.make("cover_stolen", cover, troubled.now_ms + MINUTE)])
    name = troubled.city.id_of(cover)
    end = calm.now_ms + 2 * HOUR
    assert [e for e in calm.advance(end) if e.asset != name] == [e for e in troubled.advance(end) if e.asset != name]


def test_emissions_come_in_order_and_after_their_observation() -> None:
    world = World(5, 1000, START)
    emissions = world.advance(world.now_ms + 3 * HOUR)
    assert [e.at_ms for e in emissions] == sorted(e.at_ms for e in emissions)
    assert all(e.at_ms >= e.observed_ms for e in emissions)
    assert all(orjson.loads(e.payload)["ts"] == e.observed_ms for e in emissions)
    assert all(e.topic.split("/")[3] == e.asset for e in emissions)


def test_the_radio_loses_doubles_and_delays_as_it_is_told() -> None:
    still, noisy = (
        World(5, 1000, START, options=QUIET),
        World(5, 1000, START, options=Options(loss=0.1, duplicate=0.2, late=0.05)),
    )
    sent, heard = still.advance(still.now_ms + 12 * HOUR), noisy.advance(noisy.now_ms + 12 * HOUR)
    fresh = {(e.asset, e.observed_ms) for e in heard}
    assert len(fresh) / len(sent) == pytest.approx(0.9, abs=0.02)
    assert (len(heard) - len(fresh)) / len(sent) == pytest.approx(0.2, abs=0.02)
    history = [e for e in heard if orjson.loads(e.payload).get("history")]
    assert len(history) / len(sent) == pytest.approx(0.05, abs=0.01)
    assert all(e.at_ms - e.observed_ms >= 30_000 for e in history)


def test_a_stolen_cover_tells_at_once_and_is_well_after_repair() -> None:
    world = World(5, 300, START, options=QUIET)
    cover, begin = first_of(world, "cover_stolen"), world.now_ms + 10 * MINUTE
    name = world.city.id_of(cover)
    world.inject([world.make("cover_stolen", cover, begin)])
    emissions = [e for e in world.advance(begin + HOUR) if e.asset == name and e.fault_id]
    assert emissions[0].at_ms - begin <= 5000
    assert all(values["tilt_deg"] > 10 for values in of(emissions, name))
    assert world.repair(name, world.now_ms + MINUTE)
    repaired = world.now_ms + MINUTE
    after = of([e for e in world.advance(world.now_ms + HOUR) if e.observed_ms > repaired], name)
    assert len(after) >= 4
    assert all(values["tilt_deg"] < 2 for values in after)
    assert world.truth()[0].to_ms == repaired
    assert not world.repair(name, world.now_ms)


def test_traffic_over_a_cover_is_one_sample() -> None:
    world = World(5, 300, START, options=QUIET)
    begin = world.now_ms + 10 * MINUTE
    covers = world.city.of_kind(places.MANHOLE)[:40]
    world.inject(world.make("traffic_shock", cover, begin + number * MINUTE) for number, cover in enumerate(covers))
    emissions = world.advance(begin + HOUR)
    for cover in covers:
        values = of(emissions, world.city.id_of(cover))
        high = [number for number, one in enumerate(values) if one["tilt_deg"] > 10]
        assert len(high) == 1
        assert values[high[0] + 1]["tilt_deg"] < 2
    assert not any(fault.real for fault in world.truth())


def test_water_that_rises_falls_after_the_repair() -> None:
    world = World(5, 300, START, options=QUIET)
    cover, begin = first_of(world, "water_rising"), world.now_ms + MINUTE
    name = world.city.id_of(cover)
    world.inject([world.make("water_rising", cover, begin)])
    dry = of(world.advance(begin), name) or of(world.advance(begin + 20 * MINUTE), name)
    wet = of(world.advance(begin + 3 * HOUR), name)
    assert wet[-1]["distance_mm"] < 50 < 1000 < dry[0]["distance_mm"]
    assert world.repair(name, world.now_ms)
    assert of(world.advance(world.now_ms + HOUR), name)[-1]["distance_mm"] > 1000


def test_a_dead_feeder_silences_its_lamps_and_says_so() -> None:
    world = World(5, 300, START, options=QUIET)
    cabinet, begin = first_of(world, "feeder_trip"), world.now_ms + MINUTE
    fault = world.make("feeder_trip", cabinet, begin)
    world.inject([fault])
    emissions = [e for e in world.advance(begin + HOUR) if e.observed_ms > begin]
    assert not any(e.asset in fault.side_assets for e in emissions)
    assert len(fault.side_assets) > 20
    said = of([e for e in emissions if e.fault_id == fault.id], fault.asset)
    assert said
    assert all(values["feeder_live"] is False and values["feeder_commanded"] is True for values in said)
    # who is sent to a dark lamp finds the breaker
    assert world.repair(fault.side_assets[0], world.now_ms)
    assert {e.asset for e in world.advance(world.now_ms + HOUR)} >= set(fault.side_assets)


def test_a_dead_gateway_silences_all_that_it_hears() -> None:
    world = World(5, 300, START, options=QUIET)
    begin = world.now_ms + MINUTE
    fault = world.make("gateway_out", first_of(world, "gateway_out"), begin)
    world.inject([fault])
    assert not any(e.asset in fault.assets for e in world.advance(begin + HOUR) if e.observed_ms > begin)
    assert world.repair(fault.asset, world.now_ms)
    assert {e.asset for e in world.advance(world.now_ms + HOUR)} >= set(fault.assets)


def test_a_storm_cannot_be_repaired() -> None:
    world = World(5, 300, START, options=QUIET)
    fault = world.make("storm_surge", first_of(world, "storm_surge"), world.now_ms + MINUTE)
    world.inject([fault])
    world.advance(fault.from_ms + MINUTE)
    assert not world.repair(fault.asset, world.now_ms)
    assert not world.repair("MH-000001", world.now_ms)


@pytest.mark.parametrize("name", sorted(TYPES))
def test_every_fault_changes_something_and_can_end(name: str) -> None:
    calm, world = World(5, 120, START, options=QUIET), World(5, 120, START, options=QUIET)
    fault = world.make(name, first_of(world, name), world.now_ms + MINUTE)
    world.inject([fault])
    end = fault.from_ms + 26 * HOUR
    assert world.advance(end) != calm.advance(end)
    if fault.to_ms is None:
        assert world.repair(fault.asset, end)
    settled = end + HOUR
    world.advance(settled)
    calm.advance(settled)
    assert world.truth()[0].to_ms is not None
    gauge = fault.asset if name == "storm_surge" else ""  # whose counter keeps what fell
    left, right = ([e for e in one.advance(settled + HOUR) if e.asset != gauge] for one in (world, calm))
    assert left == right


@pytest.mark.parametrize("bad", ["again", "past", "elsewhere"])
def test_a_fault_that_cannot_be_is_refused(bad: str) -> None:
    world = World(5, 300, START)
    fault = world.make("cover_stolen", first_of(world, "cover_stolen"), world.now_ms + MINUTE)
    if bad == "again":
        world.inject([fault])
    elif bad == "past":
        world.advance(world.now_ms + HOUR)
    else:
        fault = World(5, 2000, START).make("cover_stolen", 600, world.now_ms + MINUTE)
    with pytest.raises(ValueError, match="cannot inject"):
        world.inject([fault])


def test_a_fault_of_another_kind_of_asset_is_refused() -> None:
    world = World(5, 300, START)
    with pytest.raises(ValueError, match="does not befall"):
        world.make("cover_stolen", world.city.of_kind(places.DRAIN)[0], world.now_ms)


def test_plans_are_varied_seeded_and_do_not_overlap() -> None:
    world = World(5, 2000, START)
    faults = plan(5, world, START, 24, 2)
    assert faults == plan(5, World(5, 2000, START), START, 24, 2)
    assert faults != plan(6, world, START, 24, 2)
    assert {fault.name for fault in faults} == set(TYPES)
    assert len(faults) >= 45
    touched: set[str] = set()
    for fault in faults:
        own = {fault.asset} if fault.name == "storm_surge" else {fault.asset, *fault.assets, *fault.side_assets}
        assert not own & touched, fault
        touched |= own
    thirds = [sum(fault.from_ms - world.now_ms < share * 8 * HOUR for fault in faults) for share in (1, 2, 3)]
    assert thirds[0] > 10
    assert thirds[2] - thirds[1] > 10


def test_the_demo_has_every_physical_kind() -> None:
    world = World(7, 2000, START)
    names = {fault.name for fault in demo(7, world, START, 10)}
    assert names >= set(TYPES) - {"settling", "sensor_stuck"}


def test_the_truth_survives_its_file() -> None:
    world = World(5, 2000, START)
    faults = plan(5, world, START, 24, 1)
    assert loads(dumps(faults)) == faults


def test_a_million_assets_are_cheap_and_twenty_thousand_emissions_a_second_come() -> None:
    tracemalloc.start()
    world = World(5, 50_000, START)
    used, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert used / 50_000 < 200
    begin = perf_counter()
    number = len(world.advance(world.now_ms + 10 * MINUTE))
    # a bound that a busy machine keeps as well: on a quiet core it is about 100,000
    assert number / (perf_counter() - begin) > 5_000
