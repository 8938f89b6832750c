"""`citybrain dispatch` between a real Kafka and a real database: every alert once, whatever dies in the middle."""

from __future__ import annotations

import random
import signal
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from citybrain.clock import real_ms
from citybrain.config import Settings
from citybrain.kernel.events import AlertChange, AlertEvent
from citybrain.kernel.ids import alert_id
from citybrain.kernel.model import Asset, Unit
from citybrain.kernel.register import Responsibility
from citybrain.store import register as register_store
from citybrain.store import views
from citybrain.store.db import Database, Row
from citybrain.store.migrate import migrate
from citybrain.topics import admin
from citybrain.topics.producer import Producer, delivered
from citybrain.topics.records import Alert
from citybrain.topics.spec import ALERTS, REJECTED
from dispatch.ledger import read as read_ledger
from dispatch.ledger import verify
from tests.cluster_kit import Process, behind, city_topics, counters, own_postgres, services, settings, wait_until, write_alerts

pytestmark = pytest.mark.live


@pytest.fixture
def city(kafka_url: str, db_url: str, db: Database) -> Iterator[Settings]:
    """Covers, lamps of one cabinet, and their units."""
    with db.transaction() as tx:
        register_store.save_units(tx, [Unit("works", "Works", "工程", contacts=("log:works",))])
        lamps = [Asset(f"sl-{n}", "streetlight", district="d1", cabinet="cab-1", feeder="f-1") for n in range(60)]
        covers = [Asset(f"mh-{n}", "manhole", district="d1") for n in range(1000)]
        register_store.save_assets(tx, [Asset("cab-1", "cabinet", district="d1"), *lamps, *covers])
        register_store.save_responsibilities(tx, [Responsibility("all", "guardian", "works")])
    with city_topics(settings(kafka_url, db_url)) as given:
        yield given


@pytest.fixture
def producer(city: Settings) -> Iterator[Producer]:
    """As the rules have one."""
    one = Producer(city, "tests")
    yield one
    one.close()


def event(
    asset: str, condition: str, change: AlertChange, at_ms: int, kind: str = "manhole", onset_ms: int | None = None
) -> AlertEvent:
    onset = at_ms if onset_ms is None else onset_ms
    phase = "resolved" if change == AlertChange.RESOLVED else "firing"
    return AlertEvent(
        alert_id(asset, condition, onset), change, phase, asset, kind, condition, "critical", onset, at_ms, f"r_{change}", "x",
        end_ms=at_ms if phase == "resolved" else None,
    )  # fmt: skip


def covers(count: int, start: int = 0) -> list[Alert]:
    """A cover opens, each on an asset of its own, each with a trace of its own."""
    now = real_ms()
    return [
        Alert(event(f"mh-{n}", "MH-OPEN", AlertChange.RAISED, now - 1000), f"{n:032x}") for n in range(start, start + count)
    ]


def orders(db: Database, **filters: object) -> list[Row]:
    with db.transaction() as tx:
        return views.orders(tx, limit=2000, **filters)


def done(db: Database, city: Settings) -> bool:
    return behind(db, city, "dispatch", ALERTS) == 0


def test_alerts_become_orders_with_their_traces_and_the_service_ends_as_asked(
    city: Settings, db: Database, producer: Producer, tmp_path: Path
) -> None:
    one = Process(["dispatch"], city, tmp_path)
    with services(one):
        write_alerts(producer, covers(50))
        wait_until(lambda: done(db, city), 30, "everything is taken")
        found = orders(db)
        assert len(found) == 50
        assert {order["asset"] for order in found} == {f"mh-{n}" for n in range(50)}
        assert counters(db)["orders"] == 50
        assert one.get("/healthz").status_code == 200
        ready = one.get("/readyz").json()
        assert ready["ready"], ready
        assert set(ready["checks"]) == {"loop", "database", "kafka", "records", "lag", "cycle"}
        assert "citybrain_orders_opened_total 50.0" in one.get("/metrics").text
        assert f"[trace {7:032x}]" in one.text()
        # the same records again, as after a kill of the rules: nothing comes of them
        write_alerts(producer, covers(50))
        wait_until(lambda: done(db, city), 20, "everything is taken again")
        assert len(orders(db)) == 50
        assert one.stop() == 0
    assert "ended as asked" in one.text()
    wait_until(lambda: sum(admin.lag(city, "dispatch", ALERTS).values()) == 0, 5, "Kafka knows how far we were")


def dark(count: int) -> list[Alert]:
    """Lamps of one feeder go dark, in all partitions at once; then their cabinet says that it has tripped."""
    now = real_ms()
    lamps = [Alert(event(f"sl-{n}", "SL-OUT", AlertChange.RAISED, now - 500, "streetlight")) for n in range(count)]
    return [*lamps, Alert(event("cab-1", "CAB-TRIP", AlertChange.RAISED, now - 400, "cabinet"))]


def right(db: Database, count: int) -> None:
    """Each open cover has its order, the tripped cabinet has one for all its lamps, and there are no others."""
    found = orders(db)
    per_asset = Counter(order["asset"] for order in found)
    assert max(per_asset.values()) == 1, "an order was doubled"
    assert per_asset.keys() == {f"mh-{n}" for n in range(count)} | {"cab-1"}
    (trip,) = [order for order in found if order["asset"] == "cab-1"]
    assert trip["children"] == 60
    assert counters(db)["orders"] == count + 1
    with db.transaction() as tx:
        assert not verify(read_ledger(tx), {str(order["id"]): order["state"] for order in found})


def test_two_at_once_open_one_order_for_lamps_of_one_feeder_in_all_partitions(
    city: Settings, db: Database, producer: Producer, tmp_path: Path
) -> None:
    both = [Process(["dispatch"], city, tmp_path, CITYBRAIN_SERVICE_ID=name) for name in ("one", "two")]
    with services(*both):
        wait_until(lambda: all("4 partitions are ours" in one.get("/readyz").text for one in both), 40, "both have partitions")
        mixed = covers(300) + dark(60)
        random.Random(4).shuffle(mixed)
        write_alerts(producer, mixed)
        took = wait_until(lambda: done(db, city), 40, "everything is taken")
        right(db, 300)
        deadlocks = sum(one.text().count("40P01") for one in both)
        print(f"{len(mixed)} alerts by two dispatchers in {took:.1f} s, {deadlocks} deadlocks")


@pytest.mark.parametrize("seed", [1, *(pytest.param(seed, marks=pytest.mark.soak) for seed in range(2, 12))])
def test_killed_at_random_moments_nothing_is_doubled_and_nothing_lost(
    city: Settings, db: Database, producer: Producer, tmp_path: Path, seed: int
) -> None:
    chance = random.Random(seed)
    both = [Process(["dispatch"], city, tmp_path, CITYBRAIN_SERVICE_ID=name) for name in ("one", "two")]
    with services(*both):
        waiting = covers(700) + dark(60)
        chance.shuffle(waiting)
        wait_until(lambda: both[0].ready() and both[1].ready(), 40, "both are ready")
        batches = [waiting[start : start + 20] for start in range(0, len(waiting), 20)]
        kills = set(chance.sample(range(len(batches)), 6))
        for number, batch in enumerate(batches):
            write_alerts(producer, batch)
            time.sleep(chance.uniform(0.02, 0.15))
            if number in kills:
                chance.choice(both).kill()
            for one in both:
                one.ensure()
        took = wait_until(lambda: done(db, city), 40, "everything is taken")
        right(db, 700)
        print(f"seed {seed}: {len(kills)} kills, done {took:.1f} s after the last alert")
        assert [one.stop() for one in both] == [0, 0]


def test_one_that_was_stopped_longer_than_its_group_waits_doubles_nothing(
    city: Settings, db: Database, producer: Producer, tmp_path: Path
) -> None:
    zombie, heir = (Process(["dispatch"], city, tmp_path, CITYBRAIN_SERVICE_ID=name) for name in ("zombie", "heir"))
    with services(zombie, heir):
        wait_until(lambda: zombie.ready() and heir.ready(), 40, "both are ready")
        waiting = covers(400) + dark(60)
        write_alerts(producer, waiting[:200])
        zombie.send(signal.SIGSTOP)
        write_alerts(producer, waiting[200:])
        wait_until(lambda: done(db, city), 40, "the other one takes its partitions over")
        zombie.send(signal.SIGCONT)
        write_alerts(producer, waiting)
        wait_until(lambda: zombie.ready() and done(db, city), 40, "the stopped one is back")
        right(db, 400)


def test_records_that_cannot_be_read_or_written_are_rejected_and_stop_nobody(
    city: Settings, db: Database, producer: Producer, tmp_path: Path
) -> None:
    good = covers(8)
    bad = good[3]._replace(event=good[3].event._replace(id="no uuid"))
    delivered([producer.send(ALERTS, value, key=b"mh-1", partition=2) for value in (b"not JSON", b'{"v": 9}', None)])
    write_alerts(producer, [*good[:4], bad, *good[4:]])
    one = Process(["dispatch"], city, tmp_path)
    with services(one):
        wait_until(lambda: done(db, city), 40, "everything is taken")
        assert {order["asset"] for order in orders(db)} == {f"mh-{n}" for n in range(8)}
        assert sum(admin.end_offsets(city, REJECTED).values()) == 4
        assert 'citybrain_quarantine_messages_total{reason="bad_record"} 4.0' in one.get("/metrics").text
        assert one.stop() == 0


def test_a_database_that_goes_away_is_waited_for(kafka_url: str, tmp_path: Path) -> None:
    with own_postgres() as (server, url):
        with Database(url, size=2) as db:
            migrate(db)
            with db.transaction() as tx:
                register_store.save_assets(tx, [Asset(f"mh-{n}", "manhole") for n in range(100)])
        with city_topics(settings(kafka_url, url)) as given:
            producer, one = Producer(given, "tests"), Process(["dispatch"], given, tmp_path)
            with services(one):
                wait_until(one.ready, 40, "it is ready")
                write_alerts(producer, covers(50))
                server.stop()
                write_alerts(producer, covers(50, 50))
                wait_until(lambda: not one.get("/readyz").json()["checks"]["records"]["ok"], 20, "it says that it waits")
                time.sleep(3)
                assert one.process is not None
                assert one.process.poll() is None, "it waits and does not end"
                assert server.start() == url
                with Database(url, size=2) as db:
                    took = wait_until(lambda: done(db, given), 15, "it goes on")
                    assert len(orders(db)) == 100
                print(f"goes on {took:.1f} s after the database")
                wait_until(one.ready, 15, "it is ready again")
                assert one.stop() == 0
            producer.close()
