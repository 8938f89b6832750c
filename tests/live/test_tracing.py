"""Spans against a real OTLP receiver over HTTP, whose protobuf is parsed."""

from __future__ import annotations

import gzip
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from citybrain.kernel.trace import span_of, trace_of
from citybrain.runtime.broker import free_port
from citybrain.tracing import CLOSE_MS, NoSpans, open_spans

pytestmark = pytest.mark.live
TRACE = trace_of("MH-1", "MH-1", 1_767_225_600_000, 42)


class Receiver:
    """What a collector is to us: takes /v1/traces."""

    def __init__(self) -> None:
        self.requests: list[ExportTraceServiceRequest] = []
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                if self.headers.get("Content-Encoding") == "gzip":
                    body = gzip.decompress(body)
                known = self.path == "/v1/traces" and self.headers["Content-Type"] == "application/x-protobuf"
                if known:
                    receiver.requests.append(ExportTraceServiceRequest.FromString(body))
                self.send_response(200 if known else 404)
                self.end_headers()

            def log_message(self, format: str, *args: object) -> None: ...

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()

    def spans(self) -> list[Span]:
        """All spans that came."""
        return [
            span
            for request in self.requests
            for resource in request.resource_spans
            for scope in resource.scope_spans
            for span in scope.spans
        ]

    def services(self) -> set[str]:
        """The names of the services that sent."""
        return {
            attribute.value.string_value
            for request in self.requests
            for resource in request.resource_spans
            for attribute in resource.resource.attributes
            if attribute.key == "service.name"
        }

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    made = Receiver()
    yield made
    made.stop()


def test_a_message_has_one_trace_from_stage_to_stage_and_batches_link_to_it(receiver: Receiver) -> None:
    spans = open_spans("pipeline", f"{receiver.url}/")
    assert spans.on
    spans.batch("rules", 1_000, 1_020, traces=[TRACE, TRACE], items=500)
    for stage in ("ingest", "rules", "dispatch"):
        spans.step(TRACE, stage, 1_000, 1_005, asset="MH-1")
    spans.close()
    batch, *steps = receiver.spans()
    assert (batch.name, batch.start_time_unix_nano, batch.end_time_unix_nano) == ("rules batch", 10**9, 1_020 * 10**6)
    assert batch.trace_id.hex() != TRACE
    assert [(link.trace_id.hex(), link.span_id.hex()) for link in batch.links] == [(TRACE, span_of(TRACE, "rules"))]
    assert [(one.key, one.value.int_value) for one in batch.attributes] == [("citybrain.items", 500)]
    assert [(step.name, step.trace_id.hex(), step.span_id.hex(), step.parent_span_id.hex()) for step in steps] == [
        ("ingest", TRACE, span_of(TRACE, "ingest"), ""),
        ("rules", TRACE, span_of(TRACE, "rules"), span_of(TRACE, "ingest")),
        ("dispatch", TRACE, span_of(TRACE, "dispatch"), span_of(TRACE, "rules")),
    ]
    assert receiver.services() == {"citybrain-pipeline"}


def test_threads_do_not_mix_up_their_ids(receiver: Receiver) -> None:
    spans = open_spans("x", receiver.url)
    traces = [trace_of("a", "a", n, n) for n in range(200)]
    with ThreadPoolExecutor(8) as pool:
        for trace in traces:
            pool.submit(spans.step, trace, "rules", 1, 2)
            pool.submit(spans.batch, "rules", 1, 2)
    spans.close()
    found = receiver.spans()
    assert sorted(one.trace_id.hex() for one in found if one.name == "rules") == sorted(traces)
    assert len({one.trace_id for one in found if one.name == "rules batch"}) == 200
    assert len({one.span_id for one in found}) == 400


def test_the_variables_of_opentelemetry_are_enough(receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", receiver.url)
    spans = open_spans("x", None)
    spans.batch("archive", 1, 2)
    spans.close()
    assert [span.name for span in receiver.spans()] == ["archive batch"]


def test_without_a_collector_nothing_is_made(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"):
        monkeypatch.delenv(name, raising=False)
    spans = open_spans("x", None)
    assert isinstance(spans, NoSpans)
    assert not spans.on


def test_a_collector_that_is_not_there_holds_nobody_up() -> None:
    spans = open_spans("x", f"http://127.0.0.1:{free_port()}")
    for _ in range(3000):
        spans.step(TRACE, "rules", 1, 2)
    began = time.monotonic()
    spans.close()
    assert time.monotonic() - began < CLOSE_MS / 1000 + 1
