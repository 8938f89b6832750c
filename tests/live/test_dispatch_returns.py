"""Orders that nobody wants: returns with codes, the dispatcher's and the arbiter's time, and what the register learns of it."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

import pytest

from citybrain.kernel.errors import InputError, NotFound, StateError
from citybrain.kernel.events import AlertChange
from citybrain.kernel.model import Unit
from citybrain.kernel.register import Ownership
from citybrain.store import register as register_store
from citybrain.store import returns
from citybrain.store.db import Database
from dispatch import ledger, proposals
from dispatch.arbiters import ReturnRules
from dispatch.desk import ReturnsExhausted
from dispatch.returns import MISDIRECTED
from dispatch.scores.history import histories
from dispatch.scores.predicates import PREDICATES, View
from tests.dispatch_kit import NOON, Town, event

pytestmark = pytest.mark.live
DISTRICT = Unit("district", "District office", "区城管办", "Asia/Shanghai", contacts=("log:district",),
                supervisor=("log:district-head",))  # fmt: skip


@pytest.fixture
def town(db: Database) -> Town:
    town = Town(db)
    town.register.units["district"] = DISTRICT
    town.books = replace(town.books, returns=ReturnRules(arbiters={"d1": "district"}))
    with db.transaction() as tx:
        register_store.save_units(tx, [DISTRICT])
        register_store.save_assets(tx, list(town.register.assets.values()))
    return town


def returned_twice(town: Town) -> str:
    """An order in arbitration: drainage and the street office both say that it is not theirs."""
    (opened,) = town.raised("mh-1", "MH-OPEN")
    town.act(opened.order_id, "return", code="not_ours", reason="a cable pit", evidence="photo-221")
    town.cycle()
    town.cycle(minutes=10)
    town.act(opened.order_id, "return", actor="office", code="not_ours")
    town.cycle()
    return opened.order_id


def test_a_return_has_a_code_words_and_evidence(town: Town) -> None:
    (opened,) = town.raised("mh-1", "MH-OPEN")
    with pytest.raises(InputError, match="code 'no_idea': one of not_ours, wrong_place"):
        town.act(opened.order_id, "return", code="no_idea")
    with pytest.raises(InputError, match="reason"):
        town.act(opened.order_id, "return", code="other")
    town.act(opened.order_id, "return", code="not_ours", reason="a cable pit", evidence="photo-221")
    assert not town.act(opened.order_id, "return", code="not_ours", reason="a cable pit").changed, "said twice, done once"
    (entry,) = [row for row in town.order(opened.order_id)["events"] if row["event"] == "return"]
    assert (entry["reason"], entry["detail"]) == ("not_ours", "a cable pit; photo-221")
    with town.db.transaction() as tx:
        (row,) = returns.of_order(tx, opened.order_id)
        assert returns.by_code(tx) == {("not_ours", "drainage"): 1}
    assert (row["unit"], row["code"], row["note"], row["evidence"]) == ("drainage", "not_ours", "a cable pit", "photo-221")
    assert not town.faults()


def test_the_second_return_goes_to_the_arbiter_of_the_district_who_decides(town: Town) -> None:
    order_id = returned_twice(town)
    order = town.order(order_id)
    assert (order["state"], order["reason"], order["unit"]) == ("arbitration", "returned_twice", "street-office")
    (asked,) = [message for message in town.mail.sent if message.purpose == "arbitration"]
    # Friday noon and a working day: the four hours of the afternoon, and four of Monday's
    assert asked.target == "log:district"
    assert "2026-06-15 12:00" in asked.text
    with pytest.raises(NotFound, match="no unit 'nobody'"):
        town.arbitrate(order_id, "nobody")
    with pytest.raises(InputError, match="says why"):
        town.arbitrate(order_id, "drainage", reason=" ")
    town.cycle(hours=1)
    town.arbitrate(order_id, "drainage", reason="the contract of 2026")
    town.cycle()
    order = town.order(order_id)
    assert (order["state"], order["unit"], order["reason"]) == ("dispatched", "drainage", "arbitrated")
    assert order["trail"][-1]["detail"] == "by district: the contract of 2026"
    assert town.mail.said()[-1] == ("dispatched", "log:drainage")
    with pytest.raises(StateError, match="redispatch"):
        town.arbitrate(order_id, "lighting")
    with pytest.raises(ReturnsExhausted):
        town.act(order_id, "return", code="not_ours", reason="still not")
    town.cycle(days=7)
    assert town.order(order_id)["unit"] == "drainage", "the arbiter's timer is gone"
    assert not town.faults()


def test_nobody_decides_in_time(town: Town) -> None:
    order_id = returned_twice(town)
    town.mail.sent.clear()
    town.cycle(days=2, hours=23, minutes=49)
    assert town.order(order_id)["state"] == "arbitration"
    town.cycle(minutes=2)
    order = town.order(order_id)
    assert (order["state"], order["unit"], order["reason"]) == ("dispatched", "street-office", "arbitration_timed_out")
    assert ("dispatched", "log:office") in town.mail.said()
    assert ("escalated_supervisor", "log:district-head") in town.mail.said(), "the arbiter's own supervisor hears of it"
    assert town.history(order_id).count("dispute") == 1
    assert not town.faults()


def test_the_sensor_ends_an_arbitration(town: Town) -> None:
    order_id = returned_twice(town)
    town.resolved("mh-1", "MH-OPEN", NOON)
    town.cycle(hours=2)
    assert town.order(order_id)["state"] == "closed"
    town.cycle(days=7)
    assert town.history(order_id)[-2:] == ["verify", "close"]


def test_who_is_hindered_gets_the_order_back_when_no_dispatcher_helps(town: Town) -> None:
    (opened,) = town.raised("mh-1", "MH-OPEN")
    town.cycle(minutes=20)
    town.act(opened.order_id, "return", code="cannot_reach", reason="a lorry stands on it")
    town.cycle()
    assert town.order(opened.order_id)["state"] == "returned"
    (asked,) = [message for message in town.mail.sent if message.purpose == "returned"]
    assert (asked.target, "no access" in asked.text) == ("log:district", True)
    town.cycle(minutes=14)
    assert town.order(opened.order_id)["state"] == "returned"
    town.cycle(minutes=1)
    order = town.order(opened.order_id)
    assert (order["state"], order["unit"], order["reason"]) == ("dispatched", "drainage", "stays_responsible")
    assert not town.faults()


def test_a_dispatcher_may_send_a_returned_order_elsewhere(town: Town) -> None:
    (opened,) = town.raised("mh-1", "MH-OPEN")
    town.act(opened.order_id, "return", code="needs_parts", reason="an excavator")
    town.cycle(minutes=5)
    town.arbitrate(opened.order_id, "lighting", actor="duty desk", reason="they have one")
    town.cycle(hours=1)
    assert town.order(opened.order_id)["unit"] == "lighting"
    with town.db.transaction() as tx:
        assert returns.proposals(tx) == [], "that the unit was hindered says nothing about who owns it"


def from_the_ledger(town: Town) -> tuple[int, int]:
    """How many orders somebody has, and how many of them went to the wrong unit first."""
    with town.db.transaction() as tx:
        cases = histories(ledger.read(tx))
    view = View(town.now, 900, 259200, 86400, 3)
    held = [case for case in cases if PREDICATES["filed"][1](case, view) and PREDICATES["has_unit"][1](case, view)]
    return len(held), sum(not PREDICATES["right_unit_first"][1](case, view) for case in held)


def test_first_dispatch_accuracy_counts_what_ended_elsewhere(town: Town) -> None:
    order_id = returned_twice(town)
    town.raised("mh-2", "MH-OPEN")
    town.raised("sl-1", "SL-GEAR")
    with town.db.transaction() as tx:
        assert [tuple(one) for one in returns.accuracy(tx, MISDIRECTED)] == [("drainage", 1, 0), ("lighting", 1, 0)]
    town.arbitrate(order_id, "lighting")
    with town.db.transaction() as tx:
        assert [tuple(one) for one in returns.accuracy(tx, MISDIRECTED)] == [("drainage", 2, 1), ("lighting", 1, 0)]
        assert returns.totals(tx, MISDIRECTED).share == pytest.approx(2 / 3)
        assert returns.accuracy(tx, MISDIRECTED, until=NOON) == []
    assert from_the_ledger(town) == (3, 1), "who has the ledger alone finds the same"


def test_an_arbiter_who_sends_it_back_finds_the_first_unit_right(town: Town) -> None:
    order_id = returned_twice(town)
    town.arbitrate(order_id, "drainage")
    with town.db.transaction() as tx:
        assert returns.totals(tx, MISDIRECTED) == ("", 1, 0)
    assert from_the_ledger(town) == (1, 0)
    with town.db.transaction() as tx:
        assert returns.proposals(tx) == []


def test_an_arbitration_is_offered_as_a_change_of_the_register(town: Town) -> None:
    order_id = returned_twice(town)
    town.arbitrate(order_id, "lighting", reason="a lamp's pit")
    with town.db.transaction() as tx:
        (row,) = returns.proposals(tx)
        assert (row["asset"], row["from_unit"], row["to_unit"], row["evidence"]) == (
            "mh-1",
            "drainage",
            "lighting",
            "arbitrated",
        )
        proposals.decide(tx, row["number"], "accepted", actor="register office", words="contract K-9", now=town.now)
        owners = register_store.ownerships_of(tx, ["mh-1"])["mh-1"]
        version = register_store.current_version(tx)
    # the day in Shanghai
    assert owners == [Ownership("mh-1", "lighting", date(2026, 6, 12), None, "contract K-9")]
    with town.db.transaction() as tx, pytest.raises(StateError, match="accepted"):
        proposals.decide(tx, row["number"], "refused", actor="x", words="", now=town.now)
    with town.db.transaction() as tx:
        assert register_store.current_version(tx) == version
        town.register.ownerships = dict(register_store.load_ownerships(tx))
    town.act(order_id, "cancel", reason="a test")
    later = town.now + timedelta(hours=1)
    (again,) = town.take(
        event("mh-1", "MH-OPEN", AlertChange.RESOLVED, town.now, onset=NOON),
        event("mh-1", "MH-OPEN", AlertChange.RAISED, later),
    )
    assert again.unit == "lighting"
    assert town.order(again.order_id)["trail"][-1]["proof"] == "from 2026-06-12; contract K-9"


def test_who_repaired_it_for_another_is_offered_too_once(town: Town) -> None:
    (opened,) = town.raised("mh-1", "MH-OPEN")
    town.act(opened.order_id, "return", code="not_ours", reason="a cable pit")
    town.cycle()
    town.act(opened.order_id, "fix", actor="office")
    town.resolved("mh-1", "MH-OPEN", NOON)
    with town.db.transaction() as tx:
        assert returns.proposals(tx) == [], "not before the sensor agrees"
    town.cycle(hours=2)
    with town.db.transaction() as tx:
        (row,) = returns.proposals(tx, state="offered")
        assert (row["to_unit"], row["evidence"]) == ("street-office", "repaired")
        proposals.decide(tx, row["number"], "refused", actor="register office", words="it only helped", now=town.now)
        assert returns.open_proposals(tx) == 0
        assert register_store.ownerships_of(tx, ["mh-1"]) == {}
        with pytest.raises(NotFound):
            proposals.decide(tx, 999, "refused", actor="x", words="", now=town.now)


def test_who_gets_an_order_because_nobody_owns_the_asset_is_told_so(town: Town) -> None:
    town.take(event("mh-new", "MH-OPEN", AlertChange.RAISED, NOON))
    town.raised("mh-1", "MH-OPEN")
    town.cycle()
    texts = {message.target: message.text for message in town.mail.sent}
    assert "guardian of last resort" in texts["log:office"]
    assert "guardian" not in texts["log:drainage"]
    assert {message.data["found_by"] for message in town.mail.sent} == {"guardian", "area"}
