"""The shipped rulebook, and a city's file over it."""

from __future__ import annotations

from pathlib import Path

import pytest

from citybrain.kernel.model import Asset
from citybrain.yamlfile import parse
from rules.load import check, from_files, load, shipped
from rules.reload import reload
from rules.rulebook import Dwell, Rulebook

SHIPPED = load()

CAUSES = {
    "cover_open": "MH-OPEN MH-MOVED MH-FLIP MH-GONE",
    "cover_loose": "MH-ROCK",
    "cover_settled": "MH-SETTLE",
    "water_high": "MH-LEVEL MH-FULL MH-FLOAT MH-RATE",
    "gas": "MH-GAS",
    "lamp_dark": "SL-OUT SL-LOW SL-GEAR",
    "lamp_schedule": "SL-DAY",
    "lamp_cycling": "SL-CYC",
    "lamp_electric": "SL-OVER SL-CURRENT SL-PF SL-UV SL-OV SL-TEMP",
    "pole": "SL-TILT SL-MOVED",
    "drain_high": "DR-HIGH DR-FULL DR-FLOAT DR-RATE DR-SLOW",
    "drain_blocked": "DR-BLOCK",
    "drain_grate": "DR-GRATE",
    "overflow": "DR-OVERFLOW",
    "silt": "DR-BASE",
    "feeder_trip": "CAB-TRIP",
    "device_silent": "DEV-SILENT",
    "device_stuck": "DEV-STUCK",
    "device_battery": "DEV-BATTERY",
}


def over(text: str) -> Rulebook:
    """The shipped rulebook with a city's file over it."""
    book, faults = from_files([*shipped(), parse(text, "city.yml")])
    assert faults == []
    assert book is not None
    return book


def test_the_shipped_rulebook_has_no_fault() -> None:
    assert check() == []


def test_conditions_and_causes() -> None:
    found: dict[str, set[str]] = {}
    for info in SHIPPED.info.values():
        found.setdefault(info.cause, set()).add(info.id)
    assert found == {cause: set(ids.split()) for cause, ids in CAUSES.items()}


@pytest.mark.parametrize(("kind", "least"), [("manhole", 8), ("streetlight", 9), ("drain", 8), ("any", 3)])
def test_each_kind_has_enough_conditions(kind: str, least: int) -> None:
    assert sum(rule.kind == kind for rule in SHIPPED.conditions.values()) >= least


@pytest.mark.parametrize("id", SHIPPED.conditions)
def test_every_source_says_how_sure_it_is(id: str) -> None:
    assert any(mark in SHIPPED.conditions[id].source for mark in ("[V]", "[D]", "[M]", "[I]"))


def test_an_open_cover_needs_no_second_message() -> None:
    rule = SHIPPED.conditions["MH-OPEN"]
    assert rule.raise_after.readings == 1
    assert 0 < rule.raise_after.seconds <= 5


def test_a_citys_file_changes_only_what_it_says() -> None:
    book = over("MH-OPEN: {params: {raise: 15}, raise_after: {seconds: 30}}\n")
    rule, before = book.conditions["MH-OPEN"], SHIPPED.conditions["MH-OPEN"]
    assert (rule.params.raise_, rule.params.clear) == (15, before.params.clear)
    assert rule.raise_after == Dwell(before.raise_after.readings, 30)
    assert rule.severity == before.severity
    assert {id for id in book.conditions if book.conditions[id] != SHIPPED.conditions[id]} == {"MH-OPEN"}


def test_a_condition_can_be_switched_off() -> None:
    assert over("SL-PF: {enabled: false}\n").conditions["SL-PF"].enabled is False


def test_another_detector_starts_with_fresh_params() -> None:
    rule = over("DR-HIGH: {detector: flag, params: {measures: [level_alarm]}}\n").conditions["DR-HIGH"]
    assert (rule.detector, rule.params.measures) == ("flag", ("level_alarm",))


def test_overrides_are_added_to_the_shipped_ones() -> None:
    book = over("MH-OPEN:\n  overrides:\n    - {match: {asset: MH-7}, set: {params: {raise: 40}, severity: major}}\n")
    rule = book.conditions["MH-OPEN"]
    for asset, raise_, clear, severity in [
        (Asset("MH-1", "manhole"), 10, 5, "critical"),
        (Asset("MH-2", "manhole", model="DC410"), 20, 10, "critical"),
        (Asset("MH-7", "manhole"), 40, 5, "major"),
        (Asset("MH-7", "manhole", model="DC410"), 40, 10, "major"),
    ]:
        resolved = book.resolved(rule, asset)
        assert (resolved.params.raise_, resolved.params.clear, resolved.severity) == (raise_, clear, severity)


def test_an_override_for_a_kind_comes_before_that_for_an_asset() -> None:
    book = over(
        "DEV-SILENT:\n  overrides:\n"
        "    - {match: {asset: GW-1}, set: {params: {k: 2}}}\n"
        "    - {match: {kind: gateway}, set: {params: {k: 3}, raise_after: {seconds: 9}}}\n"
    )
    rule = book.conditions["DEV-SILENT"]
    k = [
        book.resolved(rule, asset).params.k
        for asset in (Asset("MH-1", "manhole"), Asset("GW-2", "gateway"), Asset("GW-1", "gateway"))
    ]
    assert k == [rule.params.k, 3, 2]
    assert book.resolved(rule, Asset("GW-1", "gateway")).raise_after.seconds == 9


def test_the_version_follows_what_is_judged() -> None:
    assert over("MH-OPEN: {title: {en: Another title}}\n").version == SHIPPED.version
    assert over("MH-OPEN: {params: {raise: 11}}\n").version != SHIPPED.version
    assert over("MH-OPEN: {overrides: [{match: {asset: A}, set: {enabled: false}}]}\n").version != SHIPPED.version
    assert load().version == SHIPPED.version


def test_reload_takes_a_good_file_and_refuses_a_bad_one(tmp_path: Path) -> None:
    file = tmp_path / "city.yml"
    file.write_text("MH-OPEN: {params: {raise: 12}}\n", encoding="utf-8")
    taken = reload(SHIPPED, file)
    assert (taken.outcome, taken.changed, taken.faults) == ("taken", ("MH-OPEN",), ())
    assert reload(taken.rulebook, file).outcome == "same"
    file.write_text("MH-OPEN: {params: {raise: twelve}}\nSL-OUT: {severity: major}\n", encoding="utf-8")
    refused = reload(taken.rulebook, file)
    assert refused.outcome == "refused"
    assert refused.rulebook is taken.rulebook
    assert [(fault.line, fault.key) for fault in refused.faults] == [(1, "MH-OPEN.params.raise")]
