"""Who is responsible: the order of the rules, why each did or did not match, and that there always is somebody."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from types import MappingProxyType
from typing import Any

import pytest

from citybrain.kernel.errors import RegisterError
from citybrain.kernel.model import Asset, Unit
from citybrain.kernel.register import Area, Ownership, Register, Responsibility
from dispatch.areas import AreaIndex
from dispatch.responsibility import REASONS, UNASSIGNED, find_unit, gaps, place_of

ON = date(2026, 6, 12)


def square(west: float, south: float, size: float = 1) -> dict[str, Any]:
    east, north = west + size, south + size
    return {"type": "Polygon", "coordinates": [[[west, south], [east, south], [east, north], [west, north], [west, south]]]}


def register(*rules: Responsibility, guardians: Sequence[Unit] = (), areas: Sequence[Area] = ()) -> Register:
    units = [*(Unit(name, name) for name in ("a", "b", "c", "d", "e")), *guardians]
    return Register(units={unit.id: unit for unit in units}, responsibilities=rules, areas=areas)


def rule(id: str, level: str, unit: str, **fields: Any) -> Responsibility:
    return Responsibility(id, level, unit, **fields)


LAMP = Asset(
    "L1",
    "streetlight",
    lat=31.5,
    lon=120.5,
    district="north",
    cell="c7",
    feeder="F1",
    cabinet="C1",
    attributes=MappingProxyType({"contract": "K1"}),
)

EVERY_LEVEL = (
    rule("r-feeder", "contract", "b", feeder="F1"),
    rule("r-area", "area", "c", area="c7"),
    rule("r-district", "guardian", "d", area="north"),
    rule("r-city", "guardian", "e"),
)


@pytest.mark.parametrize(
    ("asset", "unit", "last"),
    [
        (Asset("x", "streetlight", unit="a", feeder="F1", cell="c7", district="north"), "a", ("own", "")),
        (Asset("x", "streetlight", feeder="F1", cell="c7", district="north"), "b", ("contract", "r-feeder")),
        (Asset("x", "streetlight", feeder="F2", cell="c7", district="north"), "c", ("area", "r-area")),
        (Asset("x", "streetlight", feeder="F2", cell="c8", district="north"), "d", ("guardian", "r-district")),
        (Asset("x", "streetlight", feeder="F2", cell="c8", district="south"), "e", ("guardian", "r-city")),
        (Asset("x", "streetlight"), "e", ("guardian", "r-city")),
    ],
)
def test_levels_in_their_order(asset: Asset, unit: str, last: tuple[str, str]) -> None:
    answer = find_unit(asset, None, register(*EVERY_LEVEL), ON)
    assert answer.unit.id == unit
    assert answer.trail[-1][:2] == last
    assert answer.trail[-1].matched
    assert not any(step.matched for step in answer.trail[:-1])


def test_the_trail_says_of_every_rule_why_it_did_not_match() -> None:
    answer = find_unit(
        LAMP,
        "SL-OUT",
        register(
            rule("1-future", "contract", "a", valid_from=date(2026, 6, 13), feeder="F1"),
            rule("2-past", "contract", "a", valid_to=date(2026, 6, 11), feeder="F1"),
            rule("3-kind", "contract", "a", kind="drain", feeder="F1"),
            rule("4-condition", "contract", "a", condition="SL-DAY", feeder="F1"),
            rule("5-feeder", "contract", "a", feeder="F2"),
            rule("6-cabinet", "contract", "a", cabinet="C2"),
            rule("7-contract", "contract", "a", contract="K2"),
            rule("8-unit", "contract", "nobody", contract="K1"),
            rule("9-area", "area", "a", area="south"),
        ),
        ON,
    )
    assert {step.rule: step.reason for step in answer.trail if step.rule} == {
        "1-future": "not_yet_valid",
        "2-past": "expired",
        "3-kind": "other_kind",
        "4-condition": "other_condition",
        "5-feeder": "other_feeder",
        "6-cabinet": "other_cabinet",
        "7-contract": "other_contract",
        "8-unit": "unknown_unit",
        "9-area": "other_area",
    }
    assert answer.unit is UNASSIGNED
    assert [(step.level, step.reason) for step in answer.trail[-3:]] == [
        ("guardian", "no_guardian"),
        ("guardian", "no_guardian"),
        ("unassigned", "nobody_left"),
    ]
    assert {step.reason for step in answer.trail} <= REASONS.keys()


@pytest.mark.parametrize("on", [date(2026, 6, 1), date(2026, 6, 12)])
def test_the_first_and_the_last_day_of_a_rule_are_inside(on: date) -> None:
    rules = register(rule("r", "contract", "a", feeder="F1", valid_from=date(2026, 6, 1), valid_to=date(2026, 6, 12)))
    assert find_unit(LAMP, None, rules, on).unit.id == "a"


def test_the_rule_that_says_more_wins() -> None:
    rules = register(
        rule("1", "area", "a"),
        rule("2", "area", "b", area="north"),
        rule("3", "area", "c", area="c7"),
        rule("4", "area", "d", area="c7", kind="streetlight"),
        rule("5", "area", "e", area="c7", kind="streetlight", condition="SL-POLE"),
    )
    assert find_unit(LAMP, "SL-POLE", rules, ON).unit.id == "e"
    assert find_unit(LAMP, "SL-OUT", rules, ON).unit.id == "d"
    assert find_unit(Asset("x", "drain", cell="c7"), None, rules, ON).unit.id == "c"
    assert find_unit(Asset("x", "drain", district="north"), None, rules, ON).unit.id == "b"
    assert find_unit(Asset("x", "drain"), None, rules, ON).unit.id == "a"


def test_of_rules_that_say_as_much_the_first_by_id_wins() -> None:
    rules = (rule("b", "contract", "b", feeder="F1"), rule("a", "contract", "a", feeder="F1"))
    assert find_unit(LAMP, None, register(*rules), ON).unit.id == "a"
    assert find_unit(LAMP, None, register(*reversed(rules)), ON).unit.id == "a"


def test_a_rule_for_a_condition_needs_the_condition() -> None:
    rules = register(rule("r", "area", "a", condition="SL-POLE"), rule("s", "guardian", "b"))
    assert find_unit(LAMP, None, rules, ON).unit.id == "b"


def test_an_own_unit_that_does_not_exist_is_told_and_passed_over() -> None:
    answer = find_unit(Asset("x", "drain", unit="gone"), None, register(rule("s", "guardian", "b")), ON)
    assert answer.unit.id == "b"
    assert (answer.trail[0].reason, answer.trail[0].detail) == ("unknown_unit", "unit gone")


def test_a_district_guardian_by_the_units_own_word_comes_before_the_city() -> None:
    guardians = (Unit("office", "Office", guardian_of=("north",)), Unit("hall", "Town hall", guardian_of=("*",)))
    city = register(rule("city", "guardian", "a"), guardians=guardians)
    assert find_unit(LAMP, None, city, ON).unit.id == "office"
    assert find_unit(Asset("x", "drain", district="south"), None, city, ON).unit.id == "a"
    assert find_unit(Asset("x", "drain", district="south"), None, register(guardians=guardians), ON).unit.id == "hall"


def test_a_position_finds_its_cell_and_district() -> None:
    areas = (
        Area("north", "district", "", square(120, 31)),
        Area("south", "district", "", square(120, 30)),
        Area("cell", "cell", "", square(120.4, 31.4, 0.2)),
    )
    city = register(rule("n", "area", "a", area="north"), rule("c", "area", "b", area="cell"), areas=areas)
    assert place_of(Asset("x", "drain", lat=31.5, lon=120.5), city) == ("cell", "north")
    assert find_unit(Asset("x", "drain", lat=31.5, lon=120.5), None, city, ON).unit.id == "b"
    assert find_unit(Asset("x", "drain", lat=31.9, lon=120.9), None, city, ON).unit.id == "a"
    outside = find_unit(Asset("x", "drain", lat=40, lon=120), None, city, ON)
    assert outside.unit is UNASSIGNED
    assert [step.reason for step in outside.trail if step.level == "area"] == ["place_unknown", "place_unknown"]
    # what the asset says itself counts more than where it lies
    assert place_of(Asset("x", "drain", lat=31.5, lon=120.5, district="south"), city) == ("cell", "south")
    # a border belongs to its area, and a tie is decided the same way every time
    assert place_of(Asset("x", "drain", lat=31, lon=120.5), city).district == "north"


def test_where_areas_overlap_the_smaller_wins() -> None:
    index = AreaIndex([Area("big", "district", "", square(0, 0, 10)), Area("small", "district", "", square(2, 2))])
    assert index.place(2.5, 2.5).district == "small"
    assert index.place(5, 5).district == "big"


def test_holes_parts_and_rings_that_cross_themselves() -> None:
    outer, hole = square(0, 0, 10)["coordinates"][0], square(4, 4, 2)["coordinates"][0]
    bow = [[20, 0], [22, 2], [22, 0], [20, 2], [20, 0]]
    index = AreaIndex(
        [
            Area(
                "ring",
                "district",
                "",
                {"type": "MultiPolygon", "coordinates": [[outer, hole], [square(30, 0)["coordinates"][0]]]},
            ),
            Area("bow", "district", "", {"type": "Polygon", "coordinates": [bow]}),
        ]
    )
    assert index.place(1, 1).district == "ring"
    assert index.place(5, 5).district is None
    assert index.place(0.5, 30.5).district == "ring"
    assert index.place(1, 21.8).district == "bow"


@pytest.mark.parametrize(
    "polygon",
    [
        {},
        {"type": "Point", "coordinates": [1, 2]},
        {"type": "Polygon", "coordinates": []},
        {"type": "Polygon", "coordinates": [[[0, 0], [1, 1]]]},
        {"type": "Polygon", "coordinates": "here"},
    ],
)
def test_what_is_no_polygon_is_refused_by_name(polygon: dict[str, Any]) -> None:
    with pytest.raises(RegisterError, match="'odd'"):
        AreaIndex([Area("odd", "district", "", polygon)])


def test_a_change_of_the_areas_is_seen() -> None:
    asset = Asset("x", "drain", lat=0.5, lon=0.5)
    city = register(areas=(Area("one", "district", "", square(0, 0)),))
    assert place_of(asset, city).district == "one"
    city.areas = (Area("two", "district", "", square(0, 0)),)
    assert place_of(asset, city).district == "two"


def test_many_rules_that_fail_alike_are_told_in_one_step() -> None:
    rules = [rule(f"r{n:03}", "contract", "a", feeder=f"X{n}") for n in range(500)]
    trail = find_unit(LAMP, None, register(*rules, rule("s", "guardian", "b")), ON).trail
    assert [step[:4] for step in trail] == [
        ("own", "", False, "no_own_unit"),
        ("contract", "*", False, "other_feeder"),
        ("area", "", False, "no_rules"),
        ("guardian", "", False, "no_guardian"),
        ("guardian", "s", True, "matched"),
    ]
    assert trail[1].detail == "500 rules"


def test_gaps_are_named() -> None:
    found = gaps(register(rule("r", "area", "gone", area="nowhere")))
    assert "unassigned" in found[0]
    assert "'gone'" in found[1]
    assert "'nowhere'" in found[2]
    assert gaps(register(rule("s", "guardian", "a"))) == []
    assert gaps(register(guardians=[Unit("hall", "", guardian_of=("*",))])) == []


def owned(*owners: Ownership, unit: str | None = None) -> tuple[Asset, Register]:
    found = register(rule("r-area", "area", "e", area="north", source="by-law 12 of 2019"))
    found.units["a"] = Unit("a", "a", timezone="Asia/Shanghai")
    found.units["b"] = Unit("b", "b", timezone="Pacific/Honolulu")
    found.ownerships = {"L1": owners}
    return Asset("L1", "streetlight", unit=unit, district="north"), found


def test_an_owner_counts_from_midnight_where_it_is() -> None:
    asset, found = owned(
        Ownership("L1", "a", None, date(2026, 6, 30), "contract K-1"),
        Ownership("L1", "b", date(2026, 7, 1), date(2026, 12, 31), "contract K-2"),
    )
    midnight_at_a = datetime(2026, 6, 30, 16, tzinfo=UTC)
    midnight_at_b = datetime(2026, 7, 1, 10, tzinfo=UTC)
    for at, unit in (
        (midnight_at_a - timedelta(seconds=1), "a"),
        # in between neither is: it is July in Shanghai, and June in Honolulu still
        (midnight_at_a, "e"),
        (midnight_at_b - timedelta(seconds=1), "e"),
        (midnight_at_b, "b"),
        (datetime(2027, 1, 1, 10, tzinfo=UTC), "e"),
    ):
        assert find_unit(asset, None, found, at).unit.id == unit, at


def test_the_trail_names_the_days_and_the_by_law() -> None:
    asset, found = owned(Ownership("L1", "a", date(2026, 1, 1), date(2026, 6, 30), "contract K-1"))
    step = find_unit(asset, None, found, date(2026, 6, 30)).trail[-1]
    assert (step.level, step.reason, step.proof) == ("own", "matched", "from 2026-01-01, until 2026-06-30; contract K-1")
    late = find_unit(asset, None, found, date(2026, 7, 1))
    assert [(one.level, one.reason, one.proof) for one in late.trail] == [
        ("own", "no_owner_now", "from 2026-01-01, until 2026-06-30; contract K-1"),
        ("own", "no_own_unit", ""),
        ("contract", "no_rules", ""),
        ("area", "matched", "by-law 12 of 2019"),
    ]
    assert late.level == "area"


def test_of_several_owners_the_last_to_begin_counts_and_the_plain_unit_fills_the_gaps() -> None:
    asset, found = owned(
        Ownership("L1", "a"),
        Ownership("L1", "b", date(2026, 3, 1), date(2026, 3, 31)),
        unit="c",
    )
    assert [find_unit(asset, None, found, date(2026, month, 15)).unit.id for month in (2, 3, 4)] == ["a", "b", "a"]
    asset, found = owned(Ownership("L1", "b", date(2026, 3, 1), date(2026, 3, 31)), unit="c")
    assert [find_unit(asset, None, found, date(2026, month, 15)).unit.id for month in (2, 3, 4)] == ["c", "b", "c"]


def test_an_owner_that_the_register_lacks_is_passed_over_in_the_open() -> None:
    asset, found = owned(Ownership("L1", "gone"), unit="c")
    answer = find_unit(asset, None, found, ON)
    assert answer.unit.id == "c"
    assert answer.trail[0].reason == "unknown_unit"
