"""One message through the running program: its trace is in the log lines, in the order and in the spans; the canary goes by."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import paho.mqtt.client as paho
import pytest
from paho.mqtt.enums import CallbackAPIVersion
from prometheus_client.parser import text_string_to_metric_families
from typer.testing import CliRunner

from citybrain.cli import orders
from citybrain.clock import real_ms
from citybrain.kernel import canary
from citybrain.kernel.trace import span_of
from citybrain.runtime.bench import running
from citybrain.store import stream, views
from citybrain.store.db import Database, Row
from tests.live.test_tracing import Receiver

pytestmark = pytest.mark.live


def _eventually(true: Callable[[], Any], what: str, seconds: float = 20) -> Any:
    deadline = time.monotonic() + seconds
    while not (found := true()):
        assert time.monotonic() < deadline, what
        time.sleep(0.1)
    return found


def _publish(url: str, topic: str, payload: bytes) -> None:
    client = paho.Client(CallbackAPIVersion.VERSION2)
    host, port = url.removeprefix("mqtt://").split(":")
    client.connect(host, int(port))
    client.loop_start()
    client.publish(topic, payload, qos=1).wait_for_publish(10)
    client.disconnect()
    client.loop_stop()


def _order(db: Database) -> Row | None:
    with db.transaction() as tx:
        rows = views.orders(tx, limit=1)
        return views.order(tx, rows[0]["id"]) if rows else None


def _lines(log: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in log.read_text("utf-8").splitlines()]


def _gauges(port: int, name: str) -> dict[tuple[str, str], float]:
    page = httpx.get(f"http://127.0.0.1:{port}/metrics").raise_for_status().text
    return {
        (sample.labels.get("process", ""), sample.labels.get("stage", "")): sample.value
        for family in text_string_to_metric_families(page)
        for sample in family.samples
        if sample.name == name
    }


def test_one_message_from_the_broker_to_the_order() -> None:
    receiver = Receiver()
    env = {"CITYBRAIN_LOG_FORMAT": "json", "CITYBRAIN_OTEL_ENDPOINT": receiver.url, "CITYBRAIN_CANARY_S": "0.3"}
    try:
        with running(10, env=env) as (run, db, _):
            info = run.read("run")
            payload = json.dumps({"ts": real_ms(), "values": {"tilt_deg": 120}}).encode()
            _publish(info["mqtt"], "city/demo/manhole/MH-1/telemetry", payload)
            order = _eventually(lambda: _order(db), "an order")
            trace = str(order["trace"])
            assert len(trace) == 32

            told = [line for line in _lines(run.data_dir / "log" / "pipeline.log") if line.get("trace") == trace]
            assert [line["msg"].split()[0] for line in told if line["logger"].endswith("witness")] == ["raised", "order"]
            assert {line["service"] for line in told} == {"pipeline"}
            assert any(line.get("order") == str(order["id"]) for line in told)
            answer = CliRunner().invoke(orders.app, ["show", "1", "--data-dir", str(run.data_dir)])
            assert trace in answer.output, answer.output

            def steps() -> dict[str, Any] | None:
                found = {span.name: span for span in receiver.spans() if span.trace_id.hex() == trace}
                return found if len(found) == 3 else None

            spans = _eventually(steps, "spans of the message")
            assert spans["dispatch"].parent_span_id.hex() == span_of(trace, "rules")
            batches = {span.name: [link.trace_id.hex() for link in span.links] for span in receiver.spans() if span.links}
            assert batches == {f"{stage} batch": [trace] for stage in ("ingest", "rules", "dispatch", "archive")}

            _canary_went_by(info["http"], db)
            for name in ("run", "cycle", "http"):
                assert all(line["service"] for line in _lines(run.data_dir / "log" / f"{name}.log")), name
    finally:
        receiver.stop()


def _canary_went_by(port: int, db: Database) -> None:
    passed = "citybrain_canary_passed_timestamp_seconds"
    _eventually(lambda: _gauges(port, "citybrain_canary_sent_total").get(("cycle", ""), 0) > 2, "canaries are sent")
    before = _gauges(port, passed)
    assert {stage for _, stage in before} == {"ingest", "rules", "archive", "dispatch", "notice"}
    _eventually(lambda: all(_gauges(port, passed)[key] > value for key, value in before.items()), "the canary goes on")
    assert all(real_ms() / 1000 - value < 5 for value in _gauges(port, passed).values())
    with db.transaction() as tx:
        counts = stream.counters(tx)
        assert (counts["messages"], counts["stored"]) == (1, 1), "it is no message of the city"
        assert views.alerts(tx, limit=5, asset=canary.KIND) == []
