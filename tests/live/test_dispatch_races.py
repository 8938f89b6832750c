"""The pipeline, the cycle and people at once: no deadlock, no second order, no fault without an order."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from random import Random

import pytest

from citybrain.kernel.errors import CityBrainError, StateError
from citybrain.kernel.events import AlertChange, AlertEvent
from citybrain.kernel.model import Asset
from citybrain.store import alerts, cases, timers
from citybrain.store.db import Database, Tx
from dispatch.cycle import run_cycle
from tests.dispatch_kit import BOOKS, NOON, Town, event

pytestmark = pytest.mark.live


@pytest.fixture
def town(db: Database) -> Town:
    return Town(db)


def at_once(*works: Callable[[], object]) -> list[object]:
    """Run things together; their answers, in order. Errors of ours are answers too."""
    gate = threading.Barrier(len(works))

    def guarded(work: Callable[[], object]) -> object:
        gate.wait(10)
        try:
            return work()
        except CityBrainError as error:
            return error

    with ThreadPoolExecutor(len(works)) as pool:
        return [future.result(30) for future in [pool.submit(guarded, work) for work in works]]


def test_two_writers_of_one_fault_open_one_order(town: Town) -> None:
    for n in range(20):
        asset = f"mh-{100 + n}"
        both = at_once(
            lambda a=asset: town.take(event(a, "MH-OPEN", AlertChange.RAISED, NOON)),
            lambda a=asset: town.take(event(a, "MH-GONE", AlertChange.RAISED, NOON)),
            lambda a=asset: town.take(event(a, "MH-OPEN", AlertChange.RAISED, NOON)),
        )
        assert not [answer for answer in both if isinstance(answer, Exception)]
        assert len(town.orders(asset=asset)) == 1
    assert not town.faults()


def test_batches_that_meet_in_opposite_order_do_not_block_each_other(town: Town) -> None:
    assets = [f"mh-{n}" for n in range(200, 230)]
    forth = [event(asset, "MH-OPEN", AlertChange.RAISED, NOON) for asset in assets]
    back = [event(asset, "MH-GONE", AlertChange.RAISED, NOON) for asset in reversed(assets)]
    answers = at_once(lambda: town.take(*forth), lambda: town.take(*back))
    assert not [answer for answer in answers if isinstance(answer, Exception)]
    assert len(town.orders()) == len(assets)


def test_one_of_two_people_wins(town: Town) -> None:
    (opened,) = town.raised("mh-1", "MH-OPEN")
    answers = at_once(
        lambda: town.act(opened.order_id, "ack", "crew 1"),
        lambda: town.act(opened.order_id, "ack", "crew 2"),
        lambda: town.act(opened.order_id, "ack", "crew 3"),
    )
    assert sum(isinstance(answer, StateError) for answer in answers) == 2
    assert town.history(opened.order_id) == ["dispatch", "ack"]
    assert not town.faults()


def test_a_case_that_ends_while_it_fires_again_loses_nothing(town: Town) -> None:
    for n in range(15):
        asset = f"mh-{300 + n}"
        town.now = NOON
        town.take(event(asset, "MH-OPEN", AlertChange.RAISED, NOON))
        town.take(event(asset, "MH-OPEN", AlertChange.RESOLVED, NOON + timedelta(minutes=1), onset=NOON))
        town.now = NOON + timedelta(hours=1)
        again = event(asset, "MH-OPEN", AlertChange.RAISED, NOON + timedelta(hours=1))
        answers = at_once(lambda: cycle_once(town), lambda e=again: town.take(e))
        assert not [answer for answer in answers if isinstance(answer, Exception)]
        live = [alert for alert in town.alerts(asset=asset) if alert["phase"] == "firing"]
        open_cases = [case["id"] for case in town.cases(asset=asset) if case["state"] == "open"]
        assert [alert["case_id"] for alert in live] == open_cases
        assert len(town.orders(asset=asset, open_only=True)) == 1


def cycle_once(town: Town) -> object:
    report = run_cycle(
        town.db, now=town.now, infos=town.infos, register_of=lambda: town.register, books=BOOKS,
        channels=town.channels, machine_now=town.machine_now,
    )  # fmt: skip
    assert not report.errors, report.errors
    return report


def test_a_trip_that_comes_when_the_wait_ends(town: Town) -> None:
    lamps = [f"sl-{n}" for n in (1, 2)]
    for round_ in range(8):
        start = NOON + timedelta(days=2 * round_)
        town.now = start
        for lamp in lamps:
            town.take(event(lamp, "SL-OUT", AlertChange.RAISED, start))
        town.now = start + timedelta(minutes=10)
        trip = event("cab-1", "CAB-TRIP", AlertChange.RAISED, town.now)
        answers = at_once(lambda: cycle_once(town), lambda e=trip: town.take(e), lambda: cycle_once(town))
        assert not [answer for answer in answers if isinstance(answer, Exception)]
        town.cycle(seconds=5)
        firing = [alert for alert in town.alerts() if alert["phase"] == "firing"]
        homes = {case["id"]: case for case in town.cases() if case["state"] == "open"}
        assert len(firing) == 3
        assert all(alert["case_id"] in homes for alert in firing), "every fault has an open case"
        assert {str(order["case_id"]) for order in town.orders(open_only=True)} == {str(key) for key in homes}
        for alert in firing:
            town.take(event(alert["asset"], alert["condition"], AlertChange.RESOLVED, town.now, onset=alert["onset_at"]))
        town.cycle(hours=25)
        assert town.orders(open_only=True) == []


def test_the_cycle_does_not_wait_for_a_case_that_somebody_holds(town: Town) -> None:
    (held,) = town.raised("mh-1", "MH-OPEN")
    town.raised("mh-2", "MH-OPEN")
    town.cycle()
    town.mail.sent.clear()
    with town.db.transaction() as tx:
        cases.hold(tx, held.case_id)
        town.now += timedelta(minutes=61)
        cycle_once(town)
    town.channels.join(5)
    # an order has two clocks, so there is more than one thing to say
    told = [(message.purpose, message.data["asset"]) for message in town.mail.sent]
    assert {asset for _, asset in told} == {"mh-2"}
    town.cycle()
    after = [(message.purpose, message.data["asset"]) for message in town.mail.sent]
    assert sorted(after) == sorted([*told, *((purpose, "mh-1") for purpose, _ in told)]), "then the same of the other"


def test_two_cycles_never_run_a_module_together(town: Town) -> None:
    town.raised("mh-1", "MH-OPEN")
    town.cycle()
    town.now += timedelta(minutes=61)
    with town.db.transaction() as tx:
        assert timers.fence(tx, "remind", 5)
        assert {module.module: module.done for module in cycle_once(town).modules}["remind"] == 0
    assert {module.module: module.done for module in cycle_once(town).modules}["remind"] >= 1


def test_a_storm_of_everything_at_once(town: Town) -> None:
    """Four writers, a cycle and two people for a while; then every law is checked."""
    assets = [f"mh-{n}" for n in range(400, 412)] + [f"sl-{n}" for n in range(1, 9)] + ["cab-1"]
    conditions = {"mh": ["MH-OPEN", "MH-GONE", "MH-ROCK"], "sl": ["SL-OUT", "SL-GEAR", "DEV-SILENT"], "cab": ["CAB-TRIP"]}

    def writer(seed: int) -> Callable[[], None]:
        # each writer has its own assets, as shards have
        mine = [asset for n, asset in enumerate(assets) if n % 4 == seed]
        random = Random(seed)
        live: dict[tuple[str, str], object] = {}

        def work() -> None:
            at = NOON
            for _ in range(40):
                at += timedelta(seconds=random.randint(1, 400))
                asset = random.choice(mine)
                condition = random.choice(conditions[asset.split("-")[0]])
                onset = live.pop((asset, condition), None)
                if onset is None:
                    live[asset, condition] = at
                    one = event(asset, condition, AlertChange.RAISED, at)
                else:
                    one = event(asset, condition, AlertChange.RESOLVED, at, onset=onset)
                town.now = max(town.now, at)
                town.db.attempt(lambda tx, e=one: town.take_in(tx, e))

        return work

    def people() -> None:
        random = Random(99)
        for _ in range(60):
            for order in town.orders(open_only=True)[:5]:
                verb = random.choice(["ack", "arrive", "fix", "return", "cancel"])
                try:
                    town.act(str(order["id"]), verb, reason="so it is")
                except StateError:
                    continue

    def cycles() -> None:
        for _ in range(60):
            cycle_once(town)

    answers = at_once(*(writer(seed) for seed in range(4)), cycles, people, people)
    assert not [answer for answer in answers if answer is not None], answers
    assert not town.faults()
    town.cycle(minutes=20)
    open_cases = {case["id"]: case for case in town.cases() if case["state"] != "closed"}
    keys = [(case["asset"], case["cause"]) for case in open_cases.values()]
    assert len(keys) == len(set(keys))
    outcomes = {case["id"]: case["outcome"] for case in town.cases()}
    for alert in town.alerts():
        if alert["phase"] != "resolved":
            # every fault is in an open case, or people cancelled it, or its parent was just closed
            assert alert["case_id"] in open_cases or outcomes[alert["case_id"]] in {
                "cancelled",
                "verified",
                "cleared_by_sensor",
            }


def test_a_lamp_comes_back_in_one_dispatcher_while_another_takes_its_case_up(
    town: Town, monkeypatch: pytest.MonkeyPatch
) -> None:
    town.take(event("sl-1", "SL-OUT", AlertChange.RAISED, NOON))
    written, go_on = threading.Event(), threading.Event()
    save = alerts.save

    def slowly(tx: Tx, events: Sequence[AlertEvent], traces: Mapping[str, str] | None = None) -> set[str]:
        found = save(tx, events, traces)
        if events[0].asset == "sl-1":
            written.set()
            go_on.wait(1)
        return found

    monkeypatch.setattr(alerts, "save", slowly)
    back = event("sl-1", "SL-OUT", AlertChange.RESOLVED, NOON + timedelta(minutes=1), onset=NOON)
    trip = event("cab-1", "CAB-TRIP", AlertChange.RAISED, NOON + timedelta(minutes=1))
    town.now = NOON + timedelta(minutes=1)

    def second() -> object:
        assert written.wait(5)
        return town.take(trip)

    # whoever writes an alert before it holds its case makes a ring with who has the case and moves its alerts
    answers = at_once(lambda: town.take(back), second)
    assert not [answer for answer in answers if isinstance(answer, Exception)]
    assert [case["outcome"] for case in town.cases(asset="sl-1")] == ["grouped"]
    assert [order["asset"] for order in town.orders()] == ["cab-1"]


def test_two_writers_of_one_flood_open_one_order(town: Town) -> None:
    for n in range(8):
        for name, lat in ((f"left-{n}", 31.0 + n / 100), (f"right-{n}", 31.0003 + n / 100)):
            town.register.assets[name] = Asset(name, "drain", lat, 121.5, district="d1")
        answers = at_once(
            lambda a=f"left-{n}": town.take(event(a, "DR-FULL", AlertChange.RAISED, NOON, kind="drain")),
            lambda a=f"right-{n}": town.take(event(a, "DR-FULL", AlertChange.RAISED, NOON, kind="drain")),
        )
        assert not [answer for answer in answers if isinstance(answer, Exception)]
    assert len(town.orders()) == 8
    assert not town.faults()
