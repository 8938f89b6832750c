"""One cause, one case: feeders, cabinets and gateways take up what hangs on them."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from citybrain.kernel.events import AlertChange
from citybrain.kernel.model import Asset
from citybrain.store import views
from citybrain.store.db import Database
from dispatch import ledger
from tests.dispatch_kit import NOON, Town, event

pytestmark = pytest.mark.live


@pytest.fixture
def town(db: Database) -> Town:
    return Town(db)


def raise_all(town: Town, condition: str, *assets: str) -> list[str]:
    """One after the other, ten seconds apart; the conditions of the orders opened."""
    opened = []
    for asset in assets:
        town.now += timedelta(seconds=10)
        opened += [f"{one.asset}/{one.condition}" for one in town.raised(asset, condition)]
    return opened


def state_of(town: Town) -> dict[str, tuple[str, int]]:
    """asset -> outcome or state, children."""
    return {case["asset"]: (case["outcome"] or case["state"], case["children"]) for case in town.cases()}


def test_a_single_lamp_waits_for_siblings_and_goes_out_alone(town: Town) -> None:
    assert town.raised("sl-1", "SL-OUT") == []
    assert [case["state"] for case in town.cases()] == ["gathering"]
    town.cycle(minutes=9)
    assert town.orders() == []
    town.cycle(minutes=2)
    (order,) = town.orders()
    assert (order["asset"], order["unit"], order["filing_item"]) == ("sl-1", "lighting", "SL-OUT")
    assert town.history(order["id"]) == ["dispatch"]
    assert order["dispatched_at"] == town.now, "the clock starts at dispatch"


def test_a_lamp_that_comes_back_while_it_waits_disturbs_nobody(town: Town) -> None:
    town.raised("sl-1", "SL-OUT")
    town.cycle(minutes=5)
    town.resolved("sl-1", "SL-OUT", NOON)
    town.cycle(minutes=6)
    assert town.orders() == []
    assert state_of(town) == {"sl-1": ("cleared_before_dispatch", 0)}


@pytest.mark.parametrize("waited", [True, False], ids=["waited", "same batch"])
def test_a_trip_and_a_broken_gear_of_a_lamp_that_waits_in_one_batch(town: Town, waited: bool) -> None:
    """The gear is a fault of its own: the trip does not explain it, and the lamp's waiting case is the trip's already."""
    dark = event("sl-1", "SL-OUT", AlertChange.RAISED, town.now)
    rest = [event("cab-1", "CAB-TRIP", AlertChange.RAISED, town.now), event("sl-1", "SL-GEAR", AlertChange.RAISED, town.now)]
    opened = [*town.take(dark), *town.take(*rest)] if waited else town.take(dark, *rest)
    assert [f"{one.asset}/{one.condition}" for one in opened] == ["cab-1/CAB-TRIP", "sl-1/SL-GEAR"]
    found = [(case["asset"], case["cause"], case["outcome"] or case["state"], case["children"]) for case in town.cases()]
    assert sorted(found) == [
        ("cab-1", "feeder_trip", "open", 1),
        ("sl-1", "lamp_dark", "grouped", 0),
        ("sl-1", "lamp_dark", "open", 0),
    ]


def test_a_trip_takes_up_the_lamps_that_came_before_and_after(town: Town) -> None:
    raise_all(town, "SL-OUT", "sl-1", "sl-2")
    (opened,) = town.raised("cab-1", "CAB-TRIP")
    assert (opened.asset, opened.unit) == ("cab-1", "lighting")
    assert raise_all(town, "SL-OUT", "sl-3", "sl-4") == []
    assert raise_all(town, "DEV-SILENT", "sl-5") == []
    town.cycle(minutes=30)
    assert [order["asset"] for order in town.orders()] == ["cab-1"]
    cases = state_of(town)
    assert cases["cab-1"] == ("open", 5)
    assert cases["sl-1"] == cases["sl-2"] == ("grouped", 0)
    parent = next(case["id"] for case in town.cases() if case["asset"] == "cab-1")
    assert {alert["case_id"] for alert in town.alerts()} == {parent}


def test_everything_in_one_batch_is_one_case(town: Town) -> None:
    lamps = [event(f"sl-{n}", "SL-OUT", AlertChange.RAISED, NOON) for n in range(1, 9)]
    opened = town.take(*lamps[:2], event("cab-1", "CAB-TRIP", AlertChange.RAISED, NOON), *lamps[2:])
    assert [one.asset for one in opened] == ["cab-1"]
    assert state_of(town)["cab-1"] == ("open", 8)
    town.cycle(hours=1)
    assert len(town.orders()) == 1


def test_enough_lamps_of_a_feeder_are_a_feeder(town: Town) -> None:
    assert raise_all(town, "SL-OUT", "tail-1") == []
    assert raise_all(town, "SL-OUT", "tail-2") == ["f-9/SL-OUT"], "two of four are more than 30 %"
    assert raise_all(town, "SL-OUT", "tail-3", "tail-4") == []
    (order,) = town.orders()
    assert (order["asset"], order["kind"], order["filing_item"], order["unit"]) == ("f-9", "cabinet", "SL-GROUP", "lighting")
    assert order["cause"] == "feeder_trip"
    assert state_of(town)["f-9"] == ("open", 4)
    town.cycle(hours=1)
    assert len(town.orders()) == 1


def test_a_trip_reported_after_the_group_joins_its_case(town: Town) -> None:
    assert raise_all(town, "SL-OUT", "sl-1", "sl-2", "sl-3") == ["cab-1/SL-OUT"]
    assert town.raised("cab-1", "CAB-TRIP") == []
    assert len(town.orders()) == 1
    assert state_of(town)["cab-1"] == ("open", 3)


def test_lamps_that_burn_by_day_are_another_group(town: Town) -> None:
    town.raised("cab-1", "CAB-TRIP")
    assert raise_all(town, "SL-DAY", "sl-1", "sl-2", "sl-3") == ["cab-1/SL-DAY"]
    assert {case["cause"] for case in town.cases(asset="cab-1")} == {"feeder_trip", "cabinet_schedule"}


def test_a_gateway_is_blamed_when_its_devices_fall_silent(town: Town) -> None:
    assert raise_all(town, "DEV-SILENT", "pit-1", "pit-2", "pit-3", "pit-4") == []
    assert town.orders() == []
    town.cycle(minutes=15)
    (order,) = town.orders()
    assert (order["asset"], order["cause"], order["filing_item"]) == ("gw-1", "gateway_out", "DEV-REPAIR")
    assert state_of(town)["gw-1"] == ("open", 4)
    assert raise_all(town, "DEV-SILENT", "pit-5") == []
    town.cycle(minutes=30)
    assert len(town.orders()) == 1
    assert state_of(town)["gw-1"] == ("open", 5)


def test_few_silent_devices_are_not_the_gateway(town: Town) -> None:
    raise_all(town, "DEV-SILENT", "pit-1", "pit-2")
    town.cycle(minutes=20)
    assert sorted(order["asset"] for order in town.orders()) == ["pit-1", "pit-2"]


def test_the_gateway_itself_silent_explains_its_devices(town: Town) -> None:
    raise_all(town, "DEV-SILENT", "pit-1")
    (opened,) = town.raised("gw-1", "DEV-SILENT")
    assert opened.asset == "gw-1"
    raise_all(town, "DEV-SILENT", "pit-2")
    town.cycle(minutes=30)
    assert len(town.orders()) == 1
    assert state_of(town)["gw-1"] == ("open", 2)


def test_silence_behind_a_trip_is_the_trip(town: Town) -> None:
    raise_all(town, "DEV-SILENT", "sl-1", "sl-2", "sl-3", "sl-4")
    town.cycle(minutes=5)
    town.raised("cab-1", "CAB-TRIP")
    town.cycle(minutes=20)
    assert [order["asset"] for order in town.orders()] == ["cab-1"]


def test_a_child_that_does_not_come_back_gets_its_own_order(town: Town) -> None:
    raise_all(town, "SL-OUT", "sl-1", "sl-2")
    began = town.now
    (opened,) = town.raised("cab-1", "CAB-TRIP")
    raised = town.now
    town.cycle(hours=3)
    town.act(opened.order_id, "fix")
    town.resolved("cab-1", "CAB-TRIP", raised)
    town.resolved("sl-2", "SL-OUT", began)
    town.cycle(minutes=31)
    assert town.order(opened.order_id)["outcome"] == "verified"
    assert len(town.orders()) == 1
    town.cycle(hours=20)
    assert len(town.orders()) == 1, "by day nobody can see whether the lamp burns"
    town.cycle(hours=5)
    trip, lamp = town.orders()
    assert (lamp["asset"], lamp["state"], lamp["filing_item"]) == ("sl-1", "dispatched", "SL-OUT")
    assert lamp["reason"] == "parent_cleared"


def test_a_group_without_an_alert_of_its_own_ends_with_its_children(town: Town) -> None:
    onsets = {}
    for n in range(1, 5):
        town.now += timedelta(seconds=10)
        onsets[f"tail-{n}"] = town.now
        town.raised(f"tail-{n}", "SL-OUT")
    town.now += timedelta(hours=1)
    for lamp in ("tail-1", "tail-2"):
        town.resolved(lamp, "SL-OUT", onsets[lamp])
    town.cycle(hours=2)
    assert town.orders()[0]["state"] == "dispatched", "two of four still dark: not gone"
    town.resolved("tail-3", "SL-OUT", onsets["tail-3"])
    town.cycle(hours=2)
    assert town.orders()[0]["outcome"] == "cleared_by_sensor"
    town.cycle(hours=25)
    assert [order["asset"] for order in town.orders()] == ["f-9", "tail-4"]


def test_siblings_too_far_apart_in_time_are_no_group(town: Town) -> None:
    for n in range(1, 5):
        town.raised(f"sl-{n}", "SL-OUT")
        town.cycle(minutes=11)
    assert len(town.orders()) == 4
    assert {order["kind"] for order in town.orders()} == {"streetlight"}


def test_a_certain_condition_of_the_same_lamp_ends_the_wait(town: Town) -> None:
    town.raised("sl-1", "SL-OUT")
    (opened,) = town.raised("sl-1", "SL-GEAR")
    assert opened.asset == "sl-1"
    town.cycle(hours=1)
    assert len(town.orders()) == 1


def test_why_an_alert_went_where_it_went_stands_in_its_history(town: Town) -> None:
    town.raised("sl-1", "SL-OUT")
    town.now += timedelta(seconds=5)
    town.raised("cab-1", "CAB-TRIP")
    town.now += timedelta(seconds=5)
    town.raised("sl-2", "SL-OUT")
    with town.db.transaction() as tx:
        reasons = {
            row["asset"]: [(e["change"], e["reason"]) for e in views.alert(tx, row["id"])["events"]] for row in town.alerts()
        }
    assert ("grouped", "child_of_cabinet") in reasons["sl-2"]
    assert any(change == "grouped" for change, _ in reasons["sl-1"])


def test_a_child_whose_sensor_can_tell_gets_its_own_order_at_once(town: Town) -> None:
    for n in (1, 2, 3):
        town.register.assets[f"pit-{n}"] = replace(town.register.assets[f"pit-{n}"], interval_s=600)
    raise_all(town, "DEV-SILENT", "pit-1", "pit-2")
    began = town.now
    town.raised("gw-1", "DEV-SILENT")
    raised = town.now
    town.cycle(minutes=40)
    town.resolved("gw-1", "DEV-SILENT", raised)
    town.resolved("pit-2", "DEV-SILENT", began)
    town.cycle(minutes=61)
    gateway, pit = town.orders()
    assert (gateway["asset"], gateway["outcome"]) == ("gw-1", "cleared_by_sensor")
    assert (pit["asset"], pit["reason"], pit["dispatched_at"]) == ("pit-1", "parent_cleared", town.now)
    with town.db.transaction() as tx:
        (released,) = [entry for entry in ledger.read(tx) if entry.event == "released"]
    assert released.facts == {"children": [["pit-1", "at_once"]]}


def test_a_lamp_that_waits_for_the_night_says_so(town: Town) -> None:
    raise_all(town, "SL-OUT", "sl-1", "sl-2")
    (opened,) = town.raised("cab-1", "CAB-TRIP")
    raised = town.now
    town.cycle(hours=1)
    town.resolved("cab-1", "CAB-TRIP", raised)
    town.cycle(minutes=31)
    assert town.order(opened.order_id)["outcome"] == "cleared_by_sensor"
    with town.db.transaction() as tx:
        (waits,) = [entry for entry in ledger.read(tx) if entry.event == "children_wait"]
    assert (waits.reason, waits.facts["children"]) == ("lamp_by_day", [["sl-1", "lamp_by_day"], ["sl-2", "lamp_by_day"]])


def test_a_parent_that_is_cancelled_lets_its_children_go(town: Town) -> None:
    raise_all(town, "SL-OUT", "sl-1")
    (opened,) = town.raised("cab-1", "CAB-TRIP")
    town.cycle(minutes=1)
    town.act(opened.order_id, "cancel", reason="the alarm contact of the cabinet is stuck", code="false_alarm")
    town.cycle(seconds=1)
    assert [(order["asset"], order["reason"]) for order in town.orders(open_only=True)] == [("sl-1", "parent_cleared")]


HERE = (31.2, 121.5)
NEAR = (31.2003, 121.5)
"""33 m north"""
FAR = (31.2006, 121.5)
"""67 m north"""


def put(town: Town, name: str, kind: str, place: tuple[float, float], **more: Any) -> None:
    town.register.assets[name] = Asset(name, kind, *place, district="d1", **more)


@pytest.mark.parametrize(
    ("condition", "place", "hours", "one", "two", "together"),
    [
        ("MH-OPEN", NEAR, 0, {}, {"provisional": True}, True),
        ("MH-OPEN", FAR, 0, {}, {"provisional": True}, False),
        ("MH-OPEN", NEAR, 25, {}, {"provisional": True}, False),
        ("MH-OPEN", NEAR, 0, {}, {}, False),
        ("MH-OPEN", NEAR, 0, {"provisional": True}, {"provisional": True}, False),
        ("DR-FULL", NEAR, 0, {}, {}, True),
        ("DR-FULL", FAR, 0, {}, {}, False),
    ],
    ids=["stranger", "stranger far", "stranger late", "two of the register", "two strangers", "one flood", "two floods"],
)
@pytest.mark.parametrize("batch", [True, False], ids=["one batch", "two batches"])
def test_a_fault_told_twice(
    town: Town, condition: str, place: tuple[float, float], hours: int, one: dict[str, bool], two: dict[str, bool],
    together: bool, batch: bool,
) -> None:  # fmt: skip
    kind = "drain" if condition == "DR-FULL" else "manhole"
    put(town, "x-1", kind, HERE, **one)
    put(town, "x-2", kind, place, **two)
    first = event("x-1", condition, AlertChange.RAISED, town.now, kind=kind)
    second = event("x-2", condition, AlertChange.RAISED, town.now + timedelta(hours=hours), kind=kind)
    if batch:
        town.take(first, second)
    else:
        town.take(first)
        town.cycle(hours=hours)
        town.take(second)
    assert len(town.orders()) == (1 if together else 2)
    if together:
        assert state_of(town) == {"x-1": ("open", 1)}
        town.cycle(minutes=1)
        town.take(event("x-1", condition, AlertChange.RESOLVED, town.now, onset=NOON, kind=kind))
        town.cycle(hours=1)
        assert [order["asset"] for order in town.orders(open_only=True)] == ["x-2"], "the other one's sensor goes on"


def test_water_that_was_only_high_joins_the_flood_beside_it(town: Town) -> None:
    put(town, "x-1", "drain", HERE)
    put(town, "x-2", "drain", NEAR)
    town.say("x-2", "DR-HIGH", AlertChange.RAISED, kind="drain")
    town.say("x-1", "DR-FULL", AlertChange.RAISED, kind="drain")
    town.cycle(minutes=1)
    assert town.say("x-2", "DR-FULL", AlertChange.RAISED, kind="drain") == []
    assert state_of(town) == {"x-1": ("open", 1), "x-2": ("grouped", 0)}
    assert len(town.orders()) == 1


def test_silence_behind_a_gateway_without_power_is_the_trip(town: Town) -> None:
    town.register.assets["gw-1"] = replace(town.register.assets["gw-1"], cabinet="cab-1")
    town.raised("cab-1", "CAB-TRIP")
    raise_all(town, "DEV-SILENT", "pit-1", "gw-1", "pit-2")
    town.cycle(minutes=30)
    assert [order["asset"] for order in town.orders()] == ["cab-1"]
    assert state_of(town)["cab-1"] == ("open", 3)
