"""The clock of an order: its table, and where its limit lies after pauses, extensions and graver faults."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from citybrain.kernel.errors import StateError
from dispatch import clocks
from dispatch.clock_rows import of_row, row_of
from dispatch.clocks import EVENTS, TABLE, Clock, ExtendedBefore, Overdue
from dispatch.limits import MAKE_SAFE, REPAIR, Limit
from tests.dispatch_kit import BOOKS, NOON

OFFICE = BOOKS.calendars.of("default", "Asia/Shanghai")
HOURS = Limit(2, "urgent_hour", "s")
DAY = Limit(1, "work_day", "s")


def later(**span: float) -> datetime:
    return NOON + timedelta(**span)


def begun(limit: Limit = HOURS, name: str = REPAIR, at: datetime = NOON) -> Clock:
    return clocks.begin(name, limit, at, OFFICE)


def minutes(times: dict[str, datetime]) -> dict[str, float]:
    return {timer: (at - NOON) / timedelta(minutes=1) for timer, at in times.items()}


def test_what_the_table_does_not_say_is_refused() -> None:
    for state in TABLE:
        for event in [*EVENTS, "close"]:
            clock = replace(begun(), state=state)
            if event in TABLE[state]:
                assert clocks.move(clock, event) == TABLE[state][event]
                continue
            with pytest.raises(StateError) as caught:
                clocks.move(clock, event)
            assert repr(state) in str(caught.value)
            assert repr(event) in str(caught.value)


def test_reminders_lie_on_the_clock_of_the_limit() -> None:
    assert minutes(clocks.times(begun(), OFFICE)) == {"reminder_50": 60, "reminder_80": 96, "limit": 120}
    assert minutes(clocks.times(begun(name=MAKE_SAFE), OFFICE)) == {"safe_50": 60, "safe_limit": 120}
    assert clocks.supervisor_at(begun(), OFFICE) == later(hours=3)
    friday_evening = datetime(2026, 6, 12, 9, 59, tzinfo=UTC)  # 17:59 in Shanghai
    half = clocks.times(begun(DAY, at=friday_evening), OFFICE)["reminder_50"]
    assert half == datetime(2026, 6, 15, 3, 59, tzinfo=UTC), "Monday 11:59, not in the night"


def test_nobody_is_reminded_of_a_quiet_clock() -> None:
    quiet = begun(Limit(2, "urgent_hour", "s", quiet=True), MAKE_SAFE)
    assert set(clocks.times(quiet, OFFICE)) == {"safe_limit"}


def test_a_pause_stops_it_and_it_goes_on_with_what_was_left() -> None:
    stood = clocks.pause(begun(), later(minutes=70))
    assert (stood.state, clocks.times(stood, OFFICE)) == ("paused", {})
    assert clocks.left(stood, later(days=9), OFFICE) == timedelta(minutes=50)
    on = clocks.resume(stood, later(hours=24), OFFICE)
    assert on.due_at == later(hours=24, minutes=50)
    assert minutes(clocks.times(on, OFFICE)) == {"reminder_80": 24 * 60 + 26, "limit": 24 * 60 + 50}, "half was had before"


def test_a_pause_over_a_night_costs_no_working_time() -> None:
    morning = datetime(2026, 6, 12, 1, 0, tzinfo=UTC)  # Friday 09:00
    stood = clocks.pause(begun(DAY, at=morning), datetime(2026, 6, 12, 3, 0, tzinfo=UTC))  # 2 h counted
    on = clocks.resume(stood, datetime(2026, 6, 13, 5, 0, tzinfo=UTC), OFFICE)  # Saturday
    assert on.due_at == datetime(2026, 6, 15, 8, 0, tzinfo=UTC), "Monday: 4 h until noon, 2 h after 14:00"


def test_an_extension_adds_one_more_original_limit_once() -> None:
    longer = clocks.extend(begun(), later(minutes=70), OFFICE)
    assert longer.due_at == later(hours=4)
    assert minutes(clocks.times(longer, OFFICE)) == {"reminder_80": 192, "limit": 240}, "half was had, and is not had twice"
    with pytest.raises(ExtendedBefore, match="extended_before"):
        clocks.extend(longer, later(minutes=80), OFFICE)


def test_an_extension_before_the_first_reminder_moves_all_of_them() -> None:
    longer = clocks.extend(begun(), later(minutes=10), OFFICE)
    assert minutes(clocks.times(longer, OFFICE)) == {"reminder_50": 120, "reminder_80": 192, "limit": 240}


@pytest.mark.parametrize("at", [120, 121])
def test_nothing_stops_or_extends_it_once_it_is_overdue(at: int) -> None:
    for clock in (begun(), clocks.expire(begun())):
        for act in (
            lambda c: clocks.pause(c, later(minutes=at)),
            lambda c: clocks.pause(c, later(minutes=at), until=later(days=9), event="suspend"),
            lambda c: clocks.extend(c, later(minutes=at), OFFICE),
        ):
            with pytest.raises(Overdue, match="reason: overdue"):
                act(clock)


def test_a_paused_clock_can_be_suspended_and_keeps_what_was_left() -> None:
    stood = clocks.pause(clocks.pause(begun(), later(minutes=30)), later(days=2), until=later(days=30), event="suspend")
    on = clocks.resume(stood, later(days=30), OFFICE)
    assert on.due_at == later(days=30, minutes=90)


def test_a_graver_fault_tightens_and_never_loosens() -> None:
    short = clocks.tighten(begun(), Limit(1, "urgent_hour", "s"), later(minutes=10), OFFICE)
    assert short is not None
    assert short.due_at == later(minutes=70)
    assert clocks.tighten(begun(), Limit(1, "urgent_hour", "s"), later(minutes=61), OFFICE) is None
    after_half = clocks.tighten(begun(Limit(20, "urgent_hour", "s")), HOURS, later(hours=11), OFFICE)
    assert after_half is not None
    assert set(after_half.coming) == {"reminder_80", "limit"}, "what was had is not had twice"


def test_a_graver_fault_does_not_wake_a_clock_that_stands() -> None:
    stood = clocks.pause(begun(Limit(20, "urgent_hour", "s")), later(hours=1))
    short = clocks.tighten(stood, HOURS, later(hours=5), OFFICE)
    assert short is not None
    assert short.state == "paused"
    assert clocks.resume(short, later(hours=9), OFFICE).due_at == later(hours=11)


def test_said_to_be_done_and_not_done_runs_on_as_if_it_had_not_been_said() -> None:
    met = clocks.meet(begun(), later(minutes=50))
    again = clocks.reject(met, later(minutes=110), OFFICE)
    assert (again.state, again.due_at) == ("running", later(hours=2))
    assert minutes(clocks.times(again, OFFICE)) == {"limit": 120}


def test_said_to_be_done_during_a_pause_and_not_done_goes_on_with_what_was_left() -> None:
    met = clocks.meet(clocks.pause(begun(), later(minutes=50)), later(hours=9))
    assert clocks.reject(met, later(hours=10), OFFICE).due_at == later(hours=11, minutes=10)


def test_done_too_late_stays_late() -> None:
    met = clocks.meet(begun(), later(minutes=121))
    assert (met.state, met.overdue_at) == ("met_late", later(hours=2))
    assert clocks.reject(met, later(hours=3), OFFICE).state == "overdue"


def test_a_restart_begins_anew_and_may_be_extended_again() -> None:
    longer = clocks.extend(begun(), later(minutes=10), OFFICE)
    fresh = clocks.restart(clocks.expire(longer), DAY, later(days=3), OFFICE)
    assert (fresh.extended, fresh.overdue_at, fresh.begun_at) == (False, None, later(days=3))


def test_a_clock_and_its_row_are_the_same() -> None:
    made = [begun(), clocks.pause(begun(DAY), later(minutes=1), until=later(days=2)), clocks.meet(begun(), later(minutes=9))]
    for clock in made:
        row: dict[str, Any] = row_of(clock)
        assert of_row(row) == clock


def test_the_facts_tell_the_whole_clock() -> None:
    said = clocks.facts(clocks.pause(begun(), later(minutes=30), until=later(days=1)))
    assert {key: said[key] for key in ("clock", "value", "unit", "from", "due", "state", "stood", "until")} == {
        "clock": "repair", "value": 2, "unit": "urgent_hour", "from": NOON, "due": later(hours=2), "state": "paused",
        "stood": later(minutes=30), "until": later(days=1),
    }  # fmt: skip
