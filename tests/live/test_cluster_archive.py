"""`citybrain archive` between a real Kafka and a real database: every reading once, whatever dies in the middle."""

from __future__ import annotations

import random
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from citybrain.config import Settings
from citybrain.kernel.ids import SHARDS, shard_of
from citybrain.kernel.model import Asset, Device, Reading
from citybrain.kernel.times import from_ms
from citybrain.store import quarantine, readings
from citybrain.store import register as register_store
from citybrain.store.db import Database, Row
from citybrain.store.migrate import migrate
from citybrain.store.positions import positions, save_positions
from citybrain.topics.producer import Producer, delivered
from citybrain.topics.records import Batch, Tick, encode
from citybrain.topics.rejecting import reject
from citybrain.topics.spec import READINGS, REJECTED
from tests import cluster_kit as kit
from tests.cluster_kit import (
    NOW_MS,
    Process,
    city_topics,
    counters,
    own_postgres,
    reading,
    services,
    stored,
    wait_until,
    write_readings,
)

pytestmark = pytest.mark.live


@pytest.fixture
def city(kafka_url: str, db_url: str) -> Iterator[Settings]:
    with city_topics(kit.settings(kafka_url, db_url)) as given:
        yield given


@pytest.fixture
def producer(city: Settings) -> Iterator[Producer]:
    """As bridges have one."""
    one = Producer(city, "tests")
    yield one
    one.close()


def day(assets: int, each: int, start: int = 0) -> list[Reading]:
    """Readings of many covers."""
    return [reading(f"mh-{asset}", n) for n in range(start, start + each) for asset in range(assets)]


def done(db: Database, city: Settings) -> bool:
    return kit.behind(db, city, "archive", READINGS) == 0 and kit.behind(db, city, "archive", REJECTED) == 0


def kept(db: Database) -> list[Row]:
    with db.transaction() as tx:
        return quarantine.find(tx)


def test_readings_provisional_assets_and_rejected_messages_are_stored_once(
    city: Settings, db: Database, producer: Producer, tmp_path: Path
) -> None:
    first = reading("mh-new", 1)
    born = Batch([first], Tick(NOW_MS, NOW_MS, "b1"), [Asset("mh-new", "manhole", lat=31.0, lon=120.0, provisional=True)],
                 [Device("dev-mh-new", "mh-new", "canonical")])  # fmt: skip
    rain = Batch([reading("rg-1", 1, "rain_gauge", rain_mm=2.5)])
    one = Process(["archive"], city, tmp_path)
    with services(one):
        for _ in range(2):
            delivered([producer.send(READINGS, encode(born), partition=shard_of("mh-new"))])
            # rain is context for all partitions, and kept once
            delivered([producer.send(READINGS, encode(rain), partition=shard) for shard in range(SHARDS)])
            write_readings(producer, day(20, 50))
            delivered(
                [reject(producer, partition=0, topic="city/demo/x", payload=b"{", reason="not_json", detail="why", source="t",
                        at=from_ms(NOW_MS))]
            )  # fmt: skip
            wait_until(lambda: done(db, city), 40, "everything is taken")
            assert stored(db) == 1002
        assert counters(db) == {"messages": 2006, "stored": 1002, "duplicates": 1002, "quarantined": 2}
        (bad,) = kept(db)
        assert (bad["topic"], bad["reason"], bad["detail"], bad["seen"]) == ("city/demo/x", "not_json", "why", 2)
        with db.transaction() as tx:
            register = register_store.load_register(tx)
            assert readings.archive_of(tx, "mh-new", from_ms(0)) == [first]
        assert register.assets["mh-new"].provisional
        assert register.devices["dev-mh-new"][0].asset == "mh-new"
        ready = one.get("/readyz").json()
        assert ready["ready"], ready
        assert 'citybrain_readings_total{fate="fresh"} 1002.0' in one.get("/metrics").text
        assert one.stop() == 0


def test_a_record_that_cannot_be_read_or_written_stops_nobody(
    city: Settings, db: Database, producer: Producer, tmp_path: Path
) -> None:
    good = day(10, 10)
    nul, typeless = reading("mh-1", 900, note="a\x00b"), reading("mh-1", 901)._replace(observed_ms="soon")
    mixed = Batch([good[0], nul, typeless, good[10]], devices=[Device("dev-9", "no-such-asset")])
    delivered([producer.send(READINGS, value, key=b"x", partition=5) for value in (b"no JSON", b'{"v": 7}', None, b"[]")])
    delivered([producer.send(READINGS, encode(mixed), partition=shard_of("mh-0"))])
    write_readings(producer, good)
    one = Process(["archive"], city, tmp_path)
    with services(one):
        wait_until(lambda: done(db, city), 40, "everything is taken")
        assert stored(db) == 100
        found = {(row["topic"], row["reason"]) for row in kept(db)}
        assert {("readings/5/0", "bad_record"), ("readings/5/1", "bad_record"), ("readings/5/3", "bad_record")} <= found
        assert ("reading/mh-1", "bad_record") in found
        assert ("device/dev-9", "bad_record") in found
        assert one.stop() == 0


@pytest.mark.parametrize("seed", [1, *(pytest.param(seed, marks=pytest.mark.soak) for seed in range(2, 12))])
def test_killed_at_random_moments_nothing_is_doubled_and_nothing_lost(
    city: Settings, db: Database, producer: Producer, tmp_path: Path, seed: int
) -> None:
    chance = random.Random(seed)
    both = [Process(["archive"], city, tmp_path, CITYBRAIN_SERVICE_ID=name) for name in ("one", "two")]
    with services(*both):
        wait_until(lambda: both[0].ready() and both[1].ready(), 40, "both are ready")
        kills, given = 0, 0
        for turn in range(40):
            write_readings(producer, day(100, 10, turn * 10))
            given += 1000
            time.sleep(chance.uniform(0.02, 0.2))
            if chance.random() < 0.12:
                chance.choice(both).kill()
                kills += 1
            for one in both:
                one.ensure()
        assert kills >= 2
        took = wait_until(lambda: done(db, city), 40, "everything is taken")
        assert stored(db) == given
        # counted in the transaction of the readings: not one was taken twice
        assert counters(db) == {"messages": given, "stored": given}
        print(f"seed {seed}: {kills} kills, done {took:.1f} s after the last reading")
        assert [one.stop() for one in both] == [0, 0]


def test_one_that_was_stopped_longer_than_its_group_waits_doubles_nothing(
    city: Settings, db: Database, producer: Producer, tmp_path: Path
) -> None:
    zombie, heir = (Process(["archive"], city, tmp_path, CITYBRAIN_SERVICE_ID=name) for name in ("zombie", "heir"))
    with services(zombie, heir):
        wait_until(lambda: zombie.ready() and heir.ready(), 40, "both are ready")
        given = 0
        for turn in range(8):
            write_readings(producer, day(200, 50, turn * 50))
            given += 10_000
            if turn == 4:
                wait_until(lambda: stored(db) > 5000, 20, "the archive is at work")
                zombie.send(signal.SIGSTOP)
        wait_until(lambda: done(db, city), 40, "the other one takes its partitions over")
        zombie.send(signal.SIGCONT)
        write_readings(producer, day(200, 50, 400))
        given += 10_000
        wait_until(lambda: zombie.ready() and done(db, city), 40, "the stopped one is back")
        assert stored(db) == given
        assert counters(db) == {"messages": given, "stored": given}


def test_a_database_that_goes_away_and_positions_that_mean_nothing_any_more(kafka_url: str, tmp_path: Path) -> None:
    with own_postgres() as (server, url):
        with Database(url, size=1) as db:
            migrate(db)
        with city_topics(kit.settings(kafka_url, url)) as given:
            producer, one = Producer(given, "tests"), Process(["archive"], given, tmp_path)
            with Database(url, size=1) as db, db.transaction() as tx:
                # of a topic that was deleted and made anew
                save_positions(tx, "archive", given.kafka_prefix + READINGS, dict.fromkeys(range(SHARDS), 10_000))
            with services(one):
                wait_until(one.ready, 40, "it is ready")
                write_readings(producer, day(50, 20))
                wait_until(lambda: "reading it all" in one.text(), 20, "it notices")
                with Database(url, size=1) as db:
                    wait_until(lambda: done(db, given), 20, "the first ones are there")
                server.stop()
                write_readings(producer, day(50, 20, 20))
                wait_until(lambda: not one.get("/readyz").json()["checks"]["records"]["ok"], 20, "it says that it waits")
                time.sleep(2)
                assert one.process is not None
                assert one.process.poll() is None, "it waits and does not end"
                assert server.start() == url
                with Database(url, size=1) as db:
                    took = wait_until(lambda: done(db, given), 15, "it goes on")
                    assert stored(db) == 2000
                    assert counters(db) == {"messages": 2000, "stored": 2000}
                    with db.transaction() as tx:
                        assert max(positions(tx, "archive", given.kafka_prefix + READINGS).values()) < 10_000
                print(f"goes on {took:.1f} s after the database")
                assert one.stop() == 0
            producer.close()
