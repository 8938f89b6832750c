"""Many faults at once: ten thousand in a second, a feeder of sixty lamps, a gateway with a thousand devices."""

from __future__ import annotations

import time
from datetime import timedelta
from random import Random

import pytest

from citybrain.kernel.events import AlertChange, AlertEvent
from citybrain.kernel.model import Asset, Unit
from citybrain.kernel.register import Area, Responsibility
from citybrain.store import cases
from citybrain.store.db import Database
from dispatch import ledger
from tests.dispatch_kit import NOON, Town, event

pytestmark = pytest.mark.live

ALERTS, BATCH, WITHIN_S = 10_000, 2_000, 5.0
ROUNDS = 3
"""The best of so many counts: what else the machine does at the time is not what is measured."""


def city(town: Town, rng: Random, turn: int) -> list[AlertEvent]:
    """Forty units with contracts and districts, and one fault at each of ten thousand assets."""
    register = town.register
    side = 0.05
    for n in range(40):
        name = f"unit-{n}"
        register.units[name] = Unit(
            name,
            name,
            timezone="Asia/Shanghai",
            contacts=(f"log:{name}",),
            lead=(f"log:{name}-lead",),
            supervisor=("log:hall",),
        )
    south, west = 31.0 + turn, 121.0
    areas = [
        Area(f"district-{turn}-{row}-{column}", "district", "", _square(south + row * side, west + column * side, side))
        for row in range(4)
        for column in range(5)
    ]
    rules = [
        Responsibility(f"r-{area.id}-{kind}", "area", f"unit-{(2 * number + turn) % 40}", kind=kind, area=area.id)
        for number, area in enumerate(areas)
        for turn, kind in enumerate(("manhole", "streetlight", "drain"))
    ]
    rules += [Responsibility(f"c-{n}", "contract", f"unit-{n}", feeder=f"F-{n}") for n in range(40)]
    register.responsibilities, register.areas = [*rules, *register.responsibilities], areas
    events = []
    for n in range(ALERTS):
        at = NOON + timedelta(milliseconds=n // 10)
        lat, lon = south + rng.random() * 4 * side, west + rng.random() * 5 * side
        sort = n % 10
        if sort < 4:
            asset, condition = Asset(f"mh-{turn}-{n}", "manhole", lat, lon), "MH-OPEN"
        elif sort < 7:
            asset, condition = Asset(f"dr-{turn}-{n}", "drain", lat, lon), "DR-FULL"
        else:
            asset = Asset(f"sl-{turn}-{n}", "streetlight", lat, lon, feeder=f"F-{n % 997}", cabinet=f"C-{n % 331}")
            condition = "SL-GEAR"
        register.assets[asset.id] = asset
        events.append(event(asset.id, condition, AlertChange.RAISED, at))
    rng.shuffle(events)
    return events


def _square(south: float, west: float, side: float) -> dict[str, object]:
    ring = [[west, south], [west + side, south], [west + side, south + side], [west, south + side], [west, south]]
    return {"type": "Polygon", "coordinates": [ring]}


def test_ten_thousand_alerts_are_cases_within_five_seconds(db: Database, capsys: pytest.CaptureFixture[str]) -> None:
    town = Town(db)
    town.take(event("mh-1", "MH-OPEN", AlertChange.RAISED, NOON))  # the statements are prepared, the tables are known
    took = []
    for turn in range(ROUNDS):
        events = city(town, Random(turn), turn)
        began = time.monotonic()
        opened = [one for first in range(0, ALERTS, BATCH) for one in town.take(*events[first : first + BATCH])]
        took.append(time.monotonic() - began)
        with capsys.disabled():
            print(f"\n{ALERTS} alerts became {len(opened)} orders in {took[-1]:.2f} s ({ALERTS / took[-1]:.0f} a second)")
        assert len(opened) > 0.99 * ALERTS, "each asset is another one, but for drains beside each other"
        assert len({one.unit for one in opened}) > 30
        if took[-1] < WITHIN_S:
            break
    assert min(took) < WITHIN_S


def test_a_feeder_of_sixty_lamps_is_one_case_one_order_one_message(db: Database) -> None:
    town = Town(db)
    lamps = [f"row-{n}" for n in range(1, 61)]
    for n, name in enumerate(lamps, 1):
        town.register.assets[name] = Asset(name, "streetlight", district="d1", feeder="F60", feeder_pos=n)
    order = Random(60).sample(lamps, 60)
    for first in range(0, 60, 7):
        at = town.now
        town.take(*(event(lamp, "SL-OUT", AlertChange.RAISED, at, kind="streetlight") for lamp in order[first : first + 7]))
        town.cycle(seconds=30)
    town.cycle(hours=1)
    (case,) = [case for case in town.cases() if case["state"] == "open"]
    assert (case["asset"], case["cause"], case["children"]) == ("F60", "feeder_trip", 60)
    assert {alert["case_id"] for alert in town.alerts()} == {case["id"]}, "each child is listed"
    assert len(town.orders()) == 1
    assert town.mail.said() == [("dispatched", "log:lighting")]
    assert not town.faults()


def test_a_gateway_with_a_thousand_devices_is_one_case_and_one_message(db: Database) -> None:
    town = Town(db)
    devices = [f"dev-{n}" for n in range(1000)]
    for name in devices:
        town.register.assets[name] = Asset(name, "manhole", district="d1", gateway="gw-1")
    for first in range(0, 1000, 250):
        at = town.now
        town.take(*(event(one, "DEV-SILENT", AlertChange.RAISED, at, kind="manhole") for one in devices[first : first + 250]))
        town.cycle(minutes=2)
    town.cycle(hours=1)
    open_cases = town.cases(state="open")
    assert [(case["asset"], case["cause"], case["children"]) for case in open_cases] == [("gw-1", "gateway_out", 1000)]
    assert len(town.orders()) == 1
    assert town.mail.said() == [("dispatched", "log:drainage")]


def test_a_cut_cable_is_named_by_the_poles_around_it(db: Database) -> None:
    town = Town(db)
    for n in range(1, 21):
        town.register.assets[f"row-{n}"] = Asset(f"row-{n}", "streetlight", district="d1", feeder="F20", feeder_pos=n)
    for name in ("row-17", "row-20", "row-18"):
        town.say(name, "SL-OUT", AlertChange.RAISED, kind="streetlight")
        town.cycle(seconds=20)
    assert facts(db) == {"rule": "feeder_dark", "fallen": 3, "of": 20}, "row-19 lives, as far as anybody knows"
    town.say("row-19", "SL-OUT", AlertChange.RAISED, kind="streetlight")
    town.cycle(minutes=4)
    assert "span" not in facts(db), "group_interval"
    town.cycle(minutes=2)
    assert facts(db)["span"] == {"feeder": "F20", "last_live": "row-16", "first_dead": "row-17", "dead": 4}
    with db.transaction() as tx:
        notes = [entry for entry in ledger.read(tx) if entry.event == "located"]
    assert [entry.detail for entry in notes] == ["between row-16 and row-17"]
    town.cycle(hours=40)
    reminder = next(message for message in town.mail.sent if message.purpose.startswith("reminder"))
    assert "between row-16 and row-17: 4 poles behind it are dead" in reminder.text


def facts(db: Database) -> dict[str, object]:
    """What the open group is known by."""
    with db.transaction() as tx:
        (case,) = cases.lock(tx, assets=["F20"])
        return cases.facts(tx, str(case["id"]))
