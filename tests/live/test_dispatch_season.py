"""A season of orders through the real database and the real cycle: the slow oracle knows when each reminder must come.

The clock of the city jumps by hours. What the cycle says in a run must be what the oracle has due since the run before.
"""

from __future__ import annotations

import random
from collections import defaultdict
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial

import pytest

from citybrain.kernel.events import AlertChange
from citybrain.kernel.model import Asset, Unit
from citybrain.store import clocks as store
from citybrain.store.db import Database, Tx
from dispatch import cycle, ledger, pausing
from dispatch.clocks import SHARES
from dispatch.limits import MAKE_SAFE, REPAIR
from dispatch.profiles import load_profile
from tests.dispatch_kit import Town, event
from tests.season import CITIES, City, Told, Walk

pytestmark = pytest.mark.live

ORDERS = 600
"""in each of the two cities"""
STEP = timedelta(hours=12)
CONDITIONS = ("MH-OPEN", "MH-ROCK")
_TIMER_OF = {
    "safe_50": "safe_50", "reminder_50": "reminder_50", "reminder_80": "reminder_80", "not_made_safe": "safe_limit",
    "limit_passed": "limit",
}  # fmt: skip


def season(db: Database, city: City) -> Town:
    """A town with a cover for each order, and the unit of the city's zone and calendar."""
    town = Town(db)
    town.books = replace(town.books, profile=load_profile(city.profile))
    town.register.units["season"] = Unit(
        "season", "Season", timezone=city.zone, calendar=city.calendar, contacts=("log:season",)
    )
    for number in range(ORDERS):
        name = f"mh-s{number}"
        town.register.assets[name] = Asset(name, "manhole", unit="season")
    return town


@pytest.mark.parametrize("city", CITIES, ids=lambda city: city.profile)
def test_what_the_cycle_says_is_what_the_oracle_has_due(db: Database, city: City, monkeypatch: pytest.MonkeyPatch) -> None:
    # what was said stands in the ledger; sending it has tests of its own
    monkeypatch.setattr(cycle, "MODULES", tuple(module for module in cycle.MODULES if module.name != "send"))
    town, walk, luck = season(db, city), Walk(city), random.Random(f"live {city.profile}")
    starts = sorted(city.begins + timedelta(microseconds=luck.randrange(60 * 86_400_000_000)) for _ in range(ORDERS))
    waiting = [(start, f"mh-s{number}", luck.choice(CONDITIONS)) for number, start in enumerate(starts)]
    oracle: dict[str, dict[str, Told]] = {}
    wanted: defaultdict[tuple[str, str], list[datetime]] = defaultdict(list)
    asleep: dict[datetime, list[str]] = defaultdict(list)
    town.now, end = city.begins, city.begins + timedelta(days=100)
    while town.now < end:
        now = min(town.now + STEP, end)
        while waiting and waiting[0][0] <= now:
            start, asset, condition = waiting.pop(0)
            town.now = start
            (opened,) = town.take(event(asset, condition, AlertChange.RAISED, start))
            info = town.infos[condition]
            oracle[opened.order_id] = {
                name: Told(walk, city, limit, start, {t: s for t, s in SHARES[name].items() if s == 1 or not limit.quiet})
                for name in (MAKE_SAFE, REPAIR)
                for limit in [town.books.profile.limit(name, info.filing or "", info.severity)]
            }
        town.now = town.machine_now = now
        for order_id, both in oracle.items():
            for told in both.values():
                told.until(now)
                for timer, _ in told.heard:
                    wanted[order_id, timer].append(now)
                told.heard.clear()
        town.cycle()
        for order_id in asleep.pop(now, []):
            town.db.attempt(partial(go_on, town, order_id))
            for name in (MAKE_SAFE, REPAIR):
                if not oracle[order_id][name].runs:
                    oracle[order_id][name].go(now)
        candidates = [one for one, both in oracle.items() if both[REPAIR].runs and "limit" not in both[REPAIR].had]
        for order_id in luck.sample(candidates, min(2, len(candidates))) if luck.random() < 0.3 else []:
            stop(town, oracle[order_id], order_id, now)
            asleep[now + STEP * luck.randrange(1, 60)].append(order_id)
    assert not waiting
    check(town, oracle, wanted)


def go_on(town: Town, order_id: str, tx: Tx) -> None:
    """The pause is over."""
    pausing.resume(tx, town.look(), order_id, actor="crew", now=town.now)


def stop(town: Town, both: dict[str, Told], order_id: str, now: datetime) -> None:
    """A pause, asked for and approved in the same moment."""
    quiet = not both[MAKE_SAFE].shares.keys() - {"safe_limit"}

    def work(tx: Tx) -> None:
        pausing.ask(tx, town.look(), order_id, "pause", code="weather", actor="crew", now=now)
        pausing.approve(tx, town.look(), order_id, actor="dispatcher", now=now)

    town.db.attempt(work)
    both[REPAIR].stop(now)
    if quiet and both[MAKE_SAFE].runs and "safe_limit" not in both[MAKE_SAFE].had:
        both[MAKE_SAFE].stop(now)


def check(town: Town, oracle: dict[str, dict[str, Told]], wanted: dict[tuple[str, str], list[datetime]]) -> None:
    """Every reminder once and in its run; every deadline exact."""
    said: defaultdict[tuple[str, str], list[datetime]] = defaultdict(list)
    with town.db.transaction() as tx:
        for entry in ledger.read(tx):
            if entry.order_id and entry.event in {"reminded", "overdue"}:
                said[entry.order_id, _TIMER_OF[entry.reason]].append(entry.at)
        for order_id, both in oracle.items():
            for row in store.of_order(tx, order_id):
                if both[row["clock"]].runs:
                    assert row["due_at"] == both[row["clock"]].at_share(1), (order_id, row["clock"])
    assert len(oracle) == ORDERS
    assert dict(said) == dict(wanted)
    assert all(len(times) == 1 for times in said.values())
