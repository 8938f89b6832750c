"""A city moves from the embedded form to a cluster's database and goes on there as if nothing had happened."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from datetime import timedelta

import pytest

from citybrain.config import Settings
from citybrain.kernel.ids import SHARDS, shard_of
from citybrain.kernel.times import from_ms
from citybrain.runtime.move.city import check_ledger
from citybrain.runtime.move.mover import move
from citybrain.store import carrying, readings
from citybrain.store.db import Database
from citybrain.store.partitions import saved_offsets, state_of
from citybrain.store.summaries import refresh
from citybrain.topics import admin
from citybrain.topics.producer import Producer, delivered
from citybrain.topics.records import Batch, Tick, encode
from citybrain.topics.spec import READINGS
from rules.load import load
from tests.contracts.runtimes import cluster
from tests.contracts.runtimes.script import Script
from tests.contracts.runtimes.told import difference, told
from tests.move_kit import (
    ASSETS,
    CUT,
    END,
    MINUTE_MS,
    START_MS,
    STORY,
    Bases,
    Embedded,
    Partitions,
    at_the_cut,
    many_readings,
    rows,
    value,
)  # fmt: skip

pytestmark = pytest.mark.live


@pytest.fixture
def bases(postgres_url: str) -> Iterator[Bases]:
    with ExitStack() as stack:
        yield Bases(postgres_url, stack)


@pytest.fixture(scope="module")
def twin(postgres_url: str) -> Iterator[Database]:
    """The city that never moved, at the end of the story."""
    with ExitStack() as stack:
        city = Embedded(Bases(postgres_url, stack).city("twin"))
        city.live(0, CUT)
        at_the_cut(city.db)
        city.live(CUT + 1, END)
        city.stop()
        told_twice = [one.id for one in city.mail.sent]
        assert len(set(told_twice)) == len(told_twice) > 20
        assert value(city.db, "SELECT count(*) FROM orders WHERE overdue_at IS NOT NULL") >= 5
        yield city.db


def same_as(twin: Database, moved: Database) -> None:
    """Every alert, case, order, timer and notice, row for row; each notice sent once; every chain as it was written."""
    assert difference(told(twin), told(moved)) == ""
    numbers = "SELECT id::text, number FROM orders ORDER BY number"
    assert rows(twin, numbers) == rows(moved, numbers)
    kept = "SELECT asset, measure, observed_at, message, value, label FROM readings ORDER BY 1, 2, 3, 4"
    assert rows(twin, kept) == rows(moved, kept)
    assert rows(moved, "SELECT outbox_id FROM deliveries GROUP BY outbox_id HAVING count(*) > 1") == []
    assert rows(moved, "SELECT id FROM outbox WHERE state <> 'sent'") == []
    with moved.transaction() as tx:
        entries, faults = check_ledger(tx)
    assert entries == len(told(moved)["order_events"])
    assert faults == []


def test_a_city_that_was_killed_goes_on_in_the_partitions_of_the_cluster(twin: Database, bases: Bases) -> None:
    city = Embedded(bases.city("killed"))
    city.live(0, CUT)
    city.die()
    waiting = [row["id"] for row in rows(city.db, "SELECT id FROM outbox WHERE state = 'waiting'")]
    before = told(city.db)
    url = bases.url("partitions")
    report = move(city.db.url, url, Settings(), load(None))
    assert report.rules is not None
    assert report.rules.replayed > 20, "the log behind the checkpoints"
    assert report.rules.late >= 1
    assert {"pending", "firing", "clearing"} <= set(report.rules.episodes)
    assert report.rules.shown_at == from_ms(START_MS + CUT * MINUTE_MS)
    assert [one for one in report.tables if one.source != one.target] == []
    assert report.waiting_notices == len(waiting)
    with Database(url, size=4) as moved:
        assert difference(before, told(moved)) == ""
        with moved.transaction() as tx:
            assert saved_offsets(tx, READINGS) == dict.fromkeys(range(SHARDS), 0)
        there = Partitions(moved)
        assert there.told_again() == [], "what was told before the move opens nothing"
        assert difference(before, told(moved)) == ""
        there.live(CUT + 1, END)
        same_as(twin, moved)
        assert set(waiting) <= {one.id for one in there.mail.sent} | {row["id"] for row in rows(moved, "SELECT id FROM outbox")}
    assert [row["id"] for row in rows(city.db, "SELECT id FROM outbox WHERE state = 'waiting'")] == waiting


def test_a_city_that_was_stopped_goes_on_through_kafka(twin: Database, bases: Bases, kafka_url: str) -> None:
    city = Embedded(bases.city("stopped"))
    city.live(0, CUT)
    city.stop()
    url = bases.url("kafka")
    settings = Settings(kafka_url=kafka_url, kafka_prefix="moved.", database_url=url, http_port=0, canary_s=0)
    admin.apply(settings)
    # bridges signed up at the broker while the city was still here: what they wrote is known, and must not be judged again
    producer = Producer(settings, "sign-up")
    with city.db.transaction() as tx:
        early = readings.archive_of(tx, "mh-6", from_ms(START_MS + 58 * MINUTE_MS))
    assert early
    tick = Tick(START_MS + 58 * MINUTE_MS, START_MS, "early")
    for number in range(SHARDS):
        batch = Batch(early if number == shard_of("mh-6") else (), tick)
        delivered([producer.send(READINGS, encode(batch), partition=number)])
    producer.close()
    report = move(city.db.url, url, settings, load(None))
    assert report.rules is not None
    assert report.rules.replayed == 0
    with Database(url, size=6) as moved:
        with moved.transaction() as tx:
            assert saved_offsets(tx, "moved." + READINGS) == dict.fromkeys(range(SHARDS), 1)
            saved = state_of(tx, "moved." + READINGS, 3)
        assert saved is not None
        with city.db.transaction() as tx:
            assert tx.one("SELECT state FROM checkpoints WHERE shard = 3") == {"state": saved.state}
        cluster.run(Script(ASSETS, STORY.moments[CUT + 1 :]), moved, settings)
        same_as(twin, moved)


def test_every_table_of_the_schema_has_its_place(db: Database) -> None:
    names = [row["name"] for row in rows(db, "SELECT tablename AS name FROM pg_tables WHERE schemaname = 'public'")]
    partitions = [row["name"] for row in rows(db, "SELECT inhrelid::regclass::text AS name FROM pg_inherits")]
    known = [*carrying.CITY, *carrying.HISTORY, carrying.STALE, *carrying.TURNED, *carrying.SIDE]
    assert len(known) == len(set(known))
    # that of TimescaleDB's jobs is not in a plain database
    assert {*names} - {*partitions} == {*known} - {"archive_jobs"}


def test_numbers_go_on_behind_the_last_one(bases: Bases) -> None:
    city = Embedded(bases.city("numbers"))
    city.live(0, CUT)
    with city.db.transaction() as tx:
        # a number that was given to an order which is not there
        last = tx.one("SELECT nextval(pg_get_serial_sequence('orders', 'number')) AS n")
    city.stop()
    url = bases.url("go_on")
    move(city.db.url, url, Settings(), load(None))
    with Database(url, size=4) as moved:
        there = Partitions(moved)
        there.live(CUT + 1, CUT + 10)
        assert last is not None
        assert value(moved, "SELECT min(number) FROM orders WHERE dispatched_at > '2026-06-12 05:00:30+00'") == last["n"] + 1
        for table, column in (("alert_events", "seq"), ("order_events", "seq"), ("deliveries", "seq"), ("quarantine", "id")):
            before = value(city.db, f"SELECT max({column}) FROM {table}") or 0
            known = value(moved, f"SELECT count(*) FROM {table} WHERE {column} <= {before}")
            assert known == value(city.db, f"SELECT count(*) FROM {table}")


def test_sums_and_what_is_stale_come_along(bases: Bases) -> None:
    city = bases.city("sums")
    many_readings(city, 2000)
    refresh(city, from_ms(START_MS) + timedelta(days=30), patience_s=60)
    with city.transaction() as tx:
        tx.run("INSERT INTO readings_stale (asset, hour) VALUES ('mh-1', '2026-06-20 12:00+00')")
    url = bases.url("sums_there")
    report = move(city.url, url, Settings(), load(None))
    found = {one.table: one.target for one in report.tables}
    assert found["summary_1h"] >= found["summary_1d"] > 1000
    query = "SELECT asset, measure, bucket, n, avg, min, max, last FROM readings_1d ORDER BY 1, 2, 3"
    with Database(url, size=2) as moved:
        assert rows(moved, query) == rows(city, query)
        state = "SELECT kind, promised_to, done_to FROM archive_state"
        assert rows(moved, state) == rows(city, state)
