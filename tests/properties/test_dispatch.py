"""Laws of dispatch on a real PostgreSQL, for any interleaving of alerts, people and time."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from citybrain.kernel.errors import CityBrainError
from citybrain.kernel.events import AlertChange, AlertEvent
from citybrain.store.db import Database
from dispatch.orders import FINAL, PEOPLE, STATES
from tests.dispatch_kit import NOON, Town, event

pytestmark = pytest.mark.live

SOME = settings(
    max_examples=25,
    deadline=None,
    # the database is emptied before each example
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)

PLACES = [
    ("mh-1", "MH-OPEN"),
    ("mh-1", "MH-GONE"),
    ("mh-1", "MH-ROCK"),
    ("dr-1", "DR-HIGH"),
    ("dr-1", "DR-FULL"),
    ("sl-1", "SL-OUT"),
    ("sl-2", "SL-OUT"),
    ("sl-3", "SL-OUT"),
    ("sl-1", "DEV-SILENT"),
    ("sl-1", "SL-GEAR"),
    ("cab-1", "CAB-TRIP"),
    ("pit-1", "DEV-SILENT"),
    ("pit-2", "DEV-SILENT"),
    ("gw-1", "DEV-SILENT"),
]

GAP = st.sampled_from([1, 20, 300, 700, 1900, 7300, 90000])
FLIP = st.tuples(st.just("flip"), st.integers(0, len(PLACES) - 1), GAP)
PERSON = st.tuples(st.just("act"), st.tuples(st.integers(0, 5), st.sampled_from(PEOPLE)), GAP)
CYCLE = st.tuples(st.just("cycle"), st.none(), GAP)
WITHDRAW = st.tuples(st.just("withdraw"), st.integers(0, len(PLACES) - 1), GAP)
STEPS = st.lists(st.one_of(FLIP, FLIP, FLIP, PERSON, CYCLE, WITHDRAW), min_size=1, max_size=30)


@pytest.fixture
def town(db: Database) -> Town:
    return Town(db)


def emptied(town: Town) -> Town:
    """The same town without a past."""
    with town.db.transaction() as tx:
        tx.run(
            "TRUNCATE alerts, alert_events, cases, orders, order_events, ledger_heads, ledger_anchors, ledger_anchor_end,"
            " timers, outbox, deliveries, breakers, cycle_modules CASCADE"
        )
    town.now = town.machine_now = NOON
    return town


def lived(town: Town, steps: Sequence[tuple[str, Any, int]]) -> list[AlertEvent]:
    """Do all steps; the alert events that there were."""
    live: dict[int, Any] = {}
    told: list[AlertEvent] = []
    for kind, what, gap in steps:
        town.now += timedelta(seconds=gap)
        town.machine_now += timedelta(seconds=gap)
        if kind == "cycle":
            town.cycle()
        elif kind == "act":
            orders = town.orders()
            if orders:
                try:
                    town.act(str(orders[what[0] % len(orders)]["id"]), what[1], reason="so it is")
                except CityBrainError:
                    continue
        else:
            asset, condition = PLACES[what]
            onset = live.pop(what, None)
            if onset is None:
                if kind == "withdraw":
                    continue
                live[what] = town.now
                change, onset = AlertChange.RAISED, town.now
            else:
                change = AlertChange.WITHDRAWN if kind == "withdraw" else AlertChange.RESOLVED
            told.append(event(asset, condition, change, town.now, onset=onset))
            town.take(told[-1])
        laws(town)
    return told


def laws(town: Town) -> None:
    """What holds at every moment."""
    orders, cases, alerts = town.orders(), town.cases(), town.alerts()
    states = {case["id"]: case for case in cases}
    open_orders = [order["case_id"] for order in orders if order["state"] not in FINAL]
    assert len(open_orders) == len(set(open_orders)), "two open orders for one case"
    keys = [(case["asset"], case["cause"]) for case in cases if case["state"] != "closed"]
    assert len(keys) == len(set(keys)), "two open cases for one asset and cause"
    homes = {alert["case_id"] for alert in alerts}
    for order in orders:
        assert order["state"] in STATES
        assert order["case_id"] in homes, "an order without an alert"
        assert (order["state"] in FINAL) == (states[order["case_id"]]["state"] == "closed")
        assert order["due_at"] > order["dispatched_at"] or order["overdue_at"] is not None
    for alert in alerts:
        if alert["phase"] != "resolved":
            home = states[alert["case_id"]]
            assert home["state"] != "closed" or home["outcome"] in {"cancelled", "withdrawn", "verified", "cleared_by_sensor"}
    assert not town.faults()


@SOME
@given(steps=STEPS)
def test_the_laws_hold_at_every_moment_and_everything_ends(town: Town, steps: list[tuple[str, Any, int]]) -> None:
    emptied(town)
    told = lived(town, steps)
    # everything becomes good again: then everything ends
    ended = {one.id for one in told if one.change != AlertChange.RAISED}
    town.now += timedelta(seconds=1)
    for one in told:
        if one.id not in ended:
            town.take(one._replace(change=AlertChange.RESOLVED, phase="resolved", at_ms=one.at_ms + 1, reason="good"))
    for _ in range(4):
        town.cycle(hours=30)
    laws(town)
    assert [case for case in town.cases() if case["state"] != "closed"] == []
    assert town.orders(open_only=True) == []
    with town.db.transaction() as tx:
        assert tx.all("SELECT id FROM timers") == [], "a timer without work"


def snapshot(town: Town) -> dict[str, list[Any]]:
    with town.db.transaction() as tx:
        return {
            table: tx.all(f"SELECT * FROM {table} ORDER BY 1")
            for table in ("alerts", "alert_events", "cases", "orders", "order_events", "timers", "outbox")
        }


@SOME
@given(steps=STEPS, cut=st.integers(0, 30))
def test_events_that_come_again_change_nothing(town: Town, steps: list[tuple[str, Any, int]], cut: int) -> None:
    emptied(town)
    told = lived(town, steps)
    before = snapshot(town)
    assert town.take(*told[cut:]) == []
    assert town.take(*told) == []
    for one in reversed(told):
        assert town.take(one) == []
    assert snapshot(town) == before


@SOME
@given(flips=st.lists(FLIP, min_size=1, max_size=25), cuts=st.sets(st.integers(0, 25)))
def test_how_events_fall_into_batches_changes_nothing(town: Town, flips: list[tuple[str, Any, int]], cuts: set[int]) -> None:
    def result(batches: list[list[AlertEvent]]) -> Any:
        emptied(town)
        for batch in batches:
            town.take(*batch)
        orders = [
            {key: order[key] for key in ("id", "case_id", "unit", "state", "filing_item", "due_at")} for order in town.orders()
        ]
        cases = [{key: value for key, value in case.items() if key != "closed_at"} for case in town.cases()]
        homes = {(alert["id"], alert["case_id"], alert["phase"]) for alert in town.alerts()}
        return sorted(map(str, orders)), sorted(map(str, cases)), homes

    live: dict[int, Any] = {}
    events, at = [], NOON
    for _, place, gap in flips:
        at += timedelta(seconds=gap % 1000)
        asset, condition = PLACES[place]
        onset = live.pop(place, None)
        if onset is None:
            live[place] = at
        change = AlertChange.RAISED if onset is None else AlertChange.RESOLVED
        events.append(event(asset, condition, change, at, onset=onset or at))
    bounds = sorted({0, len(events), *(cut for cut in cuts if cut < len(events))})
    batches = [events[low:high] for low, high in zip(bounds, bounds[1:], strict=False)]
    assert result(batches) == result([[one] for one in events]) == result([events])
