"""What is told about a batch: metrics of its stages, log lines with traces, spans."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import pytest

from citybrain.clock import ScaledClock, real_ms
from citybrain.kernel.events import AlertEvent
from citybrain.kernel.model import Reading
from citybrain.kernel.trace import trace_of
from citybrain.metrics import Metrics
from citybrain.runtime.witness import CANARY_STAGES, Batch, Course, Witness, by_alert, traces_of
from citybrain.tracing import NoSpans
from dispatch.intake import OpenedOrder

SPEED = 10.0
COVER = Reading("MH-1", "manhole", "D-1", 1_000_000, 1_000_500, {"tilt_deg": 80.0}, key=7)
LAMP = Reading("SL-1", "streetlight", "SL-1", 1_000_000, 1_000_500, {"power_w": 0.0}, key=8)
TRACE = trace_of("MH-1", "D-1", 1_000_000, 7)


def _event(asset: str, at_ms: int, change: str = "raised", **more: Any) -> AlertEvent:
    return AlertEvent(
        f"a-{asset}", change, "firing", asset, "manhole", "MH-FLIP", "critical", at_ms - 60_000, at_ms, "r", **more
    )


def _order(alert: str) -> OpenedOrder:
    at = datetime(2026, 3, 2, tzinfo=UTC)
    return OpenedOrder("o-1", "c-1", alert, "MH-1", "MH-FLIP", "drainage", at, at)


class Heard:
    """Spans that are written down."""

    on = True

    def __init__(self) -> None:
        self.batches: list[tuple[str, list[str], dict[str, Any]]] = []
        self.steps: list[tuple[str, str, dict[str, Any]]] = []
        self.times: list[tuple[int, int]] = []

    def batch(self, stage: str, began_ms: int, ended_ms: int, *, traces: Sequence[str] = (), **facts: Any) -> None:
        self.batches.append((stage, list(traces), facts))
        self.times.append((began_ms, ended_ms))

    def step(self, trace: str, stage: str, began_ms: int, ended_ms: int, **facts: Any) -> None:
        self.steps.append((trace, stage, facts))
        self.times.append((began_ms, ended_ms))

    def close(self) -> None: ...


@pytest.fixture
def metrics() -> Metrics:
    return Metrics(stages=CANARY_STAGES)


def _course() -> Course:
    course = Course()
    for stage in ("ingest", "rules", "archive", "dispatch", "archive"):
        course.passed(stage)
    return course


def _clock(now_ms: int) -> ScaledClock:
    """A clock that stands at about `now_ms`, ten times as fast as life."""
    return ScaledClock(SPEED, now_ms, real_ms())


def _value(metrics: Metrics, name: str, **labels: str) -> float:
    found = metrics.registry.get_sample_value(name, labels)
    assert found is not None, (name, labels)
    return found


def test_an_event_goes_back_to_the_message_of_its_moment() -> None:
    events = [_event("MH-1", 1_000_000), _event("MH-1", 1_005_000, "clearing"), _event("SL-1", 1_000_000)]
    traces = traces_of(events, [LAMP, COVER])
    assert traces == [TRACE, "", trace_of("SL-1", "SL-1", 1_000_000, 8)]
    assert by_alert(events, traces) == {"a-MH-1": TRACE, "a-SL-1": traces[2]}
    assert traces_of([], [COVER]) == []


def test_a_batch_is_counted_by_stage_and_told_with_its_trace(metrics: Metrics, caplog: pytest.LogCaptureFixture) -> None:
    witness = Witness(metrics, _clock(1_002_000), NoSpans(), 1000)
    events = [_event("MH-1", 1_000_000)]
    batch = Batch(2, [COVER, LAMP], [("t", b"x", "not_json", "")], events, [TRACE], 5_000, {"fresh": 2}, [_order("a-MH-1")])
    with caplog.at_level(logging.INFO, "citybrain.runtime.witness"):
        witness.committed(batch, _course())
    for name, labels, value in (
        ("citybrain_stage_items_total", {"stage": "ingest"}, 2),
        ("citybrain_stage_items_total", {"stage": "rules"}, 2),
        ("citybrain_stage_items_total", {"stage": "archive"}, 2),
        ("citybrain_stage_items_total", {"stage": "dispatch"}, 1),
        ("citybrain_stage_errors_total", {"stage": "ingest"}, 1),
        ("citybrain_quarantine_messages_total", {"reason": "not_json"}, 1),
        ("citybrain_alert_changes_total", {"change": "raised"}, 1),
        ("citybrain_orders_opened_total", {}, 1),
        ("citybrain_detection_delay_seconds_sum", {"kind": "manhole"}, 60),
    ):
        assert _value(metrics, name, **labels) == value, name
    # two city seconds are a fifth of a real one
    assert _value(metrics, "citybrain_stage_lag_seconds", stage="archive") == pytest.approx(0.2, abs=0.1)
    assert _value(metrics, "citybrain_order_delay_seconds_sum") == pytest.approx(0.2, abs=0.1)
    assert _value(metrics, "citybrain_canary_passed_timestamp_seconds", stage="dispatch") == 5
    told = {record.getMessage().split()[0]: vars(record) for record in caplog.records}
    assert told["raised"]["trace"] == told["order"]["trace"] == TRACE
    assert (told["order"]["order"], told["raised"]["alert"]) == ("o-1", "a-MH-1")


def test_what_waits_and_what_does_not(metrics: Metrics) -> None:
    witness = Witness(metrics, _clock(1_010_000), NoSpans(), 1000)
    witness.committed(Batch(1, [COVER], [], [], [], fates={"fresh": 1}), _course())
    witness.stands(900, taken=1, shown_ms=1_005_000)
    assert _value(metrics, "citybrain_stage_saturation_ratio", stage="ingest") == 0.9
    assert _value(metrics, "citybrain_stage_lag_seconds", stage="ingest") == pytest.approx(1, abs=0.2)
    assert _value(metrics, "citybrain_stage_lag_seconds", stage="rules") == pytest.approx(0.5, abs=0.2)
    witness.stands(0, taken=0, shown_ms=1_005_000)
    assert _value(metrics, "citybrain_stage_lag_seconds", stage="ingest") == 0
    assert _value(metrics, "citybrain_stage_lag_seconds", stage="rules") > 0, "its time does not stand because nobody speaks"


def test_spans_of_a_message_that_led_to_an_order(metrics: Metrics) -> None:
    heard = Heard()
    witness = Witness(metrics, _clock(1_002_000), heard, 1000)
    events = [_event("MH-1", 1_000_000), _event("MH-1", 1_000_000, "resolved"), _event("MH-2", 999_000)]
    course = _course()
    witness.committed(Batch(2, [COVER, LAMP], [], events, [TRACE, TRACE, ""], opened=[_order("a-MH-1")]), course)
    assert [(stage, traces) for stage, traces, _ in heard.batches] == [
        (stage, [TRACE, TRACE]) for stage in ("ingest", "rules", "dispatch", "archive")
    ]
    assert [(trace, stage) for trace, stage, _ in heard.steps] == [(TRACE, "ingest"), (TRACE, "rules"), (TRACE, "dispatch")]
    assert heard.steps[1][2] == {"condition": "MH-FLIP", "change": "raised", "alert": "a-MH-1"}
    assert all(began <= ended for began, ended in heard.times)


def test_a_batch_of_time_alone_draws_no_message(metrics: Metrics) -> None:
    heard = Heard()
    witness = Witness(metrics, _clock(1_002_000), heard, 1000)
    course = Course()
    for stage in ("rules", "archive", "dispatch", "archive"):
        course.passed(stage)
    witness.committed(Batch(0, [], [], [_event("MH-2", 999_000)], [""]), course)
    assert [stage for stage, _, _ in heard.batches] == ["dispatch"]
    assert heard.steps == []
    quiet = Heard()
    Witness(metrics, _clock(1_002_000), quiet, 1000).committed(Batch(0, [], [], [], []), course)
    assert quiet.batches == []
