"""Kafka goes away from the services that read it: a cable is pulled, a broker is killed. Nothing is lost or doubled."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from citybrain.kernel.model import Asset
from citybrain.store import register as register_store
from citybrain.store.db import Database
from citybrain.topics.producer import Producer
from citybrain.topics.spec import ALERTS, READINGS
from tests import cluster_kit as kit
from tests.cluster_kit import Process, services, stored, wait_until
from tests.live.test_cluster_archive import day
from tests.live.test_cluster_dispatch import covers, orders
from tests.servers.kafka import KafkaCluster

pytestmark = pytest.mark.live
RECOVERY_S = 15.0


def test_a_cut_cable_and_a_killed_broker_are_waited_for(db: Database, db_url: str, tmp_path: Path) -> None:
    with db.transaction() as tx:
        register_store.save_assets(tx, [Asset(f"mh-{n}", "manhole") for n in range(300)])
    with KafkaCluster(routes=("services",)) as kafka, kit.city_topics(kit.settings(kafka.url, db_url)) as city:
        cable = kafka.routes["services"]
        behind_it = city.model_copy(update={"kafka_url": cable.url})
        both = [Process([name], behind_it, tmp_path) for name in ("archive", "dispatch")]
        producer = Producer(city, "tests")

        def done() -> bool:
            return not kit.behind(db, city, "archive", READINGS) and not kit.behind(db, city, "dispatch", ALERTS)

        with services(*both):
            wait_until(lambda: all(one.ready() for one in both), 40, "both are ready")
            kit.write_readings(producer, day(100, 10))
            kit.write_alerts(producer, covers(100))
            wait_until(done, 20, "the first ones are there")

            cable.cut("blackhole")
            kit.write_readings(producer, day(100, 10, 10))
            kit.write_alerts(producer, covers(100, 100))
            time.sleep(4)
            assert stored(db) == 1000
            cable.heal()
            print(f"{wait_until(done, RECOVERY_S, 'after the cable'):.1f} s after the cable")

            kafka.kill()
            wait_until(lambda: not any(one.ready() for one in both), 10, "they say that there is no Kafka")
            print(f"Kafka was ready again after {kafka.restart():.1f} s")
            again = Producer(city, "tests again")
            kit.write_readings(again, day(100, 10, 20))
            kit.write_alerts(again, covers(100, 200))
            print(f"{wait_until(done, RECOVERY_S, 'after the broker'):.1f} s after the broker")
            again.close()

            assert stored(db) == 3000
            assert {order["asset"] for order in orders(db)} == {f"mh-{n}" for n in range(300)}
            assert kit.counters(db) == {"messages": 3000, "stored": 3000, "orders": 300}
            wait_until(lambda: all(one.ready() for one in both), 20, "both are ready again")
            assert [one.stop() for one in both] == [0, 0]
        producer.close()
