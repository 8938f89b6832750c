"""Reminders, limits, escalation and what is said about them: the table of a day, on a real PostgreSQL."""

from __future__ import annotations

import logging
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

import pytest

from citybrain.kernel.events import AlertChange
from citybrain.store import outbox, timers
from citybrain.store.db import Database
from dispatch.channels import Answer
from dispatch.cycle import gathering, module, run_cycle
from dispatch.cycle.send import MAX_ATTEMPTS
from tests.dispatch_kit import BOOKS, NOON, Town, event

pytestmark = pytest.mark.live


@pytest.fixture
def town(db: Database) -> Town:
    return Town(db)


class At(NamedTuple):
    """At so many minutes after the alert a person does something, or something is said (by then, and not before)."""

    minute: int
    do: str = ""
    said: tuple[tuple[str, str], ...] = ()


UNIT, LEAD, HALL = "log:drainage", "log:drainage-lead", "log:city-hall"

DAYS = {
    "nobody does anything": [
        At(0, said=(("dispatched", UNIT),)),
        At(14),
        At(15, said=(("safe_50", UNIT),)),
        At(29),
        At(30, said=(("safe_overdue", UNIT), ("safe_overdue", LEAD))),
        At(59),
        At(60, said=(("reminder_50", UNIT),)),
        At(95),
        At(96, said=(("reminder_80", UNIT),)),
        At(119),
        At(120, said=(("overdue", UNIT), ("escalated_lead", LEAD))),
        At(179),
        At(180, said=(("escalated_supervisor", HALL),)),
        At(600),
    ],
    "acknowledged in time": [
        At(0, said=(("dispatched", UNIT),)),
        At(10, do="ack"),
        At(16, said=(("safe_50", UNIT),)),
        At(20, do="make_safe"),
        At(61),
        At(97, said=(("reminder_80", UNIT),)),
        At(121, said=(("overdue", UNIT), ("escalated_lead", LEAD))),
        At(130, do="fix"),
        At(135),
    ],
    "reported fixed in time, and the sensor disagrees after the limit": [
        At(0, said=(("dispatched", UNIT),)),
        At(5, do="make_safe"),
        At(99, said=(("reminder_80", UNIT),)),
        At(100, do="fix"),
        At(121),
        At(129),
        At(130, said=(("rework", UNIT), ("overdue", UNIT), ("escalated_lead", LEAD))),
        At(181, said=(("escalated_supervisor", HALL),)),
    ],
    "cancelled": [
        At(0, said=(("dispatched", UNIT),)),
        At(30, do="cancel", said=(("cancelled", UNIT),)),
        At(600),
    ],
}


@pytest.mark.parametrize("day", DAYS.values(), ids=DAYS)
def test_a_day(town: Town, day: list[At]) -> None:
    (opened,) = town.raised("mh-1", "MH-OPEN")
    for step in day:
        town.mail.sent.clear()
        minutes = (NOON + timedelta(minutes=step.minute) - town.now) // timedelta(minutes=1)
        if step.do:
            town.now += timedelta(minutes=minutes)
            town.act(opened.order_id, step.do, reason="by hand")
            minutes = 0
        town.cycle(minutes=minutes)
        new = [pair for pair in town.mail.said() if pair[0] != "reminder_80" or step.minute >= 96]
        assert sorted(new) == sorted(step.said), f"at minute {step.minute}"
    assert not town.faults()


def test_overdue_is_marked_with_the_limit(town: Town) -> None:
    (opened,) = town.raised("mh-1", "MH-OPEN")
    town.cycle(hours=2, minutes=7)
    order = town.order(opened.order_id)
    assert order["overdue_at"] == order["due_at"] == NOON + timedelta(hours=2)
    assert town.history(opened.order_id) == ["dispatch", "reminded", "reminded", "reminded", "overdue", "overdue", "escalated"]


def test_a_limit_of_working_hours_reminds_in_working_hours(town: Town) -> None:
    town.now = datetime(2026, 6, 12, 8, 0, tzinfo=UTC)  # Friday 16:00 in Shanghai; 2 working days: due Tuesday 16:00
    town.raised("mh-1", "MH-ROCK")
    town.cycle(hours=3)
    town.mail.sent.clear()
    town.cycle(hours=61)  # Monday 08:00
    assert town.mail.sent == [], "nobody is reminded at the weekend"
    town.cycle(hours=8)
    assert town.mail.said() == [("reminder_50", UNIT)]


def test_a_step_with_nobody_is_skipped_at_once_and_says_so(town: Town, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.ERROR):
        (opened,) = town.raised("mh-mute", "MH-OPEN")
        town.cycle()
    assert town.mail.said() == [("escalated_supervisor", HALL)]
    assert "nobody to tell at level 'unit'" in caplog.text
    assert town.history(opened.order_id) == ["dispatch", "nobody_to_tell", "nobody_to_tell"]
    town.mail.sent.clear()
    town.cycle(hours=2)
    assert town.mail.said() == [("escalated_supervisor", HALL)], "that it was opened was told; that it is overdue is news"
    town.mail.sent.clear()
    town.cycle(hours=10)
    assert town.mail.said() == []
    assert town.order(opened.order_id)["overdue_at"] is not None
    assert not town.faults()


def test_an_order_that_nobody_can_be_told_of_is_still_followed(town: Town) -> None:
    (opened,) = town.raised("mh-lost", "MH-OPEN")
    town.cycle(hours=3)
    assert town.history(opened.order_id).count("nobody_to_tell") == 5
    assert town.order(opened.order_id)["overdue_at"] is not None


def test_a_notice_whose_order_moved_on_is_not_sent(town: Town) -> None:
    (opened,) = town.raised("mh-1", "MH-OPEN")
    town.mail.answers[UNIT] = Answer("retry", "unreachable")
    town.cycle()
    town.mail.sent.clear()
    town.act(opened.order_id, "ack")
    town.mail.answers.clear()
    town.cycle(minutes=5)
    assert town.mail.sent == []
    with town.db.transaction() as tx:
        (notice,) = outbox.notices_of(tx, opened.order_id)
        ledger = [(row["ok"], row["reason"]) for row in outbox.deliveries_of(tx, opened.order_id)]
    assert (notice["state"], notice["reason"]) == ("dropped", "state_changed")
    assert ledger == [(False, "unreachable"), (False, "state_changed")]


def test_a_notice_for_a_unit_that_gave_the_order_back_is_not_sent(town: Town) -> None:
    (opened,) = town.raised("mh-1", "MH-OPEN")
    town.mail.answers[UNIT] = Answer("retry", "unreachable")
    town.cycle()
    town.act(opened.order_id, "return", reason="not ours")
    town.cycle(seconds=1)
    town.mail.answers.clear()
    town.mail.sent.clear()
    town.cycle(minutes=5)
    assert UNIT not in {target for _, target in town.mail.said()}


def test_a_dead_target_is_left_alone_and_starves_nobody(town: Town) -> None:
    town.mail.answers[UNIT] = Answer("retry", "timeout")
    for n in range(1, 7):
        town.raised(f"pit-{n}", "MH-OPEN")
    for _ in range(8):
        town.cycle(seconds=1)
    tries = len(town.mail.sent)
    assert tries == 3, "three failures open the breaker, although six notices wait"
    town.raised("sl-1", "SL-GEAR")
    town.cycle(seconds=1)
    assert ("dispatched", "log:lighting") in town.mail.said()
    town.mail.answers.clear()
    town.cycle(minutes=2)
    town.cycle(minutes=2)
    with town.db.transaction() as tx:
        assert outbox.breakers(tx) == []
    assert len({message.id for message in town.mail.sent if message.target == UNIT}) == 6


def test_what_cannot_be_sent_is_given_up_in_the_open(town: Town, caplog: pytest.LogCaptureFixture) -> None:
    (opened,) = town.raised("mh-1", "MH-OPEN")
    town.mail.answers[UNIT] = Answer("fail", "refused", "HTTP 410")
    with caplog.at_level(logging.ERROR):
        town.cycle()
    assert town.history(opened.order_id) == ["dispatch", "notice_failed"]
    assert "failed for good: refused" in caplog.text
    assert not town.faults()


def test_after_the_last_try_a_notice_is_given_up(town: Town) -> None:
    (opened,) = town.raised("mh-1", "MH-ROCK")
    town.mail.answers[UNIT] = Answer("retry", "server_error")
    for _ in range(MAX_ATTEMPTS + 4):
        town.machine_now += timedelta(hours=2)
        town.cycle(seconds=1)
    with town.db.transaction() as tx:
        first = next(row for row in outbox.notices_of(tx, opened.order_id) if row["purpose"] == "dispatched")
    assert (first["state"], first["reason"], first["attempts"]) == ("failed", "gave_up", MAX_ATTEMPTS)
    assert town.history(opened.order_id).count("notice_failed") == 1


def test_an_unknown_contact_fails_where_it_can_be_seen(town: Town) -> None:
    unit = town.register.units["drainage"]
    town.register.units["drainage"] = unit.__class__(unit.id, unit.name, contacts=("pigeon:post",))
    (opened,) = town.raised("mh-1", "MH-OPEN")
    town.cycle()
    with town.db.transaction() as tx:
        (notice,) = outbox.notices_of(tx, opened.order_id)
    assert (notice["channel"], notice["state"], notice["reason"]) == ("unknown", "failed", "bad_target")


def test_a_sender_that_died_is_followed_by_another_with_the_same_key(town: Town) -> None:
    (opened,) = town.raised("mh-1", "MH-OPEN")
    with town.db.transaction() as tx:
        leased = outbox.claim(tx, UNIT, town.now, town.machine_now, town.machine_now + timedelta(seconds=120))
    assert leased is not None
    town.cycle(seconds=60)
    assert town.mail.sent == []
    town.cycle(seconds=61)
    assert [message.id for message in town.mail.sent] == [str(leased["id"])]
    assert opened.order_id == town.mail.sent[0].data["order"]


def test_a_failing_timer_undoes_only_itself(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    town.raised("sl-1", "SL-OUT")
    town.raised("tail-1", "SL-OUT")

    def broken(tx: object, look: object, timer: dict[str, object], now: datetime) -> None:
        gathering.handle(tx, look, timer, now)
        if timer["asset"] == "sl-1":
            raise RuntimeError("one bad case")

    sick = module.of_timers("gathering", frozenset({"gathering"}), broken)
    monkeypatch.setattr("dispatch.cycle.MODULES", (sick,))
    town.cycle(minutes=10)
    assert [order["asset"] for order in town.orders()] == ["tail-1"]
    monkeypatch.undo()
    town.cycle(minutes=2)
    assert [order["asset"] for order in town.orders()] == ["tail-1", "sl-1"]


def test_an_idle_cycle_is_one_query(town: Town) -> None:
    town.cycle()

    def never() -> object:
        raise AssertionError("asked for the register with nothing due")

    report = run_cycle(
        town.db,
        now=town.now,
        infos=town.infos,
        register_of=never,
        books=BOOKS,
        channels=town.channels,
        machine_now=town.machine_now,
    )
    assert report.modules == ()


def test_old_notices_are_forgotten_and_orders_are_not(town: Town) -> None:
    (opened,) = town.raised("mh-1", "MH-OPEN")
    town.cycle()
    town.take(event("mh-1", "MH-OPEN", AlertChange.RESOLVED, NOON + timedelta(minutes=1), onset=NOON))
    town.cycle(hours=1)
    town.cycle(days=401)
    with town.db.transaction() as tx:
        assert outbox.notices_of(tx, opened.order_id) == []
        assert timers.due(tx, town.now, town.machine_now) == set()
    assert town.order(opened.order_id)["state"] == "closed"
