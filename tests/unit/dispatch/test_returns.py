"""Reason codes of returns, who arbitrates, and what nobody owns."""

from __future__ import annotations

from dataclasses import replace

import pytest

from citybrain.config import LIMIT_UNITS, Settings, settings
from citybrain.kernel.errors import ConfigError, InputError
from citybrain.kernel.model import Asset, Unit
from citybrain.kernel.register import Responsibility
from citybrain.text import table
from dispatch.arbiters import ReturnRules, arbiter_of, return_rules, unknown_arbiters
from dispatch.deadlines import UNITS
from dispatch.owners import Survey, unowned
from dispatch.responsibility import UNASSIGNED
from dispatch.returns import CODES, MISDIRECTED, code_of
from tests.dispatch_kit import NOON, register


@pytest.mark.parametrize(
    ("code", "words", "found"),
    [
        ("not_ours", "belongs to the water company", ("not_ours", "belongs to the water company")),
        ("unsafe", "", ("unsafe", "")),
        ("", "needs_parts", ("needs_parts", "")),
        ("", "not our cover", ("other", "not our cover")),
        ("not_ours", "not_ours", ("not_ours", "")),
    ],
)
def test_the_code_and_the_words_of_a_return(code: str, words: str, found: tuple[str, str]) -> None:
    assert code_of(code, words) == found


@pytest.mark.parametrize(("code", "words"), [("", ""), ("other", ""), ("lazy", "we do not want to")])
def test_a_return_without_a_reason_is_refused(code: str, words: str) -> None:
    with pytest.raises(InputError):
        code_of(code, words)


def test_every_code_has_its_words_and_those_that_misdirect_dispute() -> None:
    for language in ("en", "zh"):
        assert {f"reason_{code}" for code in CODES} <= set(table("orders", language))
    assert all(CODES[code].disputes for code in MISDIRECTED)


def test_the_arbiter_is_no_party_if_that_can_be() -> None:
    city = register()
    city.units |= {
        "north": Unit("north", "North", guardian_of=("d1",)),
        "rule": Unit("rule", "By rule"),
        "hall": Unit("hall", "City hall"),
    }
    pit, rules = city.assets["mh-1"], ReturnRules()
    assert arbiter_of(pit, city, rules, []).id == "north"
    assert arbiter_of(pit, city, rules, ["north"]).id == "street-office"
    assert arbiter_of(pit, city, rules, ["north", "street-office"]).id == "unassigned"
    named = ReturnRules(arbiters={"d1": "hall", "*": "gone"})
    assert arbiter_of(pit, city, named, ["drainage"]).id == "hall"
    assert arbiter_of(pit, city, named, ["hall"]).id == "north"
    assert arbiter_of(Asset("x", "drain", district="d9"), city, named, []).id == "street-office"
    city.responsibilities = [Responsibility("g", "guardian", "rule", area="d9")]
    assert arbiter_of(Asset("x", "drain", district="d9"), city, rules, []).id == "rule"
    assert unknown_arbiters(city, named) == [
        "arbiters: unit 'gone' of '*' is not in the register; the guardian decides instead"
    ]


def test_all_are_parties_then_the_first_decides() -> None:
    city = replace(register(), units={})
    assert arbiter_of(city.assets["mh-1"], city, ReturnRules(), ["unassigned"]) is UNASSIGNED


def test_the_limits_of_the_settings() -> None:
    assert return_rules(Settings()) == ReturnRules()
    found = return_rules(Settings(dispatcher_limit="1 work_hour", arbitration_limit="4 urgent_hour", arbiters={"*": "hall"}))
    assert (found.dispatcher, found.arbitration, dict(found.arbiters)) == ((1, "work_hour"), (4, "urgent_hour"), {"*": "hall"})
    assert set(LIMIT_UNITS) == set(UNITS)
    for wrong in ("1 day", "soon", "0 work_day", "-1 work_day", "work_day", "nan work_day"):
        with pytest.raises(ConfigError, match="such as '1 work_day'"):
            settings(arbitration_limit=wrong)


def test_what_nobody_owns_is_listed_and_counted_in_pieces() -> None:
    city = register()
    city.assets["dr-new"] = Asset("dr-new", "drain", district="d2")
    city.assets["dr-far"] = Asset("dr-far", "drain", district="d2")
    assert [(one.asset, one.level, one.unit) for one in unowned(city, NOON)] == [
        ("dr-far", "guardian", "street-office"),
        ("dr-new", "guardian", "street-office"),
    ]
    survey = Survey(city, NOON)
    steps = 0
    while not survey.done:
        survey.step(5)
        steps += 1
    assert steps == len(city.assets) // 5 + 1
    assert survey.levels == {"own": 2, "area": len(city.assets) - 4, "guardian": 2}
    city.units.pop("street-office")
    assert {one.level for one in unowned(city, NOON)} == {"unassigned"}
