"""Spans to an OpenTelemetry collector, when one is set; otherwise an object that does nothing.

Two kinds of spans, because a span for each reading would cost more than the reading:

    ingest batch, rules batch, …    one a batch, in a trace of its own, linked to the messages in it that something came of
    ingest > rules > dispatch       of a message that raised an alert or changed one: the trace id is that of the message
                                    (`citybrain.kernel.trace`), so that log lines, `orders.trace` and spans lead to each other

The ids of the second kind are derived: each stage finds its own and that of the stage before it without being told.
"""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Sequence
from typing import Final, Protocol

from citybrain.kernel.trace import span_of

log = logging.getLogger(__name__)

ENDPOINTS: Final = ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT")
MOST_LINKS: Final = 64
"""of one batch: OpenTelemetry keeps 128"""
CLOSE_MS: Final = 3000
"""longest wait, at the end of a process, for a collector that does not answer (real ms)"""
PARENT: Final = {"rules": "ingest", "dispatch": "rules"}
"""stage -> the stage before it in the life of a message"""

Value = str | int | float | bool


class Spans(Protocol):
    """Where spans go. Times are real ms since the epoch."""

    on: bool
    """Whether it is worth to gather anything."""

    def batch(self, stage: str, began_ms: int, ended_ms: int, *, traces: Sequence[str] = (), **facts: Value) -> None:
        """A stage worked off a batch; `traces` are those of messages in it that something came of."""
        ...

    def step(self, trace: str, stage: str, began_ms: int, ended_ms: int, **facts: Value) -> None:
        """A stage (one of ingest, rules, dispatch) did something because of the message of a trace."""
        ...

    def close(self) -> None:
        """Send what waits."""
        ...


class NoSpans:
    """Nobody listens."""

    on = False

    def batch(self, stage: str, began_ms: int, ended_ms: int, *, traces: Sequence[str] = (), **facts: Value) -> None: ...
    def step(self, trace: str, stage: str, began_ms: int, ended_ms: int, **facts: Value) -> None: ...
    def close(self) -> None: ...


def open_spans(service: str, endpoint: str | None) -> Spans:
    """Spans to the collector at `endpoint` (http://host:4318), or where the variables of OpenTelemetry say; none: nowhere.

    What a collector does not take is lost and logged: traces must never hold up a city.
    """
    if endpoint is None and not any(os.environ.get(name) for name in ENDPOINTS):
        return NoSpans()
    return _OtlpSpans(service, endpoint)


class _OtlpSpans:
    on = True

    def __init__(self, service: str, endpoint: str | None) -> None:
        # imported here: a tenth of a second and some memory that nobody pays for who has no collector
        from opentelemetry import trace as api
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
        from opentelemetry.sdk.resources import Resource
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import BatchSpanProcessor
        from opentelemetry.sdk.trace.id_generator import IdGenerator, RandomIdGenerator

        import citybrain

        class Derived(IdGenerator):
            """The ids that `step` wants for its next span; any others for a batch."""

            def __init__(self) -> None:
                self._random, self._of_thread = RandomIdGenerator(), threading.local()

            @property
            def wanted(self) -> tuple[int, int] | None:
                return getattr(self._of_thread, "wanted", None)

            @wanted.setter
            def wanted(self, ids: tuple[int, int] | None) -> None:
                self._of_thread.wanted = ids

            def generate_span_id(self) -> int:
                return self.wanted[1] if self.wanted else self._random.generate_span_id()

            def generate_trace_id(self) -> int:
                return self.wanted[0] if self.wanted else self._random.generate_trace_id()

        self._api, self._ids = api, Derived()
        resource = Resource.create({"service.name": f"citybrain-{service}", "service.version": citybrain.__version__})
        self._provider = TracerProvider(resource=resource, id_generator=self._ids, shutdown_on_exit=False)
        where = None if endpoint is None else f"{endpoint.rstrip('/')}/v1/traces"
        self._provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(endpoint=where, timeout=CLOSE_MS / 1000)))
        self._tracer = self._provider.get_tracer("citybrain", citybrain.__version__)

    def batch(self, stage: str, began_ms: int, ended_ms: int, *, traces: Sequence[str] = (), **facts: Value) -> None:
        api = self._api
        links = [api.Link(self._context(trace, stage)) for trace in list(dict.fromkeys(traces))[:MOST_LINKS]]
        span = self._tracer.start_span(
            f"{stage} batch", context=api.set_span_in_context(api.INVALID_SPAN), links=links, start_time=began_ms * 1_000_000,
            attributes=_named(facts),
        )  # fmt: skip
        span.end(ended_ms * 1_000_000)

    def step(self, trace: str, stage: str, began_ms: int, ended_ms: int, **facts: Value) -> None:
        api = self._api
        parent = PARENT.get(stage)
        before = api.INVALID_SPAN if parent is None else api.NonRecordingSpan(self._context(trace, parent))
        self._ids.wanted = int(trace, 16), int(span_of(trace, stage), 16)
        try:
            span = self._tracer.start_span(
                stage, context=api.set_span_in_context(before), start_time=began_ms * 1_000_000, attributes=_named(facts)
            )
        finally:
            self._ids.wanted = None
        span.end(ended_ms * 1_000_000)

    def _context(self, trace: str, stage: str) -> object:
        api = self._api
        flags = api.TraceFlags(api.TraceFlags.SAMPLED)
        return api.SpanContext(int(trace, 16), int(span_of(trace, stage), 16), is_remote=True, trace_flags=flags)

    def close(self) -> None:
        # waits for half a minute where nobody answers, and cannot be told not to
        thread = threading.Thread(target=self._provider.shutdown, name="last spans", daemon=True)
        thread.start()
        thread.join(CLOSE_MS / 1000)


def _named(facts: dict[str, Value]) -> dict[str, Value]:
    return {f"citybrain.{name}": value for name, value in facts.items()}
