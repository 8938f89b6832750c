"""Two Faust workers on a real Kafka, one killed in the midst: they tell what the rules alone tell, and no more."""

from __future__ import annotations

import contextlib
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest
from kafka import KafkaAdminClient, KafkaConsumer, TopicPartition

from citybrain.clock import SystemClock
from citybrain.config import Settings, brokers
from citybrain.kernel.ids import SHARDS, shard_of
from citybrain.kernel.model import Asset, Kind, Reading
from citybrain.kernel.register import Register
from citybrain.runtime.broker import free_port
from citybrain.runtime.cluster.fleet import Fleet
from citybrain.runtime.cluster.publishing import rulebook_text
from citybrain.runtime.process import child_environment
from citybrain.store.db import Database
from citybrain.store.partitions import saved_offsets
from citybrain.topics import admin
from citybrain.topics.client import topic_name
from citybrain.topics.headers import headers, value_of
from citybrain.topics.producer import Producer, delivered
from citybrain.topics.publisher import publish_register, publish_rulebook
from citybrain.topics.records import Batch, Tick, decode, decode_alert, encode, encode_alert
from citybrain.topics.spec import ALERTS, READINGS, REJECTED, TOPICS
from rules.load import load
from rules.partition import Partition
from simulators.world import Options, World, demo
from tests.scenarios.world_run import reading_of

pytestmark = pytest.mark.live
START = datetime(2026, 3, 2, 15, tzinfo=UTC)
MINUTE_MS = 60_000


class Log:
    """Records of each partition, as bridges write them."""

    def __init__(self, settings: Settings) -> None:
        self.settings, self.records = settings, [list[bytes]() for _ in range(SHARDS)]
        self._producer, self._clock = Producer(settings, "test"), SystemClock()

    def write(self, number: int, value: bytes) -> None:
        """A record at the end of a partition."""
        self.records[number].append(value)

    def send(self, begin: list[int]) -> list[int]:
        """Everything written since `begin` (a length for each partition) goes into Kafka; the new lengths."""
        sendings = []
        for number, records in enumerate(self.records):
            for place in range(begin[number], len(records)):
                found = headers("readings", id=f"{number}-{place}", source="test", at=self._clock.now())
                sendings.append(self._producer.send(READINGS, records[place], partition=number, headers=found))
        delivered(sendings)
        return [len(records) for records in self.records]

    def publish(self, register: Register, rulebook: Path | None = None) -> None:
        """The register and the rulebook, as dispatch publishes them."""
        at = self._clock.now()
        publish_register(
            self._producer, version=1, assets=list(register.assets.values()), devices={}, source="test", at=at
        )  # fmt: skip
        text = rulebook_text(rulebook)
        assert text is not None
        publish_rulebook(self._producer, text, source="test", at=at)

    def topic(self, name: str) -> list[tuple[bytes, list[tuple[str, bytes]]]]:
        """Value and headers of all records of a topic."""
        consumer = KafkaConsumer(bootstrap_servers=brokers(self.settings.kafka_url or ""), enable_auto_commit=False)
        try:
            whole = topic_name(self.settings, name)
            places = [TopicPartition(whole, number) for number in sorted(consumer.partitions_for_topic(whole) or ())]
            consumer.assign(places)
            consumer.seek_to_beginning(*places)
            ends, found = consumer.end_offsets(places), []
            while any(consumer.position(place) < ends[place] for place in places):
                found += [(one.value, one.headers) for records in consumer.poll(200).values() for one in records]
            return found
        finally:
            consumer.close()


@contextmanager
def _workers(settings: Settings, folder: Path, count: int) -> Iterator[Fleet]:
    env = {
        "CITYBRAIN_KAFKA_URL": settings.kafka_url or "",
        "CITYBRAIN_KAFKA_PREFIX": settings.kafka_prefix,
        "CITYBRAIN_DATABASE_URL": settings.database_url or "",
        "CITYBRAIN_CHECKPOINT_S": "2",
    }
    fleet = Fleet(folder, {f"rules-{number}": "rules" for number in range(1, count + 1)}, env)
    try:
        yield fleet.start()
    finally:
        codes = fleet.stop()
    assert set(codes.values()) == {0}


def _written(log: Log) -> tuple[Register, list[bytes]]:
    """Six hours of a simulated city with faults, and the alerts that the rules alone tell of it."""
    world = World(9, 400, START, options=Options(late=0.0))
    world.inject(demo(9, world, START, 6))
    register = world.register()
    for _ in range(6 * 60):
        batches: list[list[Reading]] = [[] for _ in range(SHARDS)]
        for emission in world.advance(world.now_ms + MINUTE_MS):
            reading = reading_of(register, emission)
            for number in range(SHARDS) if reading.kind == Kind.RAIN_GAUGE else (shard_of(reading.asset),):
                batches[number].append(reading)
        for number, batch in enumerate(batches):
            # a tick never runs ahead of a reading under way: the simulated gateways hold a frame for some seconds at most
            log.write(number, encode(Batch(batch, Tick(world.now_ms - MINUTE_MS, world.now_ms, "test"))))
    book, expected = load(None), []
    for number, records in enumerate(log.records):
        part = Partition(number, book, register)
        expected += [encode_alert(one) for at, value in enumerate(records) for one in part.apply(at, decode(value)).alerts]
    return register, expected


def test_two_workers_tell_what_the_rules_tell_and_one_may_die(kafka_url: str, db: Database, tmp_path: Path) -> None:
    settings = Settings(kafka_url=kafka_url, kafka_prefix="workers.", database_url=db.url)
    admin.apply(settings)
    log = Log(settings)
    register, expected = _written(log)
    assert len(expected) > 20
    poisoned = shard_of("nobody")
    whole = [list(records) for records in log.records]
    log.records = [records[: len(records) // 2] for records in whole]
    log.publish(register)
    with _workers(settings, tmp_path / "log", 2) as fleet:
        done = log.send([0] * SHARDS)
        time.sleep(3)
        fleet.kill("rules-1")
        # what nobody can read is passed over, with its reason
        log.records = [[*log.records[number], *records[len(records) // 2 :]] for number, records in enumerate(whole)]
        log.records[poisoned].append(b"\x00 no record")
        done = log.send(done)
        deadline = time.monotonic() + 60
        whole_topic = topic_name(settings, READINGS)
        while time.monotonic() < deadline:
            with db.transaction() as tx:
                saved = saved_offsets(tx, whole_topic)
            if all(saved.get(number) == done[number] for number in range(SHARDS)):
                break
            time.sleep(0.2)
        assert {number: saved.get(number) for number in range(SHARDS)} == dict(enumerate(done))
    told = [value for value, _ in log.topic(ALERTS)]
    assert set(told) == set(expected), "byte for byte, whoever judged it and however often"
    (rejected,) = log.topic(REJECTED)
    assert rejected[0] == b"\x00 no record"
    assert value_of(rejected[1], "reason") == "bad_record"


def test_a_new_rulebook_and_a_new_asset_reach_a_worker_that_runs(kafka_url: str, db: Database, tmp_path: Path) -> None:
    settings = Settings(kafka_url=kafka_url, kafka_prefix="follow.", database_url=db.url)
    admin.apply(settings)
    log = Log(settings)
    log.publish(Register(assets={"MH-1": Asset("MH-1", "manhole", interval_s=3600)}))

    def tilted(asset: str, minute: int, tilt: float) -> bytes:
        at = 1_780_000_000_000 + minute * MINUTE_MS
        # the cover must lie so for five seconds
        tick = Tick(at + MINUTE_MS, at + MINUTE_MS, "test")
        return encode(Batch([Reading(asset, "manhole", asset, at, at, {"tilt_deg": tilt}, None, at)], tick))

    with _workers(settings, tmp_path / "log", 1):
        log.write(shard_of("MH-1"), tilted("MH-1", 0, 7.0))
        done = log.send([0] * SHARDS)
        time.sleep(1)
        assert log.topic(ALERTS) == [], "7 degrees are no open cover by the shipped rulebook"
        own = tmp_path / "rules.yml"
        own.write_text("MH-OPEN: {params: {raise: 6, clear: 3}}\n")
        log.publish(Register(assets={"MH-2": Asset("MH-2", "manhole", interval_s=3600)}), own)
        time.sleep(3)
        for asset in ("MH-1", "MH-2"):
            log.write(shard_of(asset), tilted(asset, 10, 7.0))
        log.send(done)
        deadline = time.monotonic() + 20
        while len(log.topic(ALERTS)) < 2 and time.monotonic() < deadline:
            time.sleep(0.3)
    alerts = [decode_alert(value).event for value, _ in log.topic(ALERTS)]
    assert sorted((one.asset, one.condition, one.change) for one in alerts) == [
        ("MH-1", "MH-OPEN", "raised"),
        ("MH-2", "MH-OPEN", "raised"),
    ]
    assert {one.rulebook for one in alerts} == {load(own).version} != {load(None).version}


def test_faust_starts_the_same_worker(kafka_url: str, db: Database, tmp_path: Path) -> None:
    settings = Settings(kafka_url=kafka_url, kafka_prefix="faust.", database_url=db.url)
    admin.apply(settings)
    Log(settings).publish(Register(assets={"MH-1": Asset("MH-1", "manhole", interval_s=3600)}))
    port = free_port()
    env = {
        "CITYBRAIN_KAFKA_URL": kafka_url,
        "CITYBRAIN_KAFKA_PREFIX": "faust.",
        "CITYBRAIN_DATABASE_URL": db.url,
        "CITYBRAIN_HTTP_PORT": str(port),
    }
    faust = Path(sys.executable).with_name("faust")
    with (tmp_path / "faust.log").open("wb") as output:
        worker = subprocess.Popen(
            [faust, "-A", "rules.faust_app", "worker", "--without-web"],
            cwd=tmp_path, env=child_environment(**env), stdout=output, stderr=output,
        )  # fmt: skip
    try:
        deadline = time.monotonic() + 40
        ready = 0
        while ready != 200 and time.monotonic() < deadline:
            time.sleep(0.3)
            with contextlib.suppress(httpx.TransportError):
                ready = httpx.get(f"http://127.0.0.1:{port}/readyz").status_code
        assert ready == 200, (tmp_path / "faust.log").read_text()
        worker.terminate()
        assert worker.wait(20) == 0
        assert [path.name for path in tmp_path.iterdir()] == ["faust.log"], "it leaves nothing behind"
    finally:
        worker.kill()


def test_topics_that_are_made_anew_are_judged_from_their_beginning(kafka_url: str, db: Database, tmp_path: Path) -> None:
    settings = Settings(kafka_url=kafka_url, kafka_prefix="anew.", database_url=db.url)
    register = Register(assets={"MH-1": Asset("MH-1", "manhole", interval_s=3600)})

    def flipped(minute: int, tilt: float) -> bytes:
        at = 1_780_000_000_000 + minute * MINUTE_MS
        return encode(Batch([Reading("MH-1", "manhole", "MH-1", at, at, {"tilt_deg": tilt}, None, at)]))

    for life, tilt in ((1, 0.5), (2, 120.0)):
        admin.apply(settings)
        log = Log(settings)
        log.publish(register)
        for minute in range(20 if life == 1 else 3):
            log.write(shard_of("MH-1"), flipped(minute + 60 * life, tilt))
        with _workers(settings, tmp_path / f"log-{life}", 1):
            log.send([0] * SHARDS)
            time.sleep(4)
        alerts = log.topic(ALERTS)
        if life == 1:
            assert alerts == []
            with KafkaAdminClient(bootstrap_servers=brokers(kafka_url)) as client:
                client.delete_topics([topic_name(settings, topic.name) for topic in TOPICS])
            time.sleep(2)
    assert [(event.condition, event.change) for event in (decode_alert(value).event for value, _ in alerts)] == [
        ("MH-FLIP", "raised"),
        ("MH-OPEN", "raised"),
    ]
