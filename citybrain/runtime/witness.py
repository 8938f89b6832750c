"""What is told about a batch once it is durable: metrics of its stages, log lines with the trace of the message, spans."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from time import monotonic

from citybrain.clock import Clock, real_ms
from citybrain.kernel.events import AlertChange, AlertEvent
from citybrain.kernel.model import Reading
from citybrain.kernel.trace import trace_of
from citybrain.metrics import Metrics
from citybrain.tracing import Spans
from dispatch.intake import OpenedOrder

log = logging.getLogger(__name__)
CANARY_STAGES = ("ingest", "rules", "archive", "dispatch")
"""the stages that a message passes in one process of the embedded runtime"""


def traces_of(events: Sequence[AlertEvent], readings: Sequence[Reading]) -> list[str]:
    """PURE: parallel to `events`: the trace of the message behind each, "" when only the time was."""
    if not events:
        return []
    behind = {(reading.asset, reading.observed_ms): reading for reading in readings}
    found = [behind.get((event.asset, event.at_ms)) for event in events]
    return ["" if one is None else _trace(one) for one in found]


def _trace(reading: Reading) -> str:
    return trace_of(reading.asset, reading.device, reading.observed_ms, reading.key)


def by_alert(events: Sequence[AlertEvent], traces: Sequence[str]) -> dict[str, str]:
    """PURE: alert -> trace of the first message behind it."""
    found: dict[str, str] = {}
    for event, trace in zip(events, traces, strict=True):
        if trace:
            found.setdefault(event.id, trace)
    return found


@dataclass(slots=True)
class Course:
    """When and how long one batch was at each stage. `passed` is called at the end of each, or of a part of it."""

    seconds: dict[str, float] = field(default_factory=dict)
    began_ms: dict[str, int] = field(default_factory=dict)
    ended_ms: dict[str, int] = field(default_factory=dict)
    """stage -> real ms"""
    _at: float = field(default_factory=monotonic)
    _at_ms: int = field(default_factory=real_ms)

    def passed(self, stage: str) -> None:
        """What was done since the last call was of this stage."""
        now, now_ms = monotonic(), real_ms()
        self.seconds[stage] = self.seconds.get(stage, 0.0) + now - self._at
        self.began_ms.setdefault(stage, self._at_ms)
        self.ended_ms[stage] = now_ms
        self._at, self._at_ms = now, now_ms


@dataclass(slots=True)
class Batch:
    """A batch that is durable."""

    messages: int
    readings: Sequence[Reading]
    rejected: Sequence[tuple[str, bytes, str, str]]
    events: Sequence[AlertEvent]
    traces: Sequence[str]
    """parallel to the events"""
    canary_ms: int | None = None
    """When the newest canary in it was sent (machine ms)."""
    fates: Mapping[str, int] = field(default_factory=dict)
    opened: Sequence[OpenedOrder] = ()


class Witness:
    """Tells about batches. `shown_ms` is asked for the time (city ms) that the rules have been shown."""

    def __init__(self, metrics: Metrics, clock: Clock, spans: Spans, queue_size: int) -> None:
        self._metrics, self._clock, self._spans, self._queue_size = metrics, clock, spans, queue_size
        self._ingest, self._rules = metrics.stage("ingest"), metrics.stage("rules")
        self._archive, self._dispatch = metrics.stage("archive"), metrics.stage("dispatch")

    def committed(self, batch: Batch, course: Course) -> None:
        """A batch is durable."""
        metrics, events = self._metrics, batch.events
        for _, _, reason, _ in batch.rejected:
            metrics.quarantined.labels(reason).inc()
            (self._rules if reason == "rule_error" else self._ingest).failed()
        for fate, number in batch.fates.items():
            metrics.readings.labels(fate).inc(number)
        metrics.orders.inc(len(batch.opened))
        metrics.messages.inc(batch.messages)
        self._golden(batch, course)
        now_ms = self._clock.now_ms()
        if batch.readings:
            newest_ms = max(reading.observed_ms for reading in batch.readings)
            for stage in (self._ingest, self._archive):
                stage.behind(self._real_s(now_ms - newest_ms))
        if events:
            self._dispatch.behind(self._real_s(now_ms - max(event.at_ms for event in events)))
            self._tell(batch, now_ms)
        if batch.canary_ms is not None:
            for name in CANARY_STAGES:
                metrics.canary(name, batch.canary_ms, real_ms())
        if self._spans.on and (batch.messages or events):
            self._draw(batch, course, now_ms)

    def _golden(self, batch: Batch, course: Course) -> None:
        taken = course.seconds
        if batch.messages:
            self._ingest.worked(batch.messages, taken["ingest"])
            self._metrics.batch_seconds.observe(sum(taken.values()))
        self._rules.worked(len(batch.readings), taken["rules"])
        if batch.events:
            self._dispatch.worked(len(batch.events), taken["dispatch"])
        self._archive.worked(batch.fates.get("fresh", 0) + batch.fates.get("late", 0), taken["archive"])

    def _tell(self, batch: Batch, now_ms: int) -> None:
        at_ms = {}
        for event, trace in zip(batch.events, batch.traces, strict=True):
            self._metrics.alerts.labels(event.change).inc()
            if event.change == AlertChange.RAISED:
                at_ms[event.id] = event.at_ms
                self._metrics.detection.labels(event.kind).observe((event.at_ms - event.onset_ms) / 1000)
            log.info(
                "%s %s on %s: %s (%s)", event.change, event.condition, event.asset, event.reason, event.detail,
                extra={"trace": trace, "alert": event.id},
            )  # fmt: skip
        traces = by_alert(batch.events, batch.traces)
        for order in batch.opened:
            log.info(
                "order for %s at %s goes to %s, due %s", order.condition, order.asset, order.unit, order.due_at.isoformat(),
                extra={"trace": traces.get(order.alert_id, ""), "order": order.order_id, "case": order.case_id},
            )  # fmt: skip
            if order.alert_id in at_ms:
                self._metrics.order_delay.observe(self._real_s(now_ms - at_ms[order.alert_id]))

    def _draw(self, batch: Batch, course: Course, now_ms: int) -> None:
        """The spans of a batch: one a stage, and those of each message that something came of."""
        spans, known = self._spans, [trace for trace in batch.traces if trace]
        began, ended, judged = course.began_ms, course.ended_ms, len(batch.readings)
        for stage, items in (
            ("ingest", batch.messages),
            ("rules", judged),
            ("dispatch", len(batch.events)),
            ("archive", judged),
        ):
            if items:
                spans.batch(stage, began[stage], ended[stage], traces=known, items=items)
        first: dict[str, AlertEvent] = {}
        for event, trace in zip(batch.events, batch.traces, strict=True):
            if trace:
                first.setdefault(trace, event)
        received = {_trace(one): one.received_ms for one in batch.readings} if first else {}
        for trace, event in first.items():
            waited_s = self._real_s(now_ms - received[trace])
            came_ms = min(began["ingest"], ended["archive"] - int(1000 * waited_s))
            spans.step(trace, "ingest", came_ms, ended["ingest"], asset=event.asset)
            spans.step(
                trace, "rules", began["rules"], ended["rules"], condition=event.condition, change=event.change, alert=event.id
            )
        alerts = by_alert(batch.events, batch.traces)
        for order in batch.opened:
            if trace := alerts.get(order.alert_id, ""):
                spans.step(trace, "dispatch", began["dispatch"], ended["archive"], order=order.order_id, unit=order.unit)

    def rejudged(self, events: Sequence[AlertEvent], opened: Sequence[OpenedOrder]) -> None:
        """An asset was judged again."""
        self._metrics.rejudged.inc()
        self._metrics.orders.inc(len(opened))
        for event in events:
            self._metrics.alerts.labels(event.change).inc()
            log.info("%s %s on %s: %s (%s)", event.change, event.condition, event.asset, event.reason, event.detail)

    def stands(self, backlog: int, *, taken: int, shown_ms: int) -> None:
        """After each turn: what waits, how many messages were taken, the time (city ms, 0 none) that the rules were shown."""
        self._metrics.queue.set(backlog)
        self._ingest.filled(backlog / self._queue_size)
        if shown_ms:
            self._rules.behind(self._real_s(self._clock.now_ms() - shown_ms))
        if not taken and not backlog:
            for stage in (self._ingest, self._archive, self._dispatch):
                stage.behind(0)

    def _real_s(self, city_ms: int) -> float:
        return self._clock.real_s(city_ms / 1000)
