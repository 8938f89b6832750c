"""`citybrain ingest` between a real mosquitto and a real Kafka: nothing is lost, whatever is killed."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from kafka import KafkaConsumer, TopicPartition

from citybrain.clock import SystemClock
from citybrain.config import Settings
from citybrain.kernel.ids import SHARDS, shard_of
from citybrain.kernel.model import Asset
from citybrain.runtime.flood import KINDS, Options, asset_id
from citybrain.runtime.process import child_environment
from citybrain.topics import admin
from citybrain.topics.headers import value_of
from citybrain.topics.producer import Producer
from citybrain.topics.publisher import publish_register
from citybrain.topics.records import Batch, Tick, decode
from citybrain.topics.spec import READINGS, REJECTED
from tests.cluster_kit import Process, services, settings, wait_until
from tests.servers.kafka import KafkaCluster
from tests.servers.mosquitto import Mosquitto

pytestmark = pytest.mark.live
ASSETS = 60


@pytest.fixture
def given(kafka_url: str, mosquitto_url: str) -> Settings:
    """A city with its topics and its register, without bridges."""
    return _city(kafka_url, mosquitto_url)


def _city(kafka_url: str, mosquitto_url: str) -> Settings:
    found = settings(kafka_url, "postgresql://127.0.0.1/nobody", mqtt_url=mosquitto_url, canary_s=0)
    admin.apply(found)
    producer = Producer(found, "test")
    # half of what will send: the others make themselves known
    known = [Asset(asset_id(number), KINDS[number % len(KINDS)]) for number in range(0, ASSETS, 2)]
    publish_register(producer, version=1, assets=known, devices={}, source="test", at=SystemClock().now())
    producer.close()
    return found


def _bridge(given: Settings, folder: Path, name: str) -> Process:
    return Process(["ingest"], given, folder, CITYBRAIN_SERVICE_ID=name)


@contextmanager
def _flood(given: Settings, seconds: float, rate: float, **more: Any) -> Iterator[dict[str, Any]]:
    """A publisher in a process of its own; its report is in the dictionary when the block is left."""
    url = urlsplit(given.mqtt_url or "")
    assert url.hostname is not None
    assert url.port is not None
    options = Options(
        url.hostname, url.port, given.city, assets=ASSETS, seconds=seconds, rate=rate, faults_per_s=0, window=100, **more
    )
    process = subprocess.Popen(
        [sys.executable, "-m", "citybrain.runtime.flood", json.dumps(asdict(options))],
        env=child_environment(), stdin=subprocess.PIPE, stdout=subprocess.PIPE,
    )  # fmt: skip
    report: dict[str, Any] = {}
    try:
        yield report
        out, _ = process.communicate(timeout=60)
        report.update(json.loads(out))
    finally:
        process.kill()
        process.communicate()


def _records(given: Settings, topic: str) -> list[Any]:
    """Every record of a topic, partition by partition."""
    consumer = KafkaConsumer(
        bootstrap_servers=(given.kafka_url or "").removeprefix("kafka://"),
        enable_auto_commit=False,
        auto_offset_reset="earliest",
    )
    name = given.kafka_prefix + topic
    places = [TopicPartition(name, number) for number in sorted(consumer.partitions_for_topic(name))]
    consumer.assign(places)
    ends = consumer.end_offsets(places)
    found = []
    while any(consumer.position(place) < ends[place] for place in places):
        for records in consumer.poll(200).values():
            found += records
    consumer.close()
    return sorted(found, key=lambda record: (record.partition, record.offset))


def _batches(given: Settings) -> list[tuple[int, Batch]]:
    return [(record.partition, decode(record.value)) for record in _records(given, READINGS)]


def _seqs(given: Settings) -> Counter[int]:
    """How often each number is in the topic."""
    return Counter(reading.seq for _, batch in _batches(given) for reading in batch.readings if reading.seq is not None)


def _metric(bridge: Process, name: str) -> float:
    lines = bridge.get("/metrics").text.splitlines()
    return sum(float(line.rsplit(" ", 1)[1]) for line in lines if line.startswith((f"{name} ", f"{name}{{")))


def _wait_for(given: Settings, last_seq: int, wait_s: float = 40) -> Counter[int]:
    """Wait until every number up to `last_seq` is in the topic."""
    found: Counter[int] = Counter()

    def all_there() -> bool:
        found.clear()
        found.update(_seqs(given))
        return len(found) >= last_seq

    wait_until(all_there, wait_s, f"{last_seq} readings in Kafka")
    assert sorted(found) == list(range(1, last_seq + 1))
    return found


def test_messages_become_records_and_ticks_follow_them(given: Settings, tmp_path: Path) -> None:
    bridge = _bridge(given, tmp_path, "b1")
    with services(bridge):
        wait_until(bridge.ready, 30, "ready")
        with _flood(given, 3, 300) as report:
            pass
        assert report["unacked"] == []
        found = _wait_for(given, report["last_seq"])
        assert set(found.values()) == {1}
        with _flood(given, 1, 4000, pack=100, first_seq=report["last_seq"] + 1, client="gateway-7") as packed:
            pass
        assert packed["last_seq"] - report["last_seq"] >= 1000
        _wait_for(given, packed["last_seq"])
        wait_until(lambda: _metric(bridge, "citybrain_kafka_in_flight_records") == 0, 10, "all acknowledged")
        assert _metric(bridge, "citybrain_ingest_messages_total") == report["acked"] + packed["acked"]
        assert _metric(bridge, "citybrain_kafka_ack_duration_seconds_count") > 0
        assert 0 < _metric(bridge, "citybrain_tick_lag_seconds") < 5
        time.sleep(1.2)
        assert bridge.stop() == 0
    batches = _batches(given)
    introduced: dict[str, int] = {}
    ticks: dict[int, list[Tick]] = {}
    for partition, batch in batches:
        for asset in batch.assets:
            assert asset.provisional
            assert shard_of(asset.id) == partition
            introduced.setdefault(asset.id, partition)
        for reading in batch.readings:
            assert shard_of(reading.asset) == partition
            number = int(reading.asset[1:])
            assert number % 2 == 0 or reading.asset in introduced, "a stranger's asset comes with or before its reading"
        if batch.tick is not None:
            assert not ticks.get(partition) or batch.tick.at_ms >= ticks[partition][-1].at_ms
            ticks.setdefault(partition, []).append(batch.tick)
    assert len(introduced) == ASSETS // 2
    assert set(ticks) == set(range(SHARDS))
    assert all(len(mine) >= 4 and {tick.bridge for tick in mine} == {"b1"} for mine in ticks.values())
    assert [[tick.leaving for tick in mine].index(True) for mine in ticks.values()] == [
        len(mine) - 1 for mine in ticks.values()
    ]


def test_what_cannot_be_read_is_kept_with_its_reason(given: Settings, tmp_path: Path) -> None:
    import paho.mqtt.client as mqtt
    from paho.mqtt.enums import CallbackAPIVersion

    bridge = _bridge(given, tmp_path, "b1")
    url = urlsplit(given.mqtt_url or "")
    with services(bridge):
        wait_until(bridge.ready, 30, "ready")
        client = mqtt.Client(CallbackAPIVersion.VERSION2)
        client.connect(str(url.hostname), url.port or 0)
        client.loop_start()
        bad = "city/demo/drain/D-1/telemetry"
        pack = "city/demo/gateway/G-1/pack"
        for topic, payload in (
            (bad, b"\xff\xfe"),
            (pack, b'{"readings":[{"asset":"Q"},{"asset":"D-2","kind":"drain","seq":1,"values":{"level_mm":1}}]}'),
        ):
            client.publish(topic, payload, qos=1).wait_for_publish(10)
        client.disconnect()
        client.loop_stop()
        _wait_for(given, 1)
        wait_until(lambda: len(_records(given, REJECTED)) == 2, 10, "two refused")
        assert _metric(bridge, "citybrain_quarantine_messages_total") == 2
        wait_until(lambda: _metric(bridge, "citybrain_kafka_in_flight_records") == 0, 10, "all acknowledged")
    found = {value_of(record.headers, "topic"): record for record in _records(given, REJECTED)}
    assert found[bad].value == b"\xff\xfe"
    assert value_of(found[bad].headers, "reason") == "not_utf8"
    assert value_of(found[bad].headers, "content-type") == "application/octet-stream"
    assert found[pack].value == b'{"readings":[{"asset":"Q"}]}'
    assert value_of(found[pack].headers, "detail") == "reading 0 of 2: kind: the register does not know Q"


def test_one_of_two_bridges_is_killed_and_the_other_asked_to_end(given: Settings, tmp_path: Path) -> None:
    bridges = [_bridge(given, tmp_path, name) for name in ("b1", "b2")]
    with services(*bridges):
        wait_until(lambda: all(bridge.ready() for bridge in bridges), 30, "ready")
        with _flood(given, 6, 1000) as report:
            time.sleep(2)
            bridges[0].kill()
            time.sleep(1)
            bridges[0].start()
            time.sleep(1)
            assert bridges[1].stop() == 0
            bridges[1].start()
        assert report["unacked"] == []
        _wait_for(given, report["last_seq"])
        assert min(_metric(bridge, "citybrain_ingest_messages_total") for bridge in bridges) > 100, "both get a share"


def test_while_kafka_is_away_nothing_is_acknowledged_and_nothing_is_lost(tmp_path: Path) -> None:
    with Mosquitto() as broker, KafkaCluster() as kafka:
        given = _city(kafka.url, broker.url)
        bridge = _bridge(given, tmp_path, "b1")
        with services(bridge):
            wait_until(bridge.ready, 30, "ready")
            with _flood(given, 1, 200) as first:
                pass
            _wait_for(given, first["last_seq"])
            pid = bridge.pid
            # a short absence: the same process goes on
            kafka.kill()
            with _flood(given, 1, 200, first_seq=first["last_seq"] + 1) as second:
                pass
            assert second["unacked"] == [], "the broker takes them all the while"
            kafka.restart()
            _wait_for(given, second["last_seq"])
            assert bridge.pid == pid
            # a longer one, in which the bridge dies: what it had taken was not acknowledged
            wait_until(lambda: _metric(bridge, "citybrain_kafka_in_flight_records") == 0, 10, "all acknowledged")
            kafka.kill()
            before = _metric(bridge, "citybrain_kafka_ack_duration_seconds_count")
            with _flood(given, 1, 200, first_seq=second["last_seq"] + 1) as third:
                pass
            taken = first["acked"] + second["acked"] + third["acked"]
            wait_until(lambda: _metric(bridge, "citybrain_ingest_messages_total") == taken, 10, "taken")
            assert _metric(bridge, "citybrain_kafka_ack_duration_seconds_count") == before
            bridge.kill()
            kafka.restart()
            bridge.start()
            _wait_for(given, third["last_seq"])
            # only what was under way comes twice
            assert sum(_seqs(given).values()) <= third["last_seq"] + third["acked"] + second["acked"]
            assert bridge.stop() == 0
