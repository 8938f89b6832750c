"""From an alert to its order and back, on a real PostgreSQL."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from citybrain.kernel.errors import InputError, NotFound, StateError
from citybrain.kernel.events import AlertChange
from citybrain.kernel.ids import derived_id
from citybrain.store import timers
from citybrain.store.db import Database
from dispatch.desk import ReturnsExhausted
from tests.dispatch_kit import NOON, Town, event

pytestmark = pytest.mark.live


@pytest.fixture
def town(db: Database) -> Town:
    return Town(db)


def test_a_raised_alert_opens_one_order_with_unit_limit_and_trail(town: Town) -> None:
    (opened,) = town.raised("mh-1", "MH-OPEN")
    assert (opened.unit, opened.asset, opened.condition) == ("drainage", "mh-1", "MH-OPEN")
    assert opened.due_at == NOON + timedelta(hours=2)
    order = town.order(opened.order_id)
    assert (order["state"], order["filing_item"], order["cause"]) == ("dispatched", "MH-MISSING", "cover_open")
    assert order["trail"][-1]["matched"]
    assert any("urgent" in step for step in order["explanation"])
    assert town.history(opened.order_id) == ["dispatch"]
    town.cycle()
    assert town.mail.said() == [("dispatched", "log:drainage")]
    assert "MH-OPEN in words, Pit at No. 1" in town.mail.sent[0].subject or "mh-1" in town.mail.sent[0].text


def test_the_same_events_again_change_nothing(town: Town) -> None:
    raised = event("mh-1", "MH-OPEN", AlertChange.RAISED, NOON)
    resolved = event("mh-1", "MH-OPEN", AlertChange.RESOLVED, NOON + timedelta(minutes=5), onset=NOON)
    assert len(town.take(raised)) == 1
    before = (town.orders(), town.cases(), town.alerts())
    assert town.take(raised) == []
    assert (town.orders(), town.cases(), town.alerts()) == before
    assert town.take(raised, resolved) == []
    assert town.take(raised, resolved) == []
    assert len(town.orders()) == 1
    assert town.alerts()[0]["phase"] == "resolved"


def test_a_second_condition_of_the_same_cause_joins_the_case(town: Town) -> None:
    town.raised("mh-1", "MH-OPEN")
    assert town.raised("mh-1", "MH-GONE") == []
    (case,) = town.cases()
    assert {alert["case_id"] for alert in town.alerts()} == {case["id"]}
    assert town.raised("mh-1", "MH-ROCK"), "another cause is another case"


def test_information_alone_opens_no_order_and_a_graver_alert_does(town: Town) -> None:
    assert town.raised("dr-1", "DR-HIGH") == []
    (case,) = town.cases()
    assert (case["state"], case["severity"]) == ("open", "warning")
    (opened,) = town.raised("dr-1", "DR-FULL")
    assert opened.case_id == str(case["id"])
    (case,) = town.cases()
    assert (case["severity"], case["condition"]) == ("critical", "DR-FULL")
    assert town.order(opened.order_id)["filing_item"] == "RD-FLOOD"


def test_both_in_one_batch_are_one_order(town: Town) -> None:
    opened = town.take(
        event("dr-1", "DR-HIGH", AlertChange.RAISED, NOON),
        event("dr-1", "DR-FULL", AlertChange.RAISED, NOON + timedelta(seconds=1)),
    )
    assert len(opened) == 1
    (case,) = town.cases()
    assert case["severity"] == "critical"


def test_an_information_case_ends_with_its_alerts(town: Town) -> None:
    town.raised("dr-1", "DR-HIGH")
    town.cycle(minutes=10)
    town.resolved("dr-1", "DR-HIGH", NOON)
    town.cycle(minutes=31)
    assert [(case["state"], case["outcome"]) for case in town.cases()] == [("closed", "cleared")]


def test_a_graver_condition_shortens_the_limit(town: Town) -> None:
    town.infos["DR-HIGH"] = town.infos["MH-ROCK"].__class__("DR-HIGH", "drain", "minor", "drain_high", "DR-SILT", 60)
    (opened,) = town.raised("dr-1", "DR-HIGH")
    town.cycle(hours=1)
    assert town.raised("dr-1", "DR-FULL") == []
    order = town.order(opened.order_id)
    assert order["due_at"] == NOON + timedelta(hours=3)
    assert (order["filing_item"], order["dispatched_at"]) == ("RD-FLOOD", NOON)
    assert town.history(opened.order_id) == ["dispatch", "tightened"]
    assert not town.faults()


def test_the_sensor_closes_what_was_fixed(town: Town) -> None:
    (opened,) = town.raised("mh-1", "MH-OPEN")
    for verb in ("ack", "arrive", "fix"):
        town.now += timedelta(minutes=10)
        assert town.act(opened.order_id, verb).changed
    town.now += timedelta(minutes=1)
    town.resolved("mh-1", "MH-OPEN", NOON)
    town.cycle(minutes=29)
    assert town.order(opened.order_id)["state"] == "fixed"
    town.cycle(minutes=1)
    order = town.order(opened.order_id)
    assert (order["state"], order["outcome"]) == ("closed", "verified")
    assert town.history(opened.order_id) == ["dispatch", "ack", "arrive", "fix", "verify", "close"]
    assert not town.faults()
    with town.db.transaction() as tx:
        assert timers.of_case(tx, str(order["case_id"])) == []
    assert ("closed", "log:drainage") in town.mail.said()


def test_the_sensor_closes_what_nobody_said_was_fixed(town: Town) -> None:
    (opened,) = town.raised("mh-1", "MH-OPEN")
    town.now += timedelta(minutes=5)
    town.resolved("mh-1", "MH-OPEN", NOON)
    town.cycle(minutes=31)
    order = town.order(opened.order_id)
    assert (order["state"], order["outcome"]) == ("closed", "cleared_by_sensor")


def test_a_new_episode_while_it_is_verified_keeps_the_case_open(town: Town) -> None:
    (opened,) = town.raised("mh-1", "MH-OPEN")
    town.now += timedelta(minutes=5)
    town.resolved("mh-1", "MH-OPEN", NOON)
    town.now += timedelta(minutes=5)
    assert town.raised("mh-1", "MH-OPEN") == []
    town.cycle(minutes=40)
    assert town.order(opened.order_id)["state"] == "dispatched"
    town.resolved("mh-1", "MH-OPEN", NOON + timedelta(minutes=10))
    town.cycle(minutes=29)
    assert town.order(opened.order_id)["state"] == "dispatched"
    town.cycle(minutes=2)
    assert town.order(opened.order_id)["state"] == "closed"


def test_fixed_but_the_sensor_disagrees_is_rework(town: Town) -> None:
    (opened,) = town.raised("mh-1", "MH-OPEN")
    town.act(opened.order_id, "fix")
    town.cycle(minutes=29)
    assert town.order(opened.order_id)["state"] == "fixed"
    town.cycle(minutes=2)
    order = town.order(opened.order_id)
    assert (order["state"], order["reworks"], order["reason"]) == ("rework", 1, "sensor_disagrees")
    assert ("rework", "log:drainage") in town.mail.said()
    assert not town.faults()


def test_bad_again_while_fixed_is_rework_at_once(town: Town) -> None:
    (opened,) = town.raised("mh-1", "MH-OPEN")
    town.now += timedelta(minutes=5)
    town.say("mh-1", "MH-OPEN", AlertChange.CLEARING, NOON)
    town.act(opened.order_id, "fix")
    town.now += timedelta(minutes=1)
    town.say("mh-1", "MH-OPEN", AlertChange.REFIRED, NOON)
    assert town.order(opened.order_id)["reason"] == "bad_again"
    assert town.order(opened.order_id)["state"] == "rework"


def test_a_lamp_has_a_night_to_show_that_it_burns(town: Town) -> None:
    (opened,) = town.raised("sl-1", "SL-GEAR")
    town.act(opened.order_id, "fix")
    town.cycle(hours=8)
    assert town.order(opened.order_id)["state"] == "fixed"
    town.cycle(hours=17)
    assert town.order(opened.order_id)["state"] == "rework"


def test_history_never_dispatches(town: Town) -> None:
    assert town.say("mh-1", "MH-OPEN", AlertChange.ADDED, NOON - timedelta(days=1)) == []
    assert town.cases() == []
    assert town.alerts()[0]["past"]


def test_what_did_not_happen_cancels_its_order(town: Town) -> None:
    (opened,) = town.raised("mh-1", "MH-OPEN")
    town.cycle(minutes=1)
    town.say("mh-1", "MH-OPEN", AlertChange.WITHDRAWN, NOON)
    order = town.order(opened.order_id)
    assert (order["state"], order["outcome"], order["reason"]) == ("cancelled", "withdrawn", "withdrawn")
    town.cycle()
    assert ("cancelled", "log:drainage") in town.mail.said()


def test_a_withdrawn_alert_among_others_leaves_the_order(town: Town) -> None:
    (opened,) = town.raised("mh-1", "MH-OPEN")
    town.raised("mh-1", "MH-GONE")
    town.now += timedelta(minutes=1)
    town.say("mh-1", "MH-OPEN", AlertChange.WITHDRAWN, NOON)
    assert town.order(opened.order_id)["state"] == "dispatched"


def test_amended_keeps_the_order_and_moves_the_onset(town: Town) -> None:
    (opened,) = town.raised("mh-1", "MH-OPEN")
    earlier = NOON - timedelta(minutes=7)
    town.now += timedelta(minutes=1)
    raised = event("mh-1", "MH-OPEN", AlertChange.RAISED, NOON)
    town.take(event("mh-1", "MH-OPEN", AlertChange.AMENDED, town.now, onset=earlier)._replace(id=raised.id))
    (alert,) = town.alerts()
    assert alert["onset_at"] == earlier
    assert [order["id"] for order in town.orders()] == [town.order(opened.order_id)["id"]]


def test_history_that_is_corrected_stays_history_until_it_turns_out_to_last(town: Town) -> None:
    town.say("mh-1", "MH-OPEN", AlertChange.ADDED, NOON)
    town.now += timedelta(minutes=1)
    town.say("mh-1", "MH-OPEN", AlertChange.AMENDED, NOON, phase="resolved")
    assert town.alerts()[0]["past"]
    assert town.cases() == []
    town.now += timedelta(minutes=1)
    assert len(town.say("mh-1", "MH-OPEN", AlertChange.RAISED, NOON)) == 1
    assert not town.alerts()[0]["past"]


def test_an_episode_that_was_over_too_early_is_work_again(town: Town) -> None:
    town.raised("mh-1", "MH-OPEN")
    town.now += timedelta(minutes=1)
    town.resolved("mh-1", "MH-OPEN", NOON)
    town.cycle(minutes=40)
    assert town.orders(open_only=True) == []
    amended = event("mh-1", "MH-OPEN", AlertChange.AMENDED, town.now, onset=NOON)
    refired = event("mh-1", "MH-OPEN", AlertChange.REFIRED, town.now, onset=NOON)
    assert len(town.take(amended, refired)) == 1, "late readings show that it went on all the time"


def test_two_corrections_in_one_moment_are_two(town: Town) -> None:
    town.raised("mh-1", "MH-OPEN")
    first = event("mh-1", "MH-OPEN", AlertChange.AMENDED, NOON, onset=NOON, detail="begin is now 11:50")
    second = first._replace(onset_ms=first.onset_ms - 60_000, detail="begin is now 11:49")
    town.take(first)
    town.take(second)
    assert town.alerts()[0]["onset_at"] == NOON - timedelta(minutes=1)


def test_an_episode_that_nobody_ended_is_superseded(town: Town) -> None:
    town.raised("mh-1", "MH-OPEN")
    town.now += timedelta(minutes=1)
    assert town.raised("mh-1", "MH-OPEN") == [], "the same fault, the same case"
    old, new = town.alerts()
    assert (old["phase"], new["phase"]) == ("resolved", "firing")
    assert old["case_id"] == new["case_id"]


def test_cancelled_stays_cancelled_for_the_episode_and_the_next_opens_anew(town: Town) -> None:
    (opened,) = town.raised("mh-1", "MH-OPEN")
    town.act(opened.order_id, "cancel", reason="a parade passes")
    town.now += timedelta(minutes=1)
    town.say("mh-1", "MH-OPEN", AlertChange.CLEARING, NOON)
    town.now += timedelta(minutes=1)
    town.say("mh-1", "MH-OPEN", AlertChange.REFIRED, NOON)
    assert town.orders(open_only=True) == []
    assert [case["outcome"] for case in town.cases()] == ["cancelled"]
    town.now += timedelta(minutes=1)
    town.resolved("mh-1", "MH-OPEN", NOON)
    town.now += timedelta(hours=1)
    assert len(town.raised("mh-1", "MH-OPEN")) == 1


def test_an_alert_raised_and_resolved_in_one_batch_has_its_order(town: Town) -> None:
    late = NOON + timedelta(minutes=3)
    opened = town.take(
        event("mh-1", "MH-OPEN", AlertChange.RAISED, NOON),
        event("mh-1", "MH-OPEN", AlertChange.RESOLVED, late, onset=NOON),
    )
    assert len(opened) == 1
    town.cycle(minutes=34)
    assert town.order(opened[0].order_id)["outcome"] == "cleared_by_sensor"


def test_people_cannot_do_what_the_table_forbids(town: Town) -> None:
    (opened,) = town.raised("mh-1", "MH-OPEN")
    order = opened.order_id
    with pytest.raises(InputError, match="one of ack, arrive, make_safe, fix, return, cancel"):
        town.act(order, "close")
    with pytest.raises(InputError, match="reason"):
        town.act(order, "return")
    with pytest.raises(InputError, match="actor"):
        town.act(order, "ack", actor=" ")
    with pytest.raises(InputError, match="at most 500"):
        town.act(order, "cancel", reason="x" * 501)
    with pytest.raises(NotFound):
        town.act(derived_id("no", "such"), "ack")
    town.act(order, "arrive")
    with pytest.raises(StateError, match="'ack' is not allowed in state 'on_site'"):
        town.act(order, "ack")
    assert town.history(order) == ["dispatch", "arrive"]


def test_a_request_that_comes_twice_is_one_move(town: Town) -> None:
    (opened,) = town.raised("mh-1", "MH-OPEN")
    assert town.act(opened.order_id, "ack").changed
    assert not town.act(opened.order_id, "ack").changed
    with pytest.raises(StateError):
        town.act(opened.order_id, "ack", actor="another crew")
    assert town.history(opened.order_id) == ["dispatch", "ack"]


def test_a_returned_order_goes_to_the_guardian_and_what_it_returns_to_arbitration(town: Town) -> None:
    (opened,) = town.raised("mh-1", "MH-OPEN")
    town.cycle(hours=1)
    town.act(opened.order_id, "return", reason="not our cover")
    town.cycle()
    order = town.order(opened.order_id)
    assert (order["state"], order["unit"], order["reason"]) == ("dispatched", "street-office", "guardian_of_last_resort")
    assert order["due_at"] == NOON + timedelta(hours=3), "another unit gets the whole limit"
    town.cycle(minutes=30)
    town.act(opened.order_id, "return", reason="not ours either")
    town.cycle()
    order = town.order(opened.order_id)
    assert (order["state"], order["reason"], order["returns"]) == ("arbitration", "returned_twice", 2)
    town.arbitrate(opened.order_id, "street-office")
    order = town.order(opened.order_id)
    assert (order["state"], order["unit"], order["reason"]) == ("dispatched", "street-office", "arbitrated")
    assert order["due_at"] == NOON + timedelta(hours=3), "the same unit has what is left"
    with pytest.raises(ReturnsExhausted, match="returned 2 times"):
        town.act(opened.order_id, "return", reason="no!")
    town.cycle()
    assert ("dispatched", "log:office") in town.mail.said()
    assert not town.faults()


def test_a_corrected_register_finds_the_right_unit(town: Town) -> None:
    (opened,) = town.raised("mh-1", "MH-OPEN")
    town.act(opened.order_id, "return", reason="belongs to the lighting contractor")
    asset = town.register.assets["mh-1"]
    town.register.assets["mh-1"] = asset.__class__(asset.id, asset.kind, district="d1", unit="lighting")
    town.cycle()
    order = town.order(opened.order_id)
    assert (order["unit"], order["reason"]) == ("lighting", "register_corrected")


def test_an_asset_and_a_filing_item_nobody_knows_still_get_an_order(town: Town) -> None:
    town.infos["MH-OPEN"] = town.infos["MH-OPEN"].__class__("MH-OPEN", "manhole", "critical", "cover_open", "NO-SUCH", 60)
    (opened,) = town.take(event("mh-new", "MH-OPEN", AlertChange.RAISED, NOON))
    assert opened.unit == "street-office"
    assert town.order(opened.order_id)["limit_unit"] == "work_day"


def test_a_condition_that_left_the_rulebook_is_information(town: Town) -> None:
    assert town.take(event("mh-1", "MH-OLD", AlertChange.RAISED, NOON)) == []
    assert [case["cause"] for case in town.cases()] == ["mh-old"]


def test_the_clock_of_the_law_is_that_of_the_unit(town: Town) -> None:
    town.now = datetime(2026, 6, 12, 8, 0, tzinfo=UTC)  # Friday 16:00 in Shanghai
    (opened,) = town.raised("mh-1", "MH-ROCK")
    # 2 h on Friday, 8 h on Monday, 6 h on Tuesday
    assert opened.due_at == datetime(2026, 6, 16, 8, 0, tzinfo=UTC)
