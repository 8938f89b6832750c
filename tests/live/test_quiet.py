"""Silences, windows, works and openings, from the alert to the message, on a real PostgreSQL."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest

from citybrain.kernel.events import AlertChange
from citybrain.store import register as register_store
from citybrain.store import silences as store
from citybrain.store.db import Database, Row
from dispatch import ledger, silencing
from dispatch.silences import Scope
from dispatch.silencing import Added
from dispatch.windows import recurrence
from tests.dispatch_kit import NOON, Town

pytestmark = pytest.mark.live


@pytest.fixture
def town(db: Database) -> Town:
    """The town, with its assets in the register of the database too: works and openings are checked against that."""
    found = Town(db)
    with db.transaction() as tx:
        register_store.save_assets(tx, list(found.register.assets.values()))
    return found


def hush(town: Town, *matchers: str, hours: float | None = 2, begins_at: datetime | None = None, **more: Any) -> Added:
    begin = begins_at or town.now
    end = None if hours is None else begin + timedelta(hours=hours)
    with town.db.transaction() as tx:
        return silencing.silence(
            tx, matchers, author="Li", reason="a parade", begins_at=begin, ends_at=end, now=town.now, **more
        )


def expire(town: Town, name: object) -> Row:
    with town.db.transaction() as tx:
        return silencing.expire(tx, str(name), by="Wang", reason="over early", now=town.now)


def case_notes(town: Town, case_id: object) -> list[str]:
    with town.db.transaction() as tx:
        return [entry.event for entry in ledger.read(tx) if entry.case_id == str(case_id)]


def test_what_is_silenced_waits_and_goes_out_at_once_when_it_still_fires(town: Town) -> None:
    hush(town, 'asset="mh-1"')
    assert town.raised("mh-1", "MH-OPEN") == []
    town.cycle(minutes=30)
    assert town.orders() == []
    town.cycle(minutes=90)
    (order,) = town.orders()
    assert (order["asset"], order["reason"], order["dispatched_at"]) == ("mh-1", "silence_ended", NOON + timedelta(hours=2))
    assert town.mail.said() == [("dispatched", "log:drainage")]
    assert not town.faults()


def test_what_has_cleared_meanwhile_never_goes_out(town: Town) -> None:
    hush(town, 'asset="mh-1"')
    town.raised("mh-1", "MH-OPEN")
    town.cycle(minutes=10)
    town.resolved("mh-1", "MH-OPEN", NOON)
    town.cycle(hours=3)
    assert (town.orders(), town.mail.sent) == ([], [])
    assert [case["outcome"] for case in town.cases()] == ["cleared_before_dispatch"]
    assert not town.faults()


def test_a_silence_survives_flapping_because_it_belongs_to_the_key(town: Town) -> None:
    hush(town, 'asset="mh-1"', 'condition="MH-OPEN"', hours=6)
    for _ in range(3):
        onset = town.now
        assert town.raised("mh-1", "MH-OPEN") == []
        town.cycle(minutes=20)
        town.resolved("mh-1", "MH-OPEN", onset)
        town.cycle(minutes=60)
    assert (town.orders(), town.mail.sent) == ([], [])


def test_ended_early_by_hand_it_is_looked_at_within_a_cycle(town: Town) -> None:
    added = hush(town, 'asset="mh-1"', hours=48)
    town.raised("mh-1", "MH-OPEN")
    town.cycle(minutes=5)
    row = expire(town, added.number)
    assert (row["ended_by"], row["ended_reason"]) == ("Wang", "over early")
    town.cycle()
    assert [order["reason"] for order in town.orders()] == ["silence_ended"]


def test_an_open_order_is_held_but_its_clock_runs(town: Town) -> None:
    (opened,) = town.raised("mh-1", "MH-OPEN")
    town.cycle()
    assert town.mail.said() == [("dispatched", "log:drainage")]
    hush(town, 'asset="mh-1"', hours=5)
    town.cycle(minutes=1)
    assert "muted" in case_notes(town, opened.case_id)
    town.cycle(hours=3)
    order = town.order(opened.order_id)
    assert order["overdue_at"] == NOON + timedelta(hours=2)
    assert town.mail.said() == [("dispatched", "log:drainage")], "nothing is sent while it is silenced"
    assert "reminded" not in town.history(opened.order_id), "nobody was reminded"
    town.cycle(hours=2, minutes=1)
    assert "unmuted" in case_notes(town, opened.case_id)
    said = town.mail.said()[1:]
    assert ("escalated_lead", "log:drainage-lead") in said
    assert len([target for _, target in said if target == "log:drainage"]) <= 2, said
    assert not town.faults()


def test_what_was_held_is_not_told_when_it_is_not_true_any_more(town: Town) -> None:
    (opened,) = town.raised("mh-1", "MH-OPEN")
    town.cycle()
    hush(town, 'asset="mh-1"', hours=5)
    town.cycle(hours=3)
    town.act(opened.order_id, "fix")
    town.resolved("mh-1", "MH-OPEN", NOON)
    town.cycle(hours=3)
    assert [purpose for purpose, _ in town.mail.said()] == ["dispatched", "closed"]


def test_until_resolved_ends_with_the_alert_and_not_before(town: Town) -> None:
    hush(town, 'asset="mh-1"', 'condition="MH-OPEN"', hours=None, until_resolved=True)
    town.raised("mh-1", "MH-OPEN")
    town.cycle(days=2)
    assert town.orders() == []
    town.say("mh-1", "MH-OPEN", AlertChange.CLEARING, NOON)
    town.say("mh-1", "MH-OPEN", AlertChange.REFIRED, NOON)
    town.cycle(minutes=1)
    town.resolved("mh-1", "MH-OPEN", NOON)
    town.cycle(hours=1)
    with town.db.transaction() as tx:
        (row,) = store.listed(tx, limit=10, ended=True)
    assert (row["state"], row["ended_reason"]) == ("ended", "resolved")
    assert len(town.raised("mh-1", "MH-OPEN")) == 1, "the next episode is heard"


def test_a_silence_over_a_feeder_fault_hides_its_lamps_and_one_order_comes_of_it(town: Town) -> None:
    hush(town, 'condition="CAB-TRIP"', hours=1)
    town.raised("cab-1", "CAB-TRIP")
    for lamp in range(1, 6):
        town.raised(f"sl-{lamp}", "SL-OUT")
    town.cycle(minutes=30)
    assert town.orders() == []
    town.cycle(minutes=31)
    (order,) = town.orders()
    assert (order["asset"], order["children"], order["reason"]) == ("cab-1", 5, "silence_ended")


def test_works_on_a_cabinet_announced_weeks_ahead_hide_what_hangs_on_it(town: Town) -> None:
    begin = NOON + timedelta(days=20)
    with town.db.transaction() as tx:
        added = silencing.works(
            tx, Scope(asset="cab-1"), author="Grid company", reason="new transformer", begins_at=begin,
            ends_at=begin + timedelta(hours=8), reference="P-17", now=town.now,
        )  # fmt: skip
        again = silencing.works(
            tx, Scope(asset="cab-1"), author="Grid company", reason="new transformer", begins_at=begin + timedelta(hours=1),
            ends_at=begin + timedelta(hours=8), reference="P-17", now=town.now,
        )  # fmt: skip
    assert (again.id, again.new, again.begins_at) == (added.id, False, begin + timedelta(hours=1))
    town.cycle(days=20, hours=2)
    for lamp in range(1, 6):
        town.raised(f"sl-{lamp}", "SL-OUT")
    assert len(town.raised("mh-1", "MH-OPEN")) == 1, "elsewhere the city is heard"
    town.cycle(hours=5)
    assert [order["asset"] for order in town.orders()] == ["mh-1"]
    town.cycle(hours=2)
    grouped = [order for order in town.orders() if order["asset"] != "mh-1"]
    assert [(order["asset"], order["children"]) for order in grouped] == [("cab-1", 5)], "five dark lamps are one order"
    assert not town.faults()


def test_an_opening_is_known_and_no_order_until_it_must_be_closed(town: Town) -> None:
    with town.db.transaction() as tx:
        silencing.opening(
            tx, "mh-1", author="Water company", approver="Ms Zhao", reason="fibre", begins_at=town.now,
            ends_at=town.now + timedelta(hours=3), now=town.now,
        )  # fmt: skip
    assert town.raised("mh-1", "MH-OPEN") == []
    town.raised("mh-1", "MH-GONE")
    (case,) = town.cases()
    assert case["state"] == "open"
    town.cycle(hours=2)
    assert town.orders() == []
    town.cycle(hours=1)
    (order,) = town.orders()
    assert (order["reason"], order["dispatched_at"]) == ("left_open", NOON + timedelta(hours=3))
    assert town.mail.said() == [("dispatched", "log:drainage")]
    assert not town.faults()


def test_an_opening_closed_in_time_is_nobodys_work(town: Town) -> None:
    with town.db.transaction() as tx:
        silencing.opening(
            tx, "mh-1", author="Water company", approver="Ms Zhao", reason="fibre", begins_at=town.now,
            ends_at=town.now + timedelta(hours=3), now=town.now,
        )  # fmt: skip
    town.raised("mh-1", "MH-OPEN")
    town.cycle(hours=1)
    town.resolved("mh-1", "MH-OPEN", NOON)
    town.cycle(hours=4)
    assert (town.orders(), town.mail.sent) == ([], [])
    assert [case["outcome"] for case in town.cases()] == ["cleared"]


def test_a_window_comes_again(town: Town) -> None:
    rule = recurrence(
        "FREQ=DAILY", start=datetime.fromisoformat("2026-06-12T13:00"), zone="Asia/Shanghai", duration=timedelta(hours=1)
    )
    with town.db.transaction() as tx:
        silencing.window(tx, ['kind="manhole"'], author="Li", reason="washing", recurrence=rule, now=town.now)
    for day in range(2):
        town.cycle(minutes=90 if day == 0 else 1440)
        assert town.raised("mh-1", "MH-ROCK") == []
        town.resolved("mh-1", "MH-ROCK", town.now)
    town.cycle(hours=1)
    assert len(town.raised("mh-2", "MH-ROCK")) == 1
    with town.db.transaction() as tx:
        (row,) = store.listed(tx, limit=10)
    assert (row["state"], row["begins_at"]) == ("planned", NOON + timedelta(days=2, hours=1))


def test_an_alert_that_no_silence_covers_makes_a_hidden_case_heard(town: Town) -> None:
    hush(town, 'condition="MH-OPEN"', hours=48)
    town.raised("mh-1", "MH-OPEN")
    (opened,) = town.raised("mh-1", "MH-GONE")
    assert opened.asset == "mh-1"
    town.cycle()
    assert town.mail.said() == [("dispatched", "log:drainage")]
