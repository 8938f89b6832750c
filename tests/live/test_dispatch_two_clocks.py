"""Make safe and repair, pauses and what is asked for, and reopening, on a real PostgreSQL."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar

import pytest

from citybrain.kernel.errors import InputError, StateError
from citybrain.store import clocks as store
from citybrain.store import orders, timers
from citybrain.store.db import ConstraintError, Database, Row, Tx
from dispatch import ledger, pausing, reopening
from dispatch.clock_story import steps_of, story
from dispatch.clocking import tighten
from dispatch.clocks import ExtendedBefore, Overdue
from dispatch.opening import Lookups
from dispatch.pausing import Asked, Refused
from dispatch.profiles import load_profile
from dispatch.reopening import NewerCaseOpen
from tests.dispatch_kit import NOON, Town

pytestmark = pytest.mark.live
T = TypeVar("T")
UNIT, LEAD, HALL = "log:drainage", "log:drainage-lead", "log:city-hall"


@pytest.fixture
def town(db: Database) -> Town:
    return Town(db)


def do(town: Town, work: Callable[..., T], *args: Any, **more: Any) -> T:
    """Something that needs the lookups, in a transaction, now."""
    look: Lookups = town.look()
    return town.db.attempt(lambda tx: work(tx, look, *args, now=town.now, **more))


def ask(
    town: Town, order: str, kind: str = "pause", code: str = "waiting_for_parts", actor: str = "crew 7", **more: Any
) -> Asked:
    return do(town, pausing.ask, order, kind, code=code, actor=actor, **more)


def approve(town: Town, order: str, actor: str = "dispatcher A") -> Asked:
    return do(town, pausing.approve, order, actor=actor)


def clock(town: Town, order: str, name: str = "repair") -> Row:
    with town.db.transaction() as tx:
        return next(row for row in store.of_order(tx, order) if row["clock"] == name)


def standing(town: Town, case: str) -> dict[str, datetime]:
    with town.db.transaction() as tx:
        return {row["purpose"]: row["next_at"] for row in timers.of_case(tx, case)}


def said(town: Town) -> list[tuple[str, str]]:
    """What was said since the last time."""
    new = town.mail.said()
    town.mail.sent.clear()
    return new


def test_it_is_safe_when_that_is_said_and_not_by_arriving(town: Town) -> None:
    (opened,) = town.raised("mh-1", "MH-OPEN")
    town.cycle(minutes=5)
    town.act(opened.order_id, "arrive")
    assert clock(town, opened.order_id, "make_safe")["state"] == "running"
    moved = town.act(opened.order_id, "make_safe", evidence="photo-17", position=(31.2, 121.4))
    assert (moved.state, moved.changed) == ("on_site", True)
    assert not town.act(opened.order_id, "make_safe", actor="crew 8").changed
    made = clock(town, opened.order_id, "make_safe")
    assert (made["state"], made["met_at"]) == ("met", NOON + timedelta(minutes=5))
    said(town)
    town.cycle(minutes=40)
    assert said(town) == [], "nobody is reminded of what is done"
    (entry,) = [row for row in town.order(opened.order_id)["events"] if row["event"] == "make_safe"]
    assert entry["actor"] == "crew 7"
    assert not town.faults()


def test_a_profile_may_say_that_arriving_is_enough(town: Town, tmp_path: Path) -> None:
    profile = load_profile()
    town.books = replace(town.books, profile=replace(profile, rules=profile.rules.model_copy(update={"safe_by_arrival": True})))
    (opened,) = town.raised("mh-1", "MH-OPEN")
    town.act(opened.order_id, "arrive")
    assert clock(town, opened.order_id, "make_safe")["state"] == "met"


def test_nobody_hears_of_the_safety_of_a_dark_lamp_and_it_is_counted_all_the_same(town: Town) -> None:
    (opened,) = town.raised("sl-1", "SL-GEAR")
    town.act(opened.order_id, "ack")
    said(town)
    town.cycle(days=6)
    assert not [pair for pair in said(town) if pair[0].startswith("safe")]
    assert clock(town, opened.order_id, "make_safe")["state"] == "overdue"
    assert [row["reason"] for row in town.order(opened.order_id)["events"] if row["event"] == "overdue"] == [
        "not_made_safe", "limit_passed",
    ]  # fmt: skip


def test_a_pause_is_asked_for_by_the_unit_and_approved_by_somebody_else(town: Town) -> None:
    (opened,) = town.raised("mh-1", "MH-OPEN")
    town.act(opened.order_id, "make_safe")
    town.cycle(minutes=70)
    said(town)
    assert ask(town, opened.order_id).state == "asked"
    assert not ask(town, opened.order_id).changed
    with pytest.raises(Refused, match="own_request"):
        approve(town, opened.order_id, "crew 7")
    town.cycle(minutes=5)
    assert said(town) == [("asked", LEAD)]
    approve(town, opened.order_id)
    assert not {"reminder_80", "limit"} & standing(town, opened.case_id).keys()
    town.cycle(days=3)
    assert said(town) == [("answered", UNIT)], "nobody is reminded while it stands"
    done = do(town, pausing.resume, opened.order_id, actor="crew 7")
    assert done.due_at == town.now + timedelta(minutes=45)
    assert town.order(opened.order_id)["due_at"] == done.due_at
    town.cycle(minutes=45)
    assert sorted(said(town)) == [("escalated_lead", LEAD), ("overdue", UNIT), ("reminder_80", UNIT)]
    assert town.history(opened.order_id)[2:] == ["asked", "pause", "resume", "reminded", "overdue", "escalated"]
    assert not town.faults()


def test_a_refused_pause_changes_nothing_and_one_that_nobody_answers_lapses(town: Town) -> None:
    (opened,) = town.raised("mh-1", "MH-OPEN")
    ask(town, opened.order_id)
    with pytest.raises(Refused, match="asked_before"):
        ask(town, opened.order_id, "extend", "weather")
    do(town, pausing.refuse, opened.order_id, actor="dispatcher A", reason="the part is in our own store")
    assert clock(town, opened.order_id)["state"] == "running"
    ask(town, opened.order_id, "extend", "weather")
    town.cycle(hours=2)
    with pytest.raises(Refused, match="nothing_asked"):
        approve(town, opened.order_id)
    assert "lapsed" in town.history(opened.order_id)


def test_a_pause_ends_by_itself(town: Town) -> None:
    (opened,) = town.raised("mh-1", "MH-ROCK")
    town.cycle(minutes=30)
    ask(town, opened.order_id, until=town.now + timedelta(days=4))
    approve(town, opened.order_id)
    woken = town.now + timedelta(days=4)
    town.cycle(days=4, seconds=7)
    now = clock(town, opened.order_id)
    assert (now["state"], now["since"]) == ("running", woken), "from the minute that was promised, however late the cycle is"
    assert clock(town, opened.order_id, "make_safe")["state"] == "running", "a quiet one stood and goes on with it"
    assert town.history(opened.order_id)[-1] == "resume"


def test_an_extension_is_one_more_limit_and_only_one(town: Town) -> None:
    (opened,) = town.raised("mh-1", "MH-OPEN")
    ask(town, opened.order_id, "extend", "larger_than_seen")
    assert approve(town, opened.order_id).due_at == NOON + timedelta(hours=4)
    with pytest.raises(ExtendedBefore):
        ask(town, opened.order_id, "extend", "weather")
    town.cycle(hours=3, minutes=59)
    assert town.order(opened.order_id)["overdue_at"] is None
    town.cycle(minutes=1)
    assert town.order(opened.order_id)["overdue_at"] == NOON + timedelta(hours=4)


def test_nothing_of_it_once_overdue(town: Town) -> None:
    (opened,) = town.raised("mh-1", "MH-OPEN")
    ask(town, opened.order_id)
    town.now += timedelta(hours=2)  # the cycle has not said so yet
    with pytest.raises(Overdue):
        approve(town, opened.order_id)
    town.cycle()
    for kind, code in (("pause", "weather"), ("extend", "weather")):
        with pytest.raises(Overdue):
            ask(town, opened.order_id, kind, code)
    with pytest.raises(Overdue):
        ask(town, opened.order_id, "suspend", "budget", until=town.now + timedelta(days=5))


def test_a_suspension_needs_safety_an_end_and_two_people(town: Town) -> None:
    (opened,) = town.raised("mh-1", "MH-OPEN")
    until = NOON + timedelta(days=100)
    with pytest.raises(Refused, match="not_safe_yet"):
        ask(town, opened.order_id, "suspend", "planned_renewal", until=until)
    town.act(opened.order_id, "make_safe")
    for wrong in (None, NOON, NOON + timedelta(days=367)):
        with pytest.raises(InputError, match="until"):
            ask(town, opened.order_id, "suspend", "planned_renewal", until=wrong)
    ask(town, opened.order_id, "suspend", "planned_renewal", until=until)
    assert approve(town, opened.order_id, "dispatcher A").state == "asked"
    with pytest.raises(Refused, match="approved_before"):
        approve(town, opened.order_id, "dispatcher A")
    assert clock(town, opened.order_id)["state"] == "running"
    town.cycle(minutes=20)
    assert approve(town, opened.order_id, "supervisor B").state == "approved"
    said(town)
    town.cycle(days=99)
    assert said(town) == [("answered", UNIT)]
    town.now = town.machine_now = until
    town.cycle()
    assert clock(town, opened.order_id)["due_at"] == until + timedelta(minutes=100)


def test_the_database_knows_that_nobody_approves_alone(town: Town) -> None:
    (opened,) = town.raised("mh-1", "MH-OPEN")
    ask(town, opened.order_id)

    def alone(tx: Tx) -> None:
        request = store.open_request(tx, opened.order_id)
        assert request is not None
        store.approve(tx, str(request["id"]), by="crew 7", at=NOON, last=True)

    with pytest.raises(ConstraintError):
        town.db.attempt(alone)


def test_a_return_stops_both_clocks_and_another_unit_begins_anew(town: Town) -> None:
    (opened,) = town.raised("mh-1", "MH-OPEN")
    town.cycle(minutes=10)
    town.act(opened.order_id, "return", code="not_ours")
    assert {clock(town, opened.order_id, name)["state"] for name in ("make_safe", "repair")} == {"paused"}
    town.cycle(minutes=1)
    order = town.order(opened.order_id)
    assert (order["unit"], order["state"]) == ("street-office", "dispatched")
    assert order["due_at"] == town.now + timedelta(hours=2)
    assert clock(town, opened.order_id, "make_safe")["due_at"] == town.now + timedelta(minutes=30)


def test_the_same_unit_goes_on_with_what_was_left(town: Town) -> None:
    (opened,) = town.raised("mh-1", "MH-OPEN")
    town.cycle(minutes=10)
    town.act(opened.order_id, "return", code="needs_parts")
    town.cycle(minutes=30)
    order = town.order(opened.order_id)
    assert (order["unit"], order["state"]) == ("drainage", "dispatched")
    stood = town.now - (NOON + timedelta(minutes=10))
    late = clock(town, opened.order_id)["since"]
    assert order["due_at"] == late + timedelta(minutes=110)
    assert timedelta(0) < late - NOON <= stood + timedelta(minutes=10)


def test_a_graver_fault_tightens_both_clocks_once(town: Town) -> None:
    (rocking,) = town.raised("mh-1", "MH-ROCK")
    before = clock(town, rocking.order_id)
    town.cycle(minutes=20)
    with town.db.transaction() as tx:
        row = orders.get(tx, rocking.order_id)
        assert row is not None
        assert tighten(tx, town.look(), row, "MH-MISSING", severity="critical", street=None, now=town.now)
    after = clock(town, rocking.order_id)
    assert after["due_at"] == town.now + timedelta(hours=2) < before["due_at"]
    assert town.order(rocking.order_id)["filing_item"] == "MH-MISSING"
    assert standing(town, rocking.case_id)["safe_50"] == town.now + timedelta(minutes=15)
    assert not town.faults()


def close(town: Town, asset: str = "mh-1") -> str:
    """An order that is fixed, verified and closed."""
    onset = town.now
    (opened,) = town.raised(asset, "MH-OPEN")
    town.cycle(minutes=5)
    town.act(opened.order_id, "fix")
    town.resolved(asset, "MH-OPEN", onset)
    town.cycle(hours=1)
    assert town.order(opened.order_id)["state"] == "closed"
    return opened.order_id


def test_reopening_starts_the_clocks_and_tells_everyone_who_followed(town: Town) -> None:
    order = close(town)
    with town.db.transaction() as tx:
        tx.run(
            "INSERT INTO outbox (id, channel, target, purpose, order_id, body, state, created_at)"
            " VALUES (gen_random_uuid(), 'log', 'log:reporter', 'closed', %(order)s, '{}', 'sent', now())",
            order=order,
        )
    said(town)
    with pytest.raises(InputError, match="not_fixed"):
        do(town, reopening.reopen, order, code="because", actor="caller 12345")
    moved = do(town, reopening.reopen, order, code="not_fixed", actor="caller 12345", role="reporter")
    assert not do(town, reopening.reopen, order, code="not_fixed", actor="caller 12345", role="reporter").changed
    assert (moved.from_state, moved.state) == ("closed", "dispatched")
    town.cycle()
    assert sorted(said(town)) == [("reopened", "log:drainage"), ("reopened", "log:reporter")]
    row = town.order(order)
    assert (row["due_at"], row["outcome"], row["closed_at"]) == (town.now + timedelta(hours=2), None, None)
    town.cycle(hours=1)
    assert ("reminder_50", UNIT) in said(town), "the reminders of the new clock are told, as those of the old were"
    town.act(order, "fix")
    town.cycle()
    assert town.order(order)["state"] == "closed"
    assert town.history(order).count("reopen") == 1
    assert not town.faults()


def test_reopening_is_refused_where_a_new_case_stands(town: Town) -> None:
    order = close(town)
    town.cycle(days=2)
    town.raised("mh-1", "MH-OPEN")
    with pytest.raises(NewerCaseOpen, match="newer_case_open"):
        do(town, reopening.reopen, order, code="not_fixed", actor="city hall", role="supervisor")


def test_what_was_cancelled_is_not_reopened(town: Town) -> None:
    (opened,) = town.raised("mh-1", "MH-OPEN")
    town.act(opened.order_id, "cancel", reason="planned works")
    with pytest.raises(StateError, match="'reopen' is not allowed in state 'cancelled'"):
        do(town, reopening.reopen, opened.order_id, code="not_fixed", actor="city hall")


def test_a_checklist_is_shown_or_demanded(town: Town) -> None:
    (opened,) = town.raised("mh-1", "MH-OPEN")
    town.act(opened.order_id, "fix", checklist=("seated",))
    with town.db.transaction() as tx:
        lines = {line["id"]: line["done"] for line in store.checklist(tx, opened.order_id)}
    assert lines == {"seated": True, "road_clear": False, "photo_after": False}
    profile = load_profile()
    town.books = replace(town.books, profile=replace(profile, rules=profile.rules.model_copy(update={"checklist": "required"})))
    (strict,) = town.raised("mh-2", "MH-OPEN")
    with pytest.raises(InputError, match="no line 'polished'"):
        town.act(strict.order_id, "fix", checklist=("polished",))
    with pytest.raises(InputError, match="road_clear must be done"):
        town.act(strict.order_id, "fix", checklist=("seated",))
    assert town.act(strict.order_id, "fix", checklist=("seated", "road_clear")).state == "fixed"


def test_explain_tells_every_step_in_both_languages(town: Town) -> None:
    (opened,) = town.raised("mh-1", "MH-ROCK")  # Friday noon in Shanghai, two working days
    town.now += timedelta(hours=3)
    ask(town, opened.order_id, until=town.now + timedelta(days=10))
    approve(town, opened.order_id)
    town.now += timedelta(days=4)
    do(town, pausing.resume, opened.order_id, actor="crew 7")
    ask(town, opened.order_id, "extend", "larger_than_seen")
    approve(town, opened.order_id, "dispatcher B")
    with town.db.transaction() as tx:
        steps = steps_of([entry for entry in ledger.read(tx, opened.order_id) if entry.order_id], "repair")
    calendar = town.look().calendar(town.register.units["drainage"])
    english, chinese = (list(story(steps, calendar, language)) for language in ("en", "zh"))
    assert english[-5:] == [
        "Due Tue 2026-06-16 12:00 (UTC+08:00) = 2026-06-16T04:00:00Z.",
        "Fri 2026-06-12 15:00 (UTC+08:00): paused (waits for parts, dispatcher A), 15 h left.",
        "It goes on by itself at Mon 2026-06-22 15:00 (UTC+08:00) at the latest.",
        "Tue 2026-06-16 15:00 (UTC+08:00): goes on with 15 h left: due Thu 2026-06-18 12:00 (UTC+08:00).",
        "Tue 2026-06-16 15:00 (UTC+08:00): extended by one more original limit, 2 working days (larger than could be seen):"
        " due Tue 2026-06-23 12:00 (UTC+08:00).",
    ]
    assert len(chinese) == len(english)
    assert "暂停（等待配件，dispatcher A），剩余 15 小时" in chinese[-4]
    assert town.order(opened.order_id)["explanation"][-1].endswith("2026-06-16T04:00:00Z."), "what was told stays"
