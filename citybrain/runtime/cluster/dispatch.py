"""`citybrain dispatch`: alerts to cases and orders; the cycle; and the register and rulebook that all others follow."""

from __future__ import annotations

import logging
import time
from collections.abc import Collection, Sequence
from typing import NamedTuple

from citybrain import clock as clocks
from citybrain.clock import Clock, real_ms
from citybrain.config import Settings
from citybrain.kernel import canary
from citybrain.kernel.errors import PayloadError
from citybrain.kernel.events import AlertChange, AlertEvent
from citybrain.kernel.ids import shard_of
from citybrain.kernel.times import from_ms
from citybrain.metrics import Metrics
from citybrain.runtime.city import City
from citybrain.runtime.cluster.drain import Drain
from citybrain.runtime.cluster.service import Service
from citybrain.runtime.cluster.sidelines import Sidelines
from citybrain.runtime.cluster.watching import database_url, prepare, tell, watch
from citybrain.store import stream
from citybrain.store.counters import count
from citybrain.store.db import Tx
from citybrain.store.link import Link
from citybrain.store.positions import TOLD, save_positions
from citybrain.topics.client import topic_name
from citybrain.topics.consumer import Consumer, Place, Record
from citybrain.topics.producer import Producer, delivered
from citybrain.topics.records import decode_alert
from citybrain.topics.rejecting import reject
from citybrain.topics.spec import ALERTS, READINGS
from citybrain.tracing import NoSpans, Spans, open_spans
from dispatch.intake import OpenedOrder
from dispatch.testorder import take_test
from ingest.quarantine import REASONS

log = logging.getLogger(__name__)
NAME = "dispatch"
PATIENCE_S = 5.0
"""So long an alert waits for its asset to be in the register: the archive writes assets that made themselves known, and may be
behind the alert (real seconds)."""


class Told(NamedTuple):
    """What some records say. `traces`: alert -> trace id of the message that raised it, else of its first change here."""

    events: list[AlertEvent]
    traces: dict[str, str]
    bad: list[tuple[Record, PayloadError]]
    reach: dict[int, int]
    """partition of `readings` -> offset behind the last record that one of these came of"""
    canaries: list[int]
    """when test messages were sent that came this far (machine ms)"""


class Dispatched(NamedTuple):
    """What became of some records."""

    told: Told
    opened: list[OpenedOrder]
    seconds: float


def read(records: Sequence[Record]) -> Told:
    """PURE: the events in some records."""
    told = Told([], {}, [], {}, [])
    for record in records:
        try:
            alert = decode_alert(record.value)
        except PayloadError as error:
            told.bad.append((record, error))
            continue
        if (sent_ms := canary.sent_of(alert.event)) is not None:
            told.canaries.append(sent_ms)
            continue
        told.events.append(alert.event)
        if alert.offset >= 0:
            shard = shard_of(alert.event.asset)
            told.reach[shard] = max(alert.offset + 1, told.reach.get(shard, 0))
        if alert.event.change == AlertChange.RAISED or alert.event.id not in told.traces:
            told.traces[alert.event.id] = alert.trace
    return told


class Dispatching:
    """What dispatch makes of records (see `drain.Work`)."""

    def __init__(
        self, city: City, clock: Clock, metrics: Metrics, producer: Producer, source: str, spans: Spans | None = None
    ) -> None:
        self._spans = spans or NoSpans()
        self._city, self._clock, self._metrics = city, clock, metrics
        self._producer, self._source = producer, source
        self._readings = topic_name(city.settings, READINGS)
        self._unknown: dict[str, float] = {}
        """asset that the register does not have -> since when we wait for it"""

    def too_early(self, tx: Tx, records: Sequence[Record]) -> Collection[Place]:
        """Partitions with alerts of assets that the register does not have yet."""
        missing = self._missing(records)
        if not missing:
            return ()
        self._city.refresh_register(tx)
        now = time.monotonic()
        missing = self._missing(records)
        self._unknown = {asset: self._unknown.get(asset, now) for asset in missing}
        patient = {asset for asset, since in self._unknown.items() if now - since < PATIENCE_S}
        for asset in missing.keys() - patient:
            log.warning("asset %s is not in the register: its alert is dispatched as that of an asset without place", asset)
        return {place for asset, places in missing.items() if asset in patient for place in places}

    def _missing(self, records: Sequence[Record]) -> dict[str, set[Place]]:
        missing: dict[str, set[Place]] = {}
        for record in records:
            # the key says it without decoding; one that says something else is looked at more closely
            if (record.key or b"").decode("utf-8", "replace") in self._city.register.assets:
                continue
            for event in read([record]).events:
                if event.asset not in self._city.register.assets:
                    missing.setdefault(event.asset, set()).add((record.topic, record.partition))
        return missing

    def write(self, tx: Tx, records: Sequence[Record]) -> Dispatched:
        """Alerts, cases, orders, counters; who watches is woken."""
        began = time.monotonic()
        told = read(records)
        opened = self._city.dispatch(tx, told.events, self._clock.now(), told.traces)
        # who judges late readings again must know what these alerts came of (see `rules.latecomers`)
        save_positions(tx, TOLD, self._readings, told.reach)
        if told.events:
            stream.notify(tx, "alerts")
        count(tx, {"orders": len(opened)})
        if told.canaries:
            take_test(tx, max(told.canaries), now=self._clock.now(), machine_now=from_ms(real_ms()))
        # last: when the others cannot be written, each comes again alone, and these as well
        for record, error in told.bad:
            log.error("record %s/%d at %d: %s", record.topic, record.partition, record.offset, error)
            self._reject(record, error.reason, error.detail)
        return Dispatched(told, opened, time.monotonic() - began)

    def refuse(self, tx: Tx, record: Record, error: Exception) -> Dispatched:
        """Send it to the rejected ones."""
        self._reject(record, "bad_record", f"{type(error).__name__}: {error}")
        return Dispatched(Told([], {}, [(record, PayloadError("bad_record", str(error)))], {}, []), [], 0.0)

    def _reject(self, record: Record, reason: str, detail: str) -> None:
        place = f"{ALERTS}/{record.partition}/{record.offset}"
        sending = reject(
            self._producer, partition=record.partition, topic=place, payload=record.value, reason=reason, detail=detail,
            source=self._source, at=self._clock.now(),
        )  # fmt: skip
        # before the position moves on
        delivered([sending])

    def done(self, result: Dispatched) -> None:
        """Count it in the metrics, log the orders."""
        metrics, stage = self._metrics, self._metrics.stage(NAME)
        raised = {event.id: event.at_ms for event in reversed(result.told.events)}
        now_ms = self._clock.now_ms()
        for order in result.opened:
            metrics.orders.inc()
            waited_ms = now_ms - raised.get(order.alert_id, now_ms)
            metrics.order_delay.observe(max(0.0, self._clock.real_s(waited_ms / 1000)))
            log.info(
                "order for %s on %s: unit %s, due %s", order.condition, order.asset, order.unit, order.due_at.isoformat(),
                extra={"trace": order.trace, "order": order.order_id},
            )  # fmt: skip
        self._draw(result)
        for sent_ms in result.told.canaries:
            metrics.canary(NAME, sent_ms, real_ms())
        stage.worked(len(result.told.events), result.seconds)
        if result.told.bad:
            stage.failed(len(result.told.bad))
            metrics.quarantined.labels("bad_record").inc(len(result.told.bad))

    def _draw(self, result: Dispatched) -> None:
        """The spans of what was dispatched, and of each order that goes back to a message."""
        if not self._spans.on or not result.told.events:
            return
        ended_ms = real_ms()
        began_ms = ended_ms - int(1000 * result.seconds)
        traces = [trace for trace in result.told.traces.values() if trace]
        self._spans.batch(NAME, began_ms, ended_ms, traces=traces, items=len(result.told.events))
        for order in result.opened:
            if order.trace:
                self._spans.step(order.trace, NAME, began_ms, ended_ms, order=order.order_id, unit=order.unit)


def dispatch(settings: Settings) -> int:
    """Run the service until a signal; the exit code."""
    clock = clocks.parse(settings.clock)
    metrics = Metrics(stages=(NAME, "cycle"), quarantine_reasons=REASONS)
    if settings.canary_s:
        metrics.expect_canary(NAME, real_ms())
    service = Service(NAME, settings, metrics)
    prepare(settings)
    city = City(settings)
    producer = Producer(settings, service.id)
    link = Link(database_url(settings), f"citybrain {service.id}")
    with link.transaction() as tx:
        city.load_register(tx)

    spans = open_spans(service.id, settings.otel_endpoint)

    def consumer(drain: Drain[Dispatched]) -> Consumer:
        return Consumer(
            settings, group=NAME, topics=(ALERTS,), client_id=service.id, starts=drain.starts, restart=drain.restart
        )

    drain = Drain(NAME, link, consumer, Dispatching(city, clock, metrics, producer, f"citybrain/dispatch/{service.id}", spans))
    watch(service, drain)
    sidelines = Sidelines(service, city, clock, metrics, producer)

    def turn() -> None:
        drain.turn()
        sidelines.upkeep(link)
        tell(metrics, drain, NAME)

    def close() -> None:
        sidelines.stop()
        drain.close()
        producer.close()
        spans.close()

    sidelines.start()
    return service.run(turn, close)
