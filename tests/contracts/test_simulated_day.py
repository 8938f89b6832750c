"""A simulated day of 200,000 readings, with faults, repeats and stored readings that come late, told alike by both runtimes."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from citybrain.config import Settings
from citybrain.store import register as register_store
from citybrain.store.db import Database
from simulators.world import World, demo
from tests.contracts.runtimes import cluster, embedded
from tests.contracts.runtimes.databases import fresh
from tests.contracts.runtimes.script import Message, Moment, Script
from tests.contracts.runtimes.told import Told, difference, told

pytestmark = pytest.mark.live
START = datetime(2026, 3, 2, 15, tzinfo=UTC)
SEED, ASSETS, HOURS = 5, 2000, 24
STEP_MS = 600_000


def _day() -> tuple[World, Script, int]:
    """The city, what it sends in ten-minute steps, and how many readings these are."""
    world = World(SEED, ASSETS, START)
    world.inject(demo(SEED, world, START, HOURS))
    moments, count = [], 0
    for _ in range(HOURS * 3_600_000 // STEP_MS):
        messages = [Message(one.at_ms, one.topic, one.payload) for one in world.advance(world.now_ms + STEP_MS)]
        count += len(messages)
        moments.append(Moment(world.now_ms, messages, True))
    return world, Script(list(world.register().assets.values()), moments), count


def _run(runtime: str, world: World, script: Script, postgres_url: str, kafka_url: str) -> Told:
    with Database(fresh(postgres_url, f"day_{runtime}"), size=6) as db:
        register = world.register()
        with db.transaction() as tx:
            register_store.save_units(tx, list(register.units.values()))
            register_store.save_areas(tx, list(register.areas))
            register_store.save_responsibilities(tx, list(register.responsibilities))
            register_store.save_assets(tx, list(register.assets.values()))
            register_store.save_devices(tx, [one for bindings in register.devices.values() for one in bindings])
        given = Settings(kafka_url=kafka_url, kafka_prefix="day.", database_url=db.url, http_port=0, canary_s=0)
        {"embedded": embedded.run, "cluster": cluster.run}[runtime](script, db, given)
        return told(db)


def test_a_day_of_200_000_readings_is_told_alike(postgres_url: str, kafka_url: str) -> None:
    world, script, count = _day()
    assert count > 200_000
    one = _run("embedded", world, script, postgres_url, kafka_url)
    assert len(one["alerts"]) > 100
    assert len(one["orders"]) >= 20
    other = _run("cluster", world, script, postgres_url, kafka_url)
    assert difference(one, other) == ""
