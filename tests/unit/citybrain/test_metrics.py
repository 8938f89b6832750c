"""Metrics: names by the conventions, label values from the start, only what the stages of a process have."""

from __future__ import annotations

import re

import pytest
from prometheus_client import Metric

from citybrain import stages
from citybrain.families import STAGES
from citybrain.metrics import Metrics
from console.reference import reference

BASE_UNITS = ("seconds", "bytes", "ratio", "info")
OTHER_UNITS = r"_(ms|milliseconds|minutes|hours|days|percent|pct|kb|mb|kilobytes|megabytes)(_|$)"


def _found(metrics: Metrics) -> dict[str, Metric]:
    return {family.name: family for family in metrics.registry.collect()}


def _value(metrics: Metrics, name: str, **labels: str) -> float | None:
    return metrics.registry.get_sample_value(name, labels)


def test_names_follow_the_conventions() -> None:
    for entry in reference():
        assert re.fullmatch(r"(citybrain|process)_[a-z0-9_]+", entry.name), entry
        assert not re.search(OTHER_UNITS, entry.name), f"{entry.name} has a unit that is no base unit"
        assert (entry.type == "counter") == entry.name.endswith("_total"), entry
        assert entry.text.endswith("."), entry
        assert not {"pid", "instance", "job", "le", "quantile", "host"} & set(entry.labels), entry
        if entry.type == "histogram":
            assert entry.name.endswith(BASE_UNITS), entry


def test_no_metric_is_there_twice() -> None:
    names = [entry.name for entry in reference()]
    assert sorted(set(names)) == sorted(names)


def test_known_label_values_are_there_from_the_start() -> None:
    metrics = Metrics(quarantine_reasons=["not_json"], value_notes=["bad_unit"], kinds=["drain"], changes=["raised"])
    metrics.expect_work(["send"], ["webhook"], ["ok"])
    for name, labels in (
        ("citybrain_quarantine_messages_total", {"reason": "not_json"}),
        ("citybrain_values_dropped_total", {"reason": "bad_unit"}),
        ("citybrain_readings_total", {"fate": "late"}),
        ("citybrain_detection_delay_seconds_count", {"kind": "drain"}),
        ("citybrain_alert_changes_total", {"change": "raised"}),
        ("citybrain_cycle_module_errors_total", {"module": "send"}),
        ("citybrain_deliveries_total", {"channel": "webhook", "outcome": "ok"}),
        *(("citybrain_stage_items_total", {"stage": stage}) for stage in STAGES),
        *(("citybrain_stage_duration_seconds_count", {"stage": stage}) for stage in STAGES),
    ):
        assert _value(metrics, name, **labels) == 0, (name, labels)


def test_a_process_shows_only_what_its_stages_have() -> None:
    archive = _found(Metrics(stages=["archive"], cluster=False))
    assert "citybrain_readings" in archive
    assert "citybrain_ingest_messages" not in archive
    assert "citybrain_kafka_lag_records" not in archive
    assert {sample.labels["stage"] for sample in archive["citybrain_stage_items"].samples} == {"archive"}
    with pytest.raises(KeyError):
        Metrics(stages=["archive"]).stage("rules")
    assert "citybrain_kafka_lag_records" in _found(Metrics(stages=["archive"]))


def test_saturation_is_the_share_of_time_at_work_or_the_full_queue(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 100.0
    monkeypatch.setattr(stages, "monotonic", lambda: now)
    metrics = Metrics(stages=["rules"])
    rules = metrics.stage("rules")
    rules.worked(500, 2.5)
    assert rules.saturation() == 0, "the window is not over"
    now += 10
    assert rules.saturation() == 0.25
    rules.filled(0.9)
    assert _value(metrics, "citybrain_stage_saturation_ratio", stage="rules") == 0.9
    rules.filled(0)
    now += 20
    assert rules.saturation() == 0
    rules.worked(1, 60)
    now += 10
    assert rules.saturation() == 1
    assert _value(metrics, "citybrain_stage_items_total", stage="rules") == 501


def test_the_silence_of_a_canary_counts_from_the_start() -> None:
    metrics = Metrics(stages=["archive"])
    name = "citybrain_canary_passed_timestamp_seconds"
    assert _value(metrics, name, stage="archive") is None
    metrics.expect_canary("archive", 5_000)
    assert _value(metrics, name, stage="archive") == 5
    metrics.canary("archive", 6_000, 6_040)
    assert _value(metrics, name, stage="archive") == 6
    metrics.canary("archive", 5_500, 9_000)
    assert _value(metrics, name, stage="archive") == 6, "an old one that comes again says nothing new"
    assert _value(metrics, "citybrain_canary_delay_seconds_sum", stage="archive") == pytest.approx(3.54)
