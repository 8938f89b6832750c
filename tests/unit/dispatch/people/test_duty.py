"""Turns, overrides and leave, one case each; what must hold whatever they say stands in tests/properties/test_duty.py."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise

import pytest

from citybrain.text import table
from dispatch.people.duty import REASONS, on_duty, shifts
from dispatch.people.model import Entry, Hours, Layer, Leave, Member, Override, People, Schedule
from dispatch.people.policies import UNREACHED
from tests.unit.dispatch.people.people_kit import DUTY, FIRST, NOON, people

HOUR, DAY = timedelta(hours=1), timedelta(days=1)


def names(schedule: Schedule, at: datetime, everybody: People | None = None) -> list[str]:
    """`person reason` of who is on duty, else the reasons."""
    found = on_duty(schedule, at, everybody or people())
    return [f"{one.person} {one.reason}" for one in found.people] or [turn.reason for turn in found.turns]


def override(person: str, instead_of: str | None = None, layer: str = "", number: int = 0) -> Override:
    made = NOON + timedelta(minutes=number)
    return Override(f"{number}", person, NOON - HOUR, NOON + HOUR, instead_of, layer, made)


def away(*who: str) -> People:
    return people(leaves={name: (Leave(name, name, NOON - HOUR, NOON + HOUR),) for name in who})


def test_turns_change_at_the_hand_over() -> None:
    eight = NOON - 4 * HOUR
    assert names(DUTY, NOON) == names(DUTY, eight) == ["an rotation"]
    assert names(DUTY, eight - timedelta(microseconds=1)) == ["bo rotation"]
    assert names(DUTY, NOON - 30 * DAY) == ["not_started"]


@pytest.mark.parametrize(
    ("overrides", "who"),
    [
        ([override("cy")], ["cy override"]),
        ([override("cy", "an")], ["cy override"]),
        ([override("cy", "bo")], ["an rotation"]),
        ([override("bo", "an", number=1), override("cy", number=2)], ["bo override"]),
        ([override("bo", "an", number=1), override("cy", "an", number=2)], ["cy override"]),
        ([override("cy", layer="second")], ["an rotation"]),
        ([override("zoe")], ["an rotation"]),
        ([override("an")], ["an rotation"]),
    ],
    ids=["anybody", "named", "of another", "named before any", "the newer", "another layer", "unknown", "on duty anyway"],
)  # fmt: skip
def test_overrides(overrides: list[Override], who: list[str]) -> None:
    assert names(replace(DUTY, overrides=tuple(overrides)), NOON) == who


def test_who_stands_in_knows_for_whom() -> None:
    (found,) = on_duty(replace(DUTY, overrides=(override("cy", "an"),)), NOON, people()).people
    assert (found.person, found.instead_of) == ("cy", "an")
    (found,) = on_duty(DUTY, NOON, away("an")).people
    assert (found.person, found.reason, found.instead_of) == ("bo", "on_leave_next", "an")


def test_leave() -> None:
    assert names(DUTY, NOON, away("an", "bo")) == ["all_away"]
    assert names(DUTY, NOON + HOUR, away("an", "bo")) == ["an rotation"], "leave ends before its last moment"
    assert names(replace(DUTY, overrides=(override("cy", "an"),)), NOON, away("cy")) == ["an rotation"]
    assert names(replace(DUTY, overrides=(override("cy", "bo"),)), NOON, away("an")) == ["cy override"]


def test_who_is_not_in_the_file_any_more_is_never_on_duty() -> None:
    known = people()
    gone = replace(known, people={**known.people, "an": replace(known.people["an"], active=False)})
    assert names(DUTY, NOON, gone) == ["bo on_leave_next"]


def test_an_override_fills_a_place_that_nobody_has_but_only_within_the_hours() -> None:
    empty = replace(FIRST, members=(Member("an", end=NOON - DAY),))
    assert names(replace(DUTY, layers=(empty,)), NOON) == ["no_members"]
    assert names(replace(DUTY, layers=(empty,), overrides=(override("cy"),)), NOON) == ["cy override"]
    night = replace(FIRST, hours=(Hours(frozenset(range(7)), 1200, 480),))
    assert names(replace(DUTY, layers=(night,), overrides=(override("cy"),)), NOON) == ["off_hours"]
    assert names(replace(DUTY, layers=(night,)), NOON + 9 * HOUR) == ["an rotation"]


def test_everybody_of_all_layers_is_on_duty_each_once() -> None:
    second = replace(FIRST, id="second", members=(Member("cy"), Member("an")))
    assert names(replace(DUTY, layers=(second, FIRST)), NOON) == ["an rotation", "cy rotation"]
    assert names(replace(DUTY, layers=(second, FIRST)), NOON + DAY) == ["bo rotation", "an rotation"]
    third = replace(FIRST, id="third")
    assert names(replace(DUTY, layers=(third, FIRST)), NOON) == ["an rotation"]
    assert on_duty(replace(DUTY, layers=()), NOON, people()).reason == "no_layers"


def test_a_calendar_may_have_two_at_a_time() -> None:
    entries = (Entry("cy", NOON - HOUR, NOON + HOUR), Entry("an", NOON - HOUR, NOON))
    layer = Layer("oncall", "calendar", entries=entries, handoffs=())
    schedule = replace(DUTY, layers=(layer,))
    assert names(schedule, NOON - HOUR) == ["an calendar", "cy calendar"]
    assert names(schedule, NOON) == ["cy calendar"]
    assert names(schedule, NOON + HOUR) == ["no_entry"]
    assert names(schedule, NOON, away("cy")) == ["all_away"]


def test_a_day_with_a_change_of_the_clock_has_one_hand_over_at_the_same_wall_time() -> None:
    schedule = replace(DUTY, timezone="Europe/London")
    found = shifts(schedule, datetime(2026, 10, 23, tzinfo=UTC), datetime(2026, 10, 28, tzinfo=UTC), people())
    begins = [shift.begin.astimezone(schedule.tz) for shift in found][1:]
    assert {begin.hour for begin in begins} == {8}
    assert [(after.begin - before.begin) / HOUR for before, after in pairwise(found[1:])] == [24, 25, 24, 24]


def test_a_hand_over_that_the_clock_skips_is_at_the_jump_and_one_that_comes_twice_is_the_first() -> None:
    layer = replace(FIRST, handoffs=(90,), starts=date(2026, 3, 28))
    schedule = replace(DUTY, timezone="Europe/London", layers=(layer,))
    spring = shifts(schedule, datetime(2026, 3, 29, tzinfo=UTC), datetime(2026, 3, 30, tzinfo=UTC), people())
    assert spring[1].begin == datetime(2026, 3, 29, 1, 0, tzinfo=UTC)
    autumn = shifts(schedule, datetime(2026, 10, 25, tzinfo=UTC), datetime(2026, 10, 26, tzinfo=UTC), people())
    assert [shift.begin for shift in autumn[1:]] == [datetime(2026, 10, 25, 0, 30, tzinfo=UTC)]


def test_every_second_week_and_several_hand_overs_a_week() -> None:
    weeks = replace(FIRST, rotation="weekly", handoffs=(480,), every=2, starts=date(2026, 6, 3))
    begins = [shift.begin for shift in shifts(replace(DUTY, layers=(weeks,)), NOON - 30 * DAY, NOON + 30 * DAY, people())]
    assert [(after - before).days for before, after in pairwise(begins[1:])] == [14, 14]
    twice = replace(FIRST, rotation="custom", handoffs=(480, 4 * 1440 + 1080), starts=date(2026, 6, 8))
    found = shifts(replace(DUTY, layers=(twice,)), NOON, NOON + 7 * DAY, people())
    assert [(shift.people[0].person, shift.begin.weekday()) for shift in found] == [("an", 4), ("bo", 4), ("an", 0)]


def test_every_reason_has_its_words() -> None:
    english = table("people", "en")
    words = REASONS | UNREACHED
    assert {reason: english[f"reason_{reason}"] for reason in words} == words
