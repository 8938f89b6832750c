"""The life of a planned order as a table of days."""

from __future__ import annotations

import pytest

from citybrain.kernel.events import AlertChange
from forecast.book import load_book
from forecast.days import DAY_MS
from forecast.finding import Finding, Plan, Why
from forecast.life import Decision, Held, decide

BOOK = load_book()
INFO = BOOK.condition_of[Plan.SILT]
LIFE = BOOK.plans.life
START = 20_000


def found(
    why: Why = Why.AHEAD, at: float | None = 20, width: float = 5, since: float = -40, reset: float | None = None
) -> Finding:
    """A finding with days after START."""

    def ms(day: float) -> int:
        return round((START + day) * DAY_MS)

    dated = {} if at is None else {"at_ms": ms(at), "low_ms": ms(at - width), "high_ms": ms(at + width)}
    return Finding(
        Plan.SILT, "dr-1", why, since_ms=ms(since), reset_ms=None if reset is None else ms(reset), detail="because",
        points=((ms(-1), "level_mm", 61.0),), **dated,
    )  # fmt: skip


def day(held: Held, number: float, finding: Finding) -> Decision:
    return decide(held, finding, INFO, "drain", round((START + number) * DAY_MS), LIFE, 30)


def raised() -> Held:
    return day(Held(), 0, found()).held


def test_a_planned_finding_is_raised_once() -> None:
    first = day(Held(), 0, found())
    assert first.event is not None
    assert (first.event.change, first.event.phase, first.event.severity) == (AlertChange.RAISED, "firing", "warning")
    assert first.event.onset_ms == (START - 40) * DAY_MS
    assert first.event.at_ms == START * DAY_MS
    assert first.event.detail == "2024-10-24 (2024-10-19 to 2024-10-29): because"
    assert [item.value for item in first.event.evidence] == [61.0]
    for number in (0, 1, 5):
        again = day(first.held, number, found(at=20 + number / 10, since=-40 + number))
        assert (again.event, again.held) == (None, first.held)


def test_the_same_past_gives_the_same_alert() -> None:
    one, other = day(Held(), 0, found()), day(Held(), 3, found())
    assert one.event is not None
    assert other.event is not None
    assert one.event.id == other.event.id


@pytest.mark.parametrize("why", [why for why in Why if why not in {Why.AHEAD, Why.MET, Why.REPEATED}])
def test_whatever_is_not_planned_raises_nothing(why: Why) -> None:
    decision = day(Held(), 0, found(why))
    assert (decision.event, decision.reason) == (None, why)


def test_a_date_within_its_interval_is_not_told_again_and_one_outside_is() -> None:
    held = raised()
    assert day(held, 1, found(at=24)).event is None
    moved = day(held, 1, found(at=27))
    assert moved.event is not None
    assert (moved.event.change, moved.reason, moved.event.id) == (AlertChange.AMENDED, "date_moved", held.alert)
    assert day(moved.held, 2, found(at=28)).event is None


def test_what_is_due_already_does_not_move_any_more() -> None:
    held = day(Held(), 0, found(Why.MET, at=-2)).held
    assert day(held, 30, found(Why.MET, at=-15)).event is None
    later = day(held, 30, found(at=55))
    assert later.event is not None
    assert later.event.change == AlertChange.AMENDED


def test_put_back_resolves_and_the_next_one_is_another_alert() -> None:
    held = raised()
    over = day(held, 12, found(Why.TOO_FEW_DAYS, at=None, reset=10))
    assert over.event is not None
    assert (over.event.change, over.reason, over.event.id) == (AlertChange.RESOLVED, "put_back", held.alert)
    assert over.event.end_ms == (START + 12) * DAY_MS
    later = day(over.held, 80, found(at=95, since=13))
    assert later.event is not None
    assert later.event.change == AlertChange.RAISED
    assert later.event.id != held.alert


def test_a_step_before_the_order_does_not_end_it() -> None:
    held = day(Held(), 0, found(reset=-30)).held
    assert day(held, 1, found(reset=-30)).event is None


def test_well_for_a_week_without_a_repair_resolves() -> None:
    held = raised()
    for number in range(1, 8):
        decision = day(held, number, found(Why.NO_TREND, at=None))
        assert decision.event is None
        held = decision.held
    over = day(held, 8, found(Why.NO_TREND, at=None))
    assert over.event is not None
    assert (over.event.change, over.reason) == (AlertChange.RESOLVED, "trend_gone")


def test_a_trend_that_comes_back_begins_the_week_anew() -> None:
    held = day(raised(), 1, found(Why.NORMAL, at=None)).held
    assert held.calm_ms is not None
    assert day(held, 6, found()).held.calm_ms is None


@pytest.mark.parametrize("why", [Why.STALE, Why.TOO_FEW_DAYS, Why.UNKNOWN_START, Why.TOO_FEW_PEERS, Why.NO_MODEL])
def test_what_does_not_speak_does_not_close(why: Why) -> None:
    held = raised()
    for number in range(1, 60):
        decision = day(held, number, found(why, at=None))
        assert decision.event is None
        held = decision.held


def test_the_acute_fault_leaves_the_planned_order_open() -> None:
    assert day(raised(), 1, found(Why.ACUTE)).event is None


def test_far_beyond_the_horizon_resolves() -> None:
    near = day(raised(), 1, found(Why.FAR_AWAY, at=60))
    assert near.event is not None
    assert near.event.change == AlertChange.AMENDED
    far = day(raised(), 1, found(Why.FAR_AWAY, at=140))
    assert far.event is not None
    assert (far.event.change, far.reason) == (AlertChange.RESOLVED, "far_away")
