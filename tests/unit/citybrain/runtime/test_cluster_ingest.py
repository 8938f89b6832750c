"""A bridge of the cluster between a broker and a Kafka that do as they are told: what is acknowledged, and what is held."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any

import orjson
import pytest

from citybrain.clock import SystemClock, real_ms
from citybrain.config import Settings
from citybrain.kernel import canary
from citybrain.kernel.ids import SHARDS, shard_of
from citybrain.kernel.model import Asset, Reading
from citybrain.kernel.register import Register
from citybrain.kernel.trace import trace_in, trace_of
from citybrain.metrics import Metrics
from citybrain.runtime.cluster import ingest as ingest_module
from citybrain.runtime.cluster.ingest import Ingest
from citybrain.runtime.cluster.outgoing import Outgoing
from citybrain.runtime.cluster.service import Service
from citybrain.runtime.process import Signals
from citybrain.topics.changes import Changed
from citybrain.topics.headers import value_of
from citybrain.topics.packing import Packed, Ticket
from citybrain.topics.records import Batch, decode
from ingest.bridge import Delivery
from ingest.decode import Decoder
from ingest.quarantine import NOTES, REASONS
from ingest.registry import load_profiles
from tests.hand import Hand

_PROFILES = load_profiles()


class Flags(Signals):
    def __init__(self) -> None:
        self.stop = False
        self._reload = False


class Sent:
    """A record that Kafka has not acknowledged yet."""

    def __init__(self, topic: str, value: bytes, partition: int, headers: Any) -> None:
        self.topic, self.value, self.partition, self.headers = topic, value, partition, headers
        self.done: Callable[[object], object] | None = None
        self.failed: Callable[[BaseException], object] | None = None

    def add_callback(self, f: Callable[..., object], *args: object) -> None:
        self.done = f

    def add_errback(self, f: Callable[..., object], *args: object) -> None:
        self.failed = f

    def get(self, timeout: float | None = None) -> object:
        raise NotImplementedError

    def safe(self) -> None:
        assert self.done is not None
        self.done(None)


class Kafka:
    """Takes records; acknowledges by itself when `quick`."""

    def __init__(self) -> None:
        self.sent: list[Sent] = []
        self.quick = False
        self.closed = False

    def send(self, topic: str, value: bytes, *, partition: int, headers: Any, key: bytes | None = None) -> Sent:
        one = Sent(topic, value, partition, headers)
        self.sent.append(one)
        if self.quick:
            one.add_callback = lambda f, *args: f(None)
        return one

    def close(self) -> None:
        self.closed = True

    def of(self, topic: str = "readings") -> list[Sent]:
        return [one for one in self.sent if one.topic == topic]

    def with_readings(self) -> list[Sent]:
        return [one for one in self.of() if decode(one.value).readings]

    def ticks(self) -> list[tuple[int, int, bool]]:
        found = [(one.partition, decode(one.value).tick) for one in self.of()]
        return [(partition, tick.at_ms, tick.leaving) for partition, tick in found if tick is not None]


class Source(Hand):
    """A broker's messages, as they are given to it."""

    def put(self, token: int, topic: str, payload: object, *, retained: bool = False) -> None:
        self.waiting.append(Delivery(token, topic, orjson.dumps(payload), 1, retained, False, real_ms()))


class Follower:
    """The register's topic, as it is told."""

    def __init__(self) -> None:
        self.published = 1
        self.changes: list[Changed] = []
        self.closed = False

    def poll(self, wait_s: float = 0.0) -> list[Changed]:
        found, self.changes = self.changes, []
        return found

    def close(self) -> None:
        self.closed = True


class World:
    def __init__(self, **given: Any) -> None:
        settings = Settings(http_port=0, service_id="b1", **{"pack_ms": 0, **given})
        self.kafka, self.source, self.follower, self.register = Kafka(), Source(), Follower(), Register()
        self.metrics = Metrics(stages=("ingest",), quarantine_reasons=REASONS, value_notes=NOTES)
        self.service = Service("ingest", settings, self.metrics, signals=Flags())
        decoder = Decoder(_PROFILES, self.register, city="demo", auto_register=True, max_future_s=600, max_age_s=366 * 86400)
        parts: tuple[Any, ...] = (self.source, decoder, self.follower, self.kafka, SystemClock())
        self.ingest = Ingest(self.service, *parts)

    def turn(self, times: int = 3) -> None:
        for _ in range(times):
            self.ingest.turn()

    def checks(self) -> dict[str, bool]:
        return {check.name: check.ok for check in self.service._checks()}


@pytest.fixture
def world() -> Iterator[World]:
    found = World()
    yield found
    found.service.health.stop()


def _telemetry(asset: str, **values: float) -> tuple[str, dict[str, Any]]:
    return f"city/demo/drain/{asset}/telemetry", {"ts": real_ms(), "values": values or {"level_mm": 5}}


def test_a_message_is_acknowledged_when_all_its_records_are_safe(world: World) -> None:
    readings = [{"asset": f"D-{n}", "kind": "drain", "ts": real_ms(), "values": {"level_mm": n}} for n in range(40)]
    world.source.put(1, "city/demo/gateway/G-1/pack", {"readings": [*readings, {"asset": "D-1"}]})
    world.turn()
    sent = world.kafka.with_readings() + world.kafka.of("rejected")
    assert sum(len(decode(one.value).readings) for one in world.kafka.of()) == 40
    assert all(decode(one.value).assets for one in world.kafka.with_readings())
    for one in sent:
        assert world.source.acked == []
        one.safe()
        world.turn(1)
    assert world.source.acked == [1]
    assert {name: world.register.assets[f"D-{n}"].provisional for n, name in [(7, "D-7")]} == {"D-7": True}
    # known from now on: nobody introduces it twice
    world.source.put(2, *_telemetry("D-7"))
    world.turn()
    assert not decode(world.kafka.with_readings()[-1].value).assets


def test_what_cannot_be_read_is_acknowledged_when_it_is_kept(world: World) -> None:
    topic, _ = _telemetry("D-1")
    world.source.put(1, topic, {"values": {}})
    world.source.put(2, "city/demo/drain/D-1/status", {})
    world.source.put(3, topic, {"values": {"level_mm": 1}}, retained=True)
    world.turn()
    (one,) = world.kafka.of("rejected")
    assert one.value == b'{"values":{}}'
    assert [value_of(one.headers, name) for name in ("topic", "reason", "detail")] == [topic, "no_values", '"values" is empty']
    assert abs(int(value_of(one.headers, "received_ms")) - real_ms()) < 60_000
    # a message that is no reading needs no record
    assert world.source.acked == [2, 3]
    one.safe()
    world.turn(1)
    assert world.source.acked == [2, 3, 1]
    assert world.metrics.registry.get_sample_value("citybrain_quarantine_messages_total", {"reason": "no_values"}) == 1


def test_records_say_what_they_are(world: World) -> None:
    world.source.put(1, *_telemetry("D-1"))
    world.turn()
    (one,) = world.kafka.with_readings()
    (reading,) = decode(one.value).readings
    assert one.partition == shard_of("D-1")
    assert value_of(one.headers, "ce_type") == "city.readings.v1"
    assert value_of(one.headers, "ce_source") == "citybrain/ingest/b1"
    trace = trace_of(reading.asset, reading.device, reading.observed_ms, reading.key)
    assert trace_in(value_of(one.headers, "traceparent")) == trace
    world.source.put(2, *_telemetry("D-1"))
    world.turn()
    ids = [value_of(sent.headers, "ce_id") for sent in world.kafka.of()]
    assert len(set(ids)) == len(ids)


def test_no_more_is_taken_than_may_be_under_way() -> None:
    world = World(queue_size=100, batch_size=60)
    for token in range(250):
        world.source.put(token, *_telemetry(f"D-{token}"))
    world.turn(5)
    assert len(world.source.waiting) == 150
    assert world.source.acked == []
    for one in world.kafka.with_readings():
        one.safe()
    world.turn(5)
    assert sorted(world.source.acked) == list(range(100))
    assert len(world.source.waiting) == 50
    world.service.health.stop()


def test_no_more_is_taken_than_fits_into_memory(monkeypatch: pytest.MonkeyPatch, world: World) -> None:
    monkeypatch.setattr(ingest_module, "MOST_BYTES", 100)
    world.source.put(1, *_telemetry("D-1"))
    world.turn()
    world.source.put(2, *_telemetry("D-2"))
    world.turn()
    assert len(world.source.waiting) == 1
    world.kafka.with_readings()[0].safe()
    world.turn()
    assert not world.source.waiting


def test_a_tick_follows_what_was_taken_and_does_not_pass_what_waits(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    now = time.monotonic()
    monkeypatch.setattr(time, "monotonic", lambda: now)
    world.kafka.quick = True
    world.turn(1)
    assert world.kafka.ticks() == []
    now += 2.0
    world.source.put(1, *_telemetry("D-1"))
    world.turn(1)
    ticks = world.kafka.ticks()
    assert [partition for partition, _, _ in ticks] == list(range(SHARDS))
    assert {leaving for _, _, leaving in ticks} == {False}
    of_shard = [one for one in world.kafka.of() if one.partition == shard_of("D-1")]
    order = [bool(decode(one.value).readings) for one in of_shard]
    assert order[0]
    assert decode(of_shard[-1].value).tick is not None
    # nothing can be taken: time stands still, but who says so is not gone
    monkeypatch.setattr(ingest_module, "MOST_BYTES", 0)
    now += 5.0
    world.turn(2)
    assert world.kafka.ticks()[SHARDS:] == ticks
    world.kafka.sent.clear()
    # and without a broker as well
    monkeypatch.setattr(ingest_module, "MOST_BYTES", 1 << 20)
    world.source.connected = False
    now += 5.0
    world.turn(2)
    assert world.kafka.ticks() == []
    assert world.checks()["mqtt"] is False


def test_at_the_end_all_is_handed_on_and_time_goes_on_without_us() -> None:
    world = World(pack_ms=1000)
    world.kafka.quick = True
    world.source.put(1, *_telemetry("D-1"))
    world.turn(1)
    assert world.kafka.with_readings() == []
    world.source.put(2, *_telemetry("D-2"))
    world.ingest.close()
    assert world.source.acked == [1]
    assert len(world.source.waiting) == 1, "nothing is taken at the end"
    assert len(world.kafka.with_readings()) == 1
    assert [leaving for _, _, leaving in world.kafka.ticks()] == [True] * SHARDS
    assert decode(world.kafka.of()[-1].value).tick is not None
    assert (world.source.stopped, world.kafka.closed, world.follower.closed) == (True, True, True)
    world.service.health.stop()


def test_a_record_that_kafka_does_not_take_ends_the_process(world: World, caplog: pytest.LogCaptureFixture) -> None:
    world.source.put(1, *_telemetry("D-1"))

    def turn() -> None:
        world.turn()
        failed = world.kafka.with_readings()[0].failed
        assert failed is not None
        failed(TimeoutError("after 30 s"))

    assert world.service.run(turn, world.ingest.close) == 1
    assert "Kafka did not take a record: TimeoutError: after 30 s" in caplog.text
    assert world.source.acked == []
    assert not world.source.stopped, "a hard end: the broker delivers again"


def test_it_waits_for_the_register_and_follows_it(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world.follower.published = -1
    world.source.put(1, *_telemetry("D-1", distance_mm=1000))
    world.turn()
    assert len(world.source.waiting) == 1
    assert world.checks()["register"] is False
    world.follower.changes = [Changed(7, asset=Asset("D-1", "drain", install_height_mm=3000)), Changed(7)]
    world.follower.published = 7
    monkeypatch.setattr(ingest_module, "FOLLOW_S", 0.0)
    world.ingest._follow_at = 0.0
    world.turn()
    assert world.checks()["register"] is True
    (one,) = world.kafka.with_readings()
    assert decode(one.value).readings[0].values == {"distance_mm": 1000, "level_mm": 2000}
    assert not decode(one.value).assets


def test_it_goes_on_when_nobody_publishes_a_register(
    world: World, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    world.follower.published = -1
    monkeypatch.setattr(ingest_module, "UNTOLD_S", -1.0)
    world.source.put(1, *_telemetry("D-1"))
    world.turn()
    assert len(world.kafka.with_readings()) == 1
    assert "topic register is empty" in caplog.text


def test_the_canary_travels_with_the_readings(world: World) -> None:
    payload = canary.message(real_ms() - 20, "ops")
    world.source.waiting.append(Delivery(1, canary.topic("demo"), payload, 1, False, False, real_ms()))
    world.turn()
    (one,) = world.kafka.with_readings()
    assert canary.is_canary(decode(one.value).readings[0])
    one.safe()
    world.turn(1)
    assert world.source.acked == [1]
    arrived = world.metrics.registry.get_sample_value("citybrain_canary_delay_seconds_count", {"stage": "ingest"})
    assert arrived == 1


def test_records_that_are_too_large_are_divided_and_a_giant_refused() -> None:
    kafka: Any = Kafka()
    metrics = Metrics(stages=("ingest",))
    failures: list[BaseException] = []
    outgoing = Outgoing(kafka, "x", SystemClock(), metrics, failures.append, most_record_bytes=400)
    readings = [Reading("D-1", "drain", "D-1", n, 5000, {"note": "x" * (10 if n else 500)}, n) for n in range(8)]
    ticket = outgoing.ticket(7)
    ticket.left += 1
    outgoing.send(Packed(3, Batch(readings), [ticket]))
    whole = [reading.seq for one in kafka.of() for reading in decode(one.value).readings]
    assert whole == list(range(1, 8))
    assert all(len(one.value) <= 400 for one in kafka.of())
    (giant,) = kafka.of("rejected")
    assert value_of(giant.headers, "reason") == "too_large"
    for one in kafka.sent:
        assert outgoing.settle() == []
        one.safe()
    assert outgoing.settle() == [7]
    assert (outgoing.records, outgoing.size, outgoing.messages) == (0, 0, 0)
    assert failures == []


def test_a_giant_message_is_cut_before_it_is_kept() -> None:
    kafka: Any = Kafka()
    outgoing = Outgoing(kafka, "x", SystemClock(), Metrics(stages=("ingest",)), lambda error: None)
    ticket = Ticket(1)
    outgoing.refuse(ticket, "a/b", b"x" * (3 << 20), "too_large", "3 MB", 5000)
    assert len(kafka.sent[0].value) == 1 << 20


def test_its_checks_know_a_silent_kafka(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world.source.put(1, *_telemetry("D-1"))
    world.turn()
    assert world.checks()["kafka"] is True
    monkeypatch.setattr(ingest_module, "SILENT_S", -1.0)
    assert world.checks()["kafka"] is False
