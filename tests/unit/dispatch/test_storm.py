"""When storm mode begins and ends, and what is worked on first."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, time, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from citybrain.kernel.errors import ConfigError
from citybrain.kernel.model import Asset
from dispatch.storm import Step, decide, is_night, ranked, stake
from dispatch.stormrules import check_storm, load_storm

RULES = load_storm()
NOW = datetime(2026, 7, 1, 12, tzinfo=UTC)


def test_a_storm_begins_when_there_are_more_cases_than_crews_can_have() -> None:
    most = int(RULES.capacity("d1"))
    assert decide(RULES, "d1", most, storm=False, calm_since=None, now=NOW) == (Step.NOTHING, "crews_can_do_it")
    assert decide(RULES, "d1", most + 1, storm=False, calm_since=None, now=NOW) == (Step.BEGIN, "more_cases_than_crews")


def test_a_district_with_more_crews_bears_more() -> None:
    rules = replace(RULES, districts={"big": 10})
    assert rules.capacity("big") == 10 * rules.per_crew
    assert decide(rules, "big", 20, storm=False, calm_since=None, now=NOW).step is Step.NOTHING
    assert decide(rules, "small", 20, storm=False, calm_since=None, now=NOW).step is Step.BEGIN


def test_a_storm_ends_when_it_was_calm_for_long_enough_and_not_before() -> None:
    few = int(RULES.capacity("d1") * RULES.end_below) - 1
    assert decide(RULES, "d1", few + 1, storm=True, calm_since=None, now=NOW).step is Step.HOLD
    assert decide(RULES, "d1", few, storm=True, calm_since=None, now=NOW) == (Step.CALM, "few_cases_left")
    early = NOW - RULES.calm + timedelta(seconds=1)
    assert decide(RULES, "d1", few, storm=True, calm_since=early, now=NOW) == (Step.CALM, "not_calm_for_long_enough")
    assert decide(RULES, "d1", few, storm=True, calm_since=NOW - RULES.calm, now=NOW) == (Step.END, "calm_for_long_enough")


def test_the_rank_names_what_it_is_made_of() -> None:
    plain = stake(Asset("a", "drain"), ["DR-FULL"], 250, RULES.weights, night=False)
    assert plain == ("a", 20, {"freeboard": 20})
    out = stake(Asset("b", "drain"), ["DR-OVERFLOW", "DR-FULL"], 0, RULES.weights, night=True)
    assert out.why == {"overflow": 60, "night": 10}
    school = Asset("c", "drain", street_class="arterial", attributes={"near": "school; hospital"})
    assert stake(school, ["DR-FULL"], None, RULES.weights, night=False).why == {
        "street_class": 30,
        "near_school": 25,
        "near_hospital": 40,
    }


def test_most_at_stake_is_first_and_equals_go_by_name() -> None:
    stakes = [
        stake(Asset(name, "drain"), [], room, RULES.weights, night=False) for name, room in (("b", 250), ("a", 250), ("c", 0))
    ]
    assert [one.asset for one in ranked(stakes)] == ["c", "a", "b"]


@pytest.mark.parametrize(
    ("hour", "night"), [(21, False), (22, True), (23, True), (0, True), (5, True), (6, False), (12, False)]
)
def test_night_goes_over_midnight_on_the_wall_of_the_unit(hour: int, night: bool) -> None:
    zone = ZoneInfo("Asia/Shanghai")
    assert is_night(datetime(2026, 7, 1, hour, tzinfo=zone), zone, (time(22), time(6))) is night


@pytest.mark.parametrize(
    ("content", "key", "words"),
    [
        ("kinds: [drain]\ncauses: []\nfiling: RD-FLOOD\ncrews: 0\nper_crew: 3\n", "crews", "greater than 0"),
        ("kinds: [boat]\ncauses: []\nfiling: RD-FLOOD\ncrews: 1\nper_crew: 3\n", "kinds", "manhole"),
        (
            "kinds: [drain]\ncauses: []\nfiling: RD-FLOOD\ncrews: 1\nper_crew: 3\nend_below: 1\n",
            "",
            "must lie below begin_above",
        ),
        (
            "kinds: [drain]\ncauses: []\nfiling: RD-FLOOD\ncrews: 1\nper_crew: 3\nweights: {freeboard_mm: [[9, 1], [1, 2]]}\n",
            "weights",
            "least room",
        ),
        ("kinds: [drain]\ncauses: []\nfiling: RD-FLOOD\ncrews: 1\nper_crew: 3\nrain: 1\n", "rain", "rain"),
    ],
)
def test_a_fault_names_its_key(content: str, key: str, words: str, tmp_path: Path) -> None:
    file = tmp_path / "storm.yml"
    file.write_text(content, encoding="utf-8")
    with pytest.raises(ConfigError) as error:
        load_storm(file)
    assert key in (error.value.key or "")
    assert words in str(error.value)
    assert check_storm(file)


def test_the_shipped_rules_have_no_fault() -> None:
    assert check_storm() == []
