"""`citybrain archive`: readings into the archive, refused messages into quarantine. Detection does not wait for it."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Collection, Sequence
from functools import partial
from typing import NamedTuple

from citybrain import clock as clocks
from citybrain.clock import Clock, real_ms
from citybrain.config import Settings
from citybrain.kernel import canary
from citybrain.kernel.errors import PayloadError
from citybrain.kernel.ids import shard_of
from citybrain.kernel.model import Asset, Device, Kind, Reading
from citybrain.metrics import Metrics
from citybrain.runtime.cluster.drain import Drain
from citybrain.runtime.cluster.service import Service
from citybrain.runtime.cluster.watching import database_url, prepare, tell, watch
from citybrain.store import quarantine, readings
from citybrain.store import register as register_store
from citybrain.store.counters import count
from citybrain.store.db import Tx
from citybrain.store.link import Link, check_at_once, refuses
from citybrain.topics.consumer import Consumer, Place, Record
from citybrain.topics.headers import value_of
from citybrain.topics.records import decode
from citybrain.topics.spec import READINGS, REJECTED
from citybrain.tracing import NoSpans, Spans, open_spans
from ingest.quarantine import REASONS

NAME = "archive"
GATHER_MS = 250
"""The archive is in no hurry: it lets so much time pass between two transactions, and leaves the processor to the rules."""
MOST_RECORDS = 200
"""of one transaction: at most 100,000 readings"""

Rejected = tuple[str, bytes, str, str]
"""topic, bytes, reason, detail"""


class Unpacked(NamedTuple):
    """What some records hold."""

    readings: list[Reading]
    rejected: list[Rejected]
    assets: dict[str, Asset]
    devices: list[Device]
    canaries: list[int]
    """when test messages were sent that came this far (machine ms); they are not kept"""


class Archived(NamedTuple):
    """What became of some records."""

    readings: int
    stored: int
    rejected: Sequence[Rejected]
    seconds: float
    canaries: Sequence[int] = ()


def unpack(records: Sequence[Record], prefix: str = "") -> Unpacked:
    """PURE: readings, refused messages and what made itself known; a record that cannot be read is a refused message.

    `prefix` is that of the topics' names.
    """
    found = Unpacked([], [], {}, [], [])
    for record in records:
        if record.topic == prefix + REJECTED:
            words = [value_of(record.headers, name) for name in ("topic", "reason", "detail")]
            found.rejected.append((words[0] or where(record, prefix), record.value, words[1] or "internal", words[2]))
            continue
        try:
            batch = decode(record.value)
        except PayloadError as error:
            found.rejected.append((where(record, prefix), record.value, error.reason, error.detail))
            continue
        # rain is context for the rules of every partition; it is kept once
        found.readings.extend(
            reading
            for reading in batch.readings
            if (reading.kind != Kind.RAIN_GAUGE or shard_of(reading.asset) == record.partition)
            and not canary.is_canary(reading)
        )
        if record.partition == canary.SHARD and (sent_ms := canary.newest_ms(batch.readings)) is not None:
            found.canaries.append(sent_ms)
        found.assets.update((asset.id, asset) for asset in batch.assets)
        found.devices.extend(batch.devices)
    return found


def where(record: Record, prefix: str) -> str:
    """The place of a record, as the topic of a quarantined message. The rules name it alike when they cannot read it."""
    return f"{record.topic.removeprefix(prefix)}/{record.partition}/{record.offset}"


class Archive:
    """What the archive makes of records (see `drain.Work`)."""

    def __init__(self, settings: Settings, clock: Clock, metrics: Metrics, spans: Spans | None = None) -> None:
        self._clock, self._metrics, self._spans = clock, metrics, spans or NoSpans()
        self._prefix = settings.kafka_prefix

    def too_early(self, tx: Tx, records: Sequence[Record]) -> Collection[Place]:
        """Nothing is ever too early for an archive."""
        return ()

    def write(self, tx: Tx, records: Sequence[Record]) -> Archived:
        """Readings, quarantine, provisional assets, counters."""
        began = time.monotonic()
        found = unpack(records, self._prefix)
        register_store.add_provisional(tx, list(found.assets.values()), found.devices)
        stored = readings.add(tx, found.readings)
        counted = self._counted(tx, len(found.readings), stored, found.rejected, began)
        return counted._replace(canaries=found.canaries)

    def refuse(self, tx: Tx, record: Record, error: Exception) -> Archived:
        """Keep of a record what can be kept, one thing after the other; what cannot goes to quarantine."""
        began = time.monotonic()
        check_at_once(tx)
        found = unpack([record], self._prefix)
        rejected = list(found.rejected)

        def alone(topic: str, thing: Asset | Device | Reading, work: Callable[[], int | None]) -> int:
            try:
                with tx.within():
                    return work() or 0
            except Exception as error:
                if not refuses(error):
                    raise
                rejected.append((topic, repr(thing).encode("utf-8", "replace"), "bad_record", str(error)))
                return 0

        for asset in found.assets.values():
            alone(f"asset/{asset.id}", asset, partial(register_store.add_provisional, tx, [asset], []))
        for device in found.devices:
            alone(f"device/{device.id}", device, partial(register_store.add_provisional, tx, [], [device]))
        stored = sum(alone(f"reading/{one.asset}", one, partial(readings.add, tx, [one])) for one in found.readings)
        if not rejected:
            # nothing of it is bad alone: two things in it must contradict each other
            rejected = [(where(record, self._prefix), record.value, "bad_record", str(error))]
        return self._counted(tx, len(found.readings), stored, rejected, began)

    def _counted(self, tx: Tx, given: int, stored: int, rejected: Sequence[Rejected], began: float) -> Archived:
        quarantine.add(tx, rejected, self._clock.now())
        # a bridge packs several messages into a record: here each reading counts as one
        bad = sum(topic.startswith("reading/") for topic, *_ in rejected)
        amounts = {
            "messages": given - bad + len(rejected),
            "stored": stored,
            "duplicates": given - bad - stored,
            "quarantined": len(rejected),
        }
        count(tx, amounts)
        return Archived(given - bad, stored, rejected, time.monotonic() - began)

    def done(self, result: Archived) -> None:
        """Count it in the metrics."""
        self._metrics.readings.labels("fresh").inc(result.stored)
        self._metrics.readings.labels("duplicate").inc(result.readings - result.stored)
        self._metrics.batch_seconds.observe(result.seconds)
        for _, _, reason, _ in result.rejected:
            self._metrics.quarantined.labels(reason if reason in REASONS else "internal").inc()
        for sent_ms in result.canaries:
            self._metrics.canary(NAME, sent_ms, real_ms())
        if self._spans.on:
            ended_ms = real_ms()
            self._spans.batch(NAME, ended_ms - int(1000 * result.seconds), ended_ms, items=result.readings)
        stage = self._metrics.stage(NAME)
        stage.worked(result.readings, result.seconds)
        if result.rejected:
            stage.failed(len(result.rejected))


def archive(settings: Settings) -> int:
    """Run the service until a signal; the exit code."""
    os.nice(settings.archive_nice)
    clock = clocks.parse(settings.clock)
    metrics = Metrics(stages=(NAME,), quarantine_reasons=REASONS)
    if settings.canary_s:
        metrics.expect_canary(NAME, real_ms())
    service = Service(NAME, settings, metrics)
    spans = open_spans(service.id, settings.otel_endpoint)
    prepare(settings)

    def consumer(drain: Drain[Archived]) -> Consumer:
        return Consumer(
            settings, group=NAME, topics=(READINGS, REJECTED), client_id=service.id, starts=drain.starts,
            restart=drain.restart, max_records=MOST_RECORDS, gather_ms=GATHER_MS,
        )  # fmt: skip

    drain = Drain(
        NAME, Link(database_url(settings), f"citybrain {service.id}"), consumer, Archive(settings, clock, metrics, spans)
    )
    watch(service, drain)

    def turn() -> None:
        drain.turn()
        tell(metrics, drain, NAME)

    def close() -> None:
        drain.close()
        spans.close()

    return service.run(turn, close)
