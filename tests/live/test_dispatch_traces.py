"""An order names the message that led to it: opened at once, after a wait for siblings, or for a group."""

from __future__ import annotations

from datetime import timedelta

import pytest

from citybrain.kernel.events import AlertChange, AlertEvent
from citybrain.store import orders
from citybrain.store.db import Database
from dispatch.intake import take
from tests.dispatch_kit import BOOKS, NOON, Town, event

pytestmark = pytest.mark.live


@pytest.fixture
def town(db: Database) -> Town:
    return Town(db)


def take_traced(town: Town, *told: tuple[AlertEvent, str]) -> list[str]:
    """Events with their traces; the traces of the orders they opened."""
    with town.db.transaction() as tx:
        opened = take(
            tx, [one for one, _ in told], infos=town.infos, register=town.register, books=BOOKS,
            now=town.now, traces={one.id: trace for one, trace in told},
        )  # fmt: skip
    return [order.trace for order in opened]


def stored(town: Town) -> list[object]:
    with town.db.transaction() as tx:
        found = [orders.get(tx, str(order["id"])) for order in town.orders()]
    return [order["trace"] for order in found if order is not None]


def test_each_order_of_a_batch_has_the_trace_of_its_own_alert(town: Town) -> None:
    first = event("mh-1", "MH-OPEN", AlertChange.RAISED, NOON)
    second = event("mh-2", "MH-OPEN", AlertChange.RAISED, NOON)
    assert take_traced(town, (first, "a" * 32), (second, "b" * 32)) == ["a" * 32, "b" * 32]
    assert stored(town) == [{"trace_id": "a" * 32}, {"trace_id": "b" * 32}]


def test_an_order_without_a_message_behind_it_has_no_trace(town: Town) -> None:
    assert take_traced(town, (event("mh-1", "MH-OPEN", AlertChange.RAISED, NOON), "")) == [""]
    assert stored(town) == [{}]


def test_the_order_of_a_lamp_that_waited_for_others_has_its_trace(town: Town) -> None:
    assert not take_traced(town, (event("sl-1", "SL-OUT", AlertChange.RAISED, NOON), "c" * 32))
    town.cycle(seconds=601)
    assert stored(town) == [{"trace_id": "c" * 32}]


def test_the_order_of_a_group_has_the_trace_of_the_alert_that_made_it_one(town: Town) -> None:
    lamps = [(event(f"sl-{n}", "SL-OUT", AlertChange.RAISED, NOON), f"{n}" * 32) for n in (1, 2, 3)]
    assert take_traced(town, *lamps) == ["3" * 32]


def test_late_readings_that_amend_an_alert_leave_its_trace(town: Town) -> None:
    take_traced(town, (event("sl-1", "SL-OUT", AlertChange.RAISED, NOON), "d" * 32))
    amended = event("sl-1", "SL-OUT", AlertChange.AMENDED, NOON + timedelta(seconds=5), onset=NOON)
    take_traced(town, (amended, "e" * 32))
    town.cycle(seconds=601)
    assert stored(town) == [{"trace_id": "d" * 32}]
