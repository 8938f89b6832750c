"""The standard storm: rain, a feeder outage and a gateway outage together, from the simulated devices to the cases.

At most ten new cases in any ten minutes, however much is raised.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import yaml

from citybrain.config import Settings
from citybrain.kernel.model import Kind
from citybrain.store import register as register_store
from citybrain.store import views
from citybrain.store.db import Database, Row
from simulators.world import World
from simulators.world import city as plan
from tests.contracts.runtimes import embedded
from tests.contracts.runtimes.script import Message, Moment, Script

pytestmark = pytest.mark.live
START = datetime(2026, 3, 2, 15, tzinfo=UTC)
SEED, ASSETS = 5, 3000
STEP_MS, HOURS = 60_000, 4
WINDOW = timedelta(minutes=10)
MOST_IN_A_WINDOW = 10
NO_CASES = {"grouped", "cleared_before_dispatch", "grouped_in_storm"}
"""Outcomes of what never was a case of its own to anybody, or went on in another."""


def standard_storm() -> World:
    """Half an hour into the night all of it befalls one district."""
    world = World(SEED, ASSETS, START)
    city = world.city
    district = 0
    gauge = next(one for one in city.of_kind(plan.RAIN_GAUGE) if city.district_of(one) == district)
    cabinet = next(one for one in city.of_kind(plan.CABINET) if city.district_of(one) == district)
    gateway = next(one for one in city.of_kind(plan.GATEWAY) if city.district_of(one) == district)
    begin = world.now_ms + 1_800_000
    world.inject(
        [
            world.make("storm_surge", gauge, begin),
            world.make("feeder_trip", cabinet, begin + 300_000),
            world.make("gateway_out", gateway, begin + 600_000),
        ]
    )
    return world


def moments(world: World) -> Iterator[Moment]:
    for _ in range(HOURS * 3_600_000 // STEP_MS):
        messages = [Message(one.at_ms, one.topic, one.payload) for one in world.advance(world.now_ms + STEP_MS)]
        yield Moment(world.now_ms, messages, True)


def fullest(cases: list[Row]) -> int:
    """Most new cases in any ten minutes."""
    begins = sorted(row["opened_at"] for row in cases)
    return max((sum(first <= at < first + WINDOW for at in begins) for first in begins), default=0)


def test_the_standard_storm_is_at_most_ten_new_cases_in_ten_minutes(db: Database, tmp_path: Path) -> None:
    world = standard_storm()
    register = world.register()
    with db.transaction() as tx:
        register_store.save_units(tx, list(register.units.values()))
        register_store.save_areas(tx, list(register.areas))
        register_store.save_responsibilities(tx, list(register.responsibilities))
        register_store.save_assets(tx, list(register.assets.values()))
        register_store.save_devices(tx, [one for bindings in register.devices.values() for one in bindings])
    # the simulated rain never reaches the street: here it counts as there from a metre below
    rules = tmp_path / "rules.yml"
    rules.write_text(yaml.safe_dump({"DR-FULL": {"params": {"raise": 1000, "clear": 1100}}}), encoding="utf-8")
    settings = Settings(database_url=db.url, http_port=0, canary_s=0, rulebook=rules)
    embedded.run(Script(list(register.assets.values()), list(moments(world))), db, settings)
    with db.transaction() as tx:
        alerts = [row for row in views.alerts(tx, limit=10_000) if not row["past"]]
        cases = views.cases(tx, limit=10_000)
        orders = views.orders(tx, limit=10_000)
    kinds = {Kind(row["kind"]) for row in alerts}
    told = [row for row in cases if row["outcome"] not in NO_CASES]
    floods = [row for row in alerts if row["condition"] == "DR-FULL"]
    shown = f"{len(alerts)} alerts ({len(floods)} floods) -> {len(told)} cases, {len(orders)} orders"
    print(f"standard storm: {shown}; at most {fullest(told)} new cases in ten minutes")
    assert {Kind.STREETLIGHT, Kind.DRAIN} <= kinds
    assert len(floods) >= 15
    assert len(alerts) >= 10 * len([row for row in told if row["children"]])
    assert fullest(told) <= MOST_IN_A_WINDOW
