"""Which policy counts, whom its steps reach, and what one step comes to."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from citybrain.kernel.conditions import ConditionInfo
from citybrain.kernel.model import Unit
from dispatch.addressing import Subject
from dispatch.people.model import Leave, People, Policy, PolicyStep
from dispatch.people.policies import Next, climb, following, policy_for, reach
from dispatch.people.stepping import NONE_TOLD, Said, say
from tests.unit.dispatch.people.people_kit import NOON, POLICY, people, person

UNIT = Unit("u", "Unit", contacts=("log:u",), lead=("log:lead",), supervisor=("log:boss",))
INFO = ConditionInfo("MH-OPEN", "manhole", "critical", cause="cover_open", filing="MH-MISSING", verify_s=60)


def policies(**named: tuple[str, str]) -> People:
    step = (PolicyStep(0, ("lead",)),)
    return people(
        policies={name: Policy(name, step, unit, frozenset(severity.split())) for name, (unit, severity) in named.items()}
    )


@pytest.mark.parametrize(
    ("severity", "unit", "wanted"),
    [("critical", "u", "both"), ("minor", "u", "unit"), ("critical", "v", "severity"), ("minor", "v", "any")],
)
def test_the_policy_that_says_more_counts(severity: str, unit: str, wanted: str) -> None:
    known = policies(any=("", ""), both=("u", "critical major"), severity=("", "critical"), unit=("u", ""))
    found = policy_for(known, unit, severity)
    assert found is not None
    assert found.id == wanted
    assert policy_for(policies(both=("u", "critical")), "u", "minor") is None


@pytest.mark.parametrize(
    ("target", "urls", "reason"),
    [
        ("schedule:duty", ["log:an"], ""),
        ("schedule:empty", [], "nobody_on_duty"),
        ("schedule:gone", [], "unknown_target"),
        ("team:crew", ["log:bo"], ""),
        ("team:gone", [], "unknown_target"),
        ("person:cy", ["log:cy"], ""),
        ("person:zoe", [], "away"),
        ("unit", ["log:u"], ""),
        ("lead", ["log:lead"], ""),
        ("log:anybody", ["log:anybody"], ""),
    ],
)
def test_whom_a_target_reaches(target: str, urls: list[str], reason: str) -> None:
    found = reach(people(), target, UNIT, NOON)
    assert ([one.url for one in found.contacts], found.reason) == (urls, reason)


def test_a_person_on_leave_and_a_unit_without_contacts_are_not_reached() -> None:
    gone = people(leaves={"cy": (Leave("l", "cy", NOON, NOON + timedelta(hours=1)),)})
    assert reach(gone, "person:cy", UNIT, NOON).reason == "away"
    assert reach(people(), "lead", Unit("v", "V"), NOON).reason == "no_contact"
    assert reach(people(), "lead", None, NOON).reason == "no_contact"


def test_contacts_know_whose_they_are_and_in_which_language() -> None:
    known = people()
    known = replace(known, people={**known.people, "an": person("an", "log:a", "mailto:a@b.example", language="zh")})
    assert reach(known, "schedule:duty", UNIT, NOON).contacts == (("log:a", "an", "zh"), ("mailto:a@b.example", "an", "zh"))


def test_an_empty_step_is_skipped_at_once() -> None:
    policy = replace(POLICY, steps=(PolicyStep(0, ("schedule:empty",)), *POLICY.steps[1:]))
    found = climb(people(), policy, 0, UNIT, NOON)
    assert (found.step, [number for number, _ in found.skipped]) == (1, [0])
    assert [one.url for one in found.targets] == ["log:bo", "log:lead"]
    assert found.why == "team:crew: in the team; lead: contacts of the unit"
    nobody = climb(people(), replace(policy, steps=policy.steps[:1]), 0, UNIT, NOON)
    assert (nobody.step, nobody.targets) == (None, ())


def test_what_comes_next() -> None:
    assert following(POLICY, 0, 0) == Next(1, 0, 600)
    assert following(POLICY, 2, 0) == Next(0, 1, 1800)
    assert following(POLICY, 2, 1) is None
    assert following(POLICY, 7, 0) == Next(0, 1, 1800), "the policy became shorter"


def said(policy: Policy = POLICY, start: int = 0, round_: int = 0, everybody: People | None = None) -> Said:
    return say(
        everybody or people(), policy, Subject("o", "dispatched", "u", "0.0"), start, round_, unit=UNIT, info=INFO,
        severity="critical", purpose="dispatched", reason="alone", now=NOON,
    )  # fmt: skip


def test_the_first_step_is_the_dispatch_and_later_ones_are_noted() -> None:
    first = said()
    assert [(row["purpose"], row["target"], row["person"], row["step"], row["severity"]) for row in first.rows] == [
        ("dispatched", "log:an", "an", 0, "critical")
    ]
    assert (first.notes, first.step, first.level) == ([], 0, "step")
    assert first.timers == {"escalate": NOON + timedelta(minutes=10), "repeat": NOON + timedelta(minutes=15)}
    last = said(start=2)
    assert {row["purpose"] for row in last.rows} == {"escalated_step"}
    (note,) = last.notes
    assert (note.event, note.facts["step"], note.facts["policy"]) == ("escalated", 2, "grave")
    assert note.facts["to"] == ["supervisor", "https://hooks.example/…"]
    assert "s3cret" not in f"{note}"
    assert last.timers["escalate"] == NOON + timedelta(minutes=30)
    assert "escalate" not in said(start=2, round_=1).timers


def test_repetitions_have_ids_of_their_own() -> None:
    ids = {row["id"] for turn in (said(), said(round_=1), said(start=1), said(start=1, round_=1)) for row in turn.rows}
    assert len(ids) == 6
    assert [row["id"] for row in said().rows] == [row["id"] for row in said().rows]


def test_nobody_on_duty_is_noted_and_told_to_the_supervisor() -> None:
    policy = replace(POLICY, steps=(PolicyStep(0, ("schedule:empty",)), PolicyStep(60, ("person:bo",))))
    found = said(policy)
    assert [(row["purpose"], row["target"]) for row in found.rows] == [
        ("escalated_step", "log:bo"), ("nobody_on_duty", "log:boss"),
    ]  # fmt: skip
    assert [(note.event, note.reason) for note in found.notes] == [
        ("nobody_to_tell", "nobody_on_duty"), ("escalated", "alone"),
    ]  # fmt: skip
    (target,) = found.notes[0].facts["targets"]
    assert target == {"target": "schedule:empty", "reason": "nobody_on_duty", "why": "no_entry"}
    assert found.skipped == ("step 1 of grave: schedule:empty: nobody_on_duty (no_entry)",)


def test_when_no_step_reaches_anybody_the_units_own_contacts_stand_in_once() -> None:
    policy = replace(POLICY, steps=(PolicyStep(0, ("schedule:empty",)),), repeat_times=1)
    found = said(policy)
    assert [(row["purpose"], row["target"]) for row in found.rows] == [("dispatched", "log:u"), ("nobody_on_duty", "log:boss")]
    assert (found.step, found.level) == (NONE_TOLD, "unit")
    assert found.timers["escalate"] == NOON + timedelta(minutes=30)
    again = said(policy, round_=1)
    assert [row["purpose"] for row in again.rows] == ["nobody_on_duty"]
    assert again.level is None
