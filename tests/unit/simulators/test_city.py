"""The plan of the city: numbers, names, neighbours, places."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime

import pytest

from citybrain.kernel.errors import InputError
from citybrain.kernel.model import Kind
from citybrain.kernel.register import Register
from simulators.world import World
from simulators.world import city as plan
from simulators.world.city import City

START = datetime(2026, 3, 2, 15, tzinfo=UTC)


@pytest.mark.parametrize("size", [50, 100, 333, 2000, 20_000])
def test_every_size_is_exact_and_has_all_kinds(size: int) -> None:
    city = City(1, size)
    assert sum(city.count) == len(city.kinds) == size
    assert all(city.count)


def test_names_and_numbers_are_one_to_one() -> None:
    city = City(1, 500)
    names = [city.id_of(index) for index in range(500)]
    assert len(set(names)) == 500
    assert [city.index_of(name) for name in names] == list(range(500))


@pytest.mark.parametrize("name", ["", "MH", "MH-000000", "MH-1", "MH-999999", "XX-000001", "MH-00000١"])
def test_a_name_of_elsewhere_is_none(name: str) -> None:
    assert City(1, 500).index_of(name) is None


def test_too_small_a_city_is_refused() -> None:
    with pytest.raises(InputError, match="at least 50"):
        City(1, 49)


def test_a_naive_start_is_refused() -> None:
    with pytest.raises(ValueError, match="naive"):
        World(1, 100, datetime(2026, 3, 2))  # noqa: DTZ001 - the fault that is tested


def test_lamps_and_cabinets_agree() -> None:
    city = City(3, 2000)
    for cabinet in city.of_kind(plan.CABINET):
        assert all(city.cabinet_of(lamp) == cabinet for lamp in city.lamps_of(cabinet))
    assert sum(len(city.lamps_of(cabinet)) for cabinet in city.of_kind(plan.CABINET)) == city.count[plan.STREETLIGHT]


def test_mains_run_downhill_without_loops() -> None:
    city = City(3, 2000)
    for drain in city.of_kind(plan.DRAIN):
        below = city.downstream_of(drain)
        if below is not None:
            assert city.upstream_of(below) == drain
            assert city.district_of(below) == city.district_of(drain)


def test_a_gateway_hears_its_own_district() -> None:
    city = City(3, 2000)
    heard = Counter(city.gateway_of)
    assert set(heard) == set(city.of_kind(plan.GATEWAY))
    assert max(heard.values()) < 2 * plan.ASSETS_PER_GATEWAY
    assert all(city.district_of(index) == city.district_of(city.gateway_of[index]) for index in range(city.size))


@pytest.fixture(scope="module")
def register() -> Register:
    return World(7, 1000, START).register()


def test_the_register_has_what_the_rules_need(register: Register) -> None:
    for asset in register.assets.values():
        assert asset.interval_s
        assert asset.lat is not None
        assert asset.lon is not None
        match asset.kind:
            case Kind.MANHOLE | Kind.DRAIN:
                assert asset.depth_mm
                assert asset.install_height_mm
                assert asset.pipe_diameter_mm
                assert asset.pipe_diameter_mm < asset.install_height_mm < asset.depth_mm
            case Kind.STREETLIGHT:
                assert asset.rated_power_w
                assert asset.cabinet in register.assets
                assert asset.feeder
        if asset.kind != Kind.GATEWAY:
            assert asset.gateway in register.assets


def test_assets_lie_in_their_district(register: Register) -> None:
    boxes = {}
    for area in register.areas:
        ring = area.polygon["coordinates"][0]
        boxes[area.id] = (min(p[0] for p in ring), min(p[1] for p in ring), max(p[0] for p in ring), max(p[1] for p in ring))
    for asset in register.assets.values():
        assert asset.district is not None
        west, south, east, north = boxes[asset.district]
        assert west <= (asset.lon or 0) <= east, asset
        assert south <= (asset.lat or 0) <= north, asset


def test_each_kind_in_each_district_has_a_unit_that_exists(register: Register) -> None:
    units = {rule.unit for rule in register.responsibilities}
    assert units <= set(register.units)
    for area in register.areas:
        for kind in ("manhole", "drain", "streetlight", "cabinet", "rain_gauge"):
            assert any(rule.area == area.id and rule.kind == kind for rule in register.responsibilities)
        assert any(rule.level == "guardian" and rule.area == area.id for rule in register.responsibilities)
    assert all(unit.contacts and unit.lead and unit.supervisor for unit in register.units.values())


def test_two_things_do_not_share_a_spot(register: Register) -> None:
    spots = Counter((asset.lat, asset.lon) for asset in register.assets.values())
    assert max(spots.values()) == 1
