import os
from pathlib import Path

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from prometheus_client.parser import text_string_to_metric_families

from citybrain.clock import real_ms
from citybrain.kernel.errors import UnavailableError
from citybrain.metrics import Metrics
from citybrain.store.gauges import Details, Gauges
from console.collect import STALE_S, page, read_files, write_metrics
from console.gaugecollector import GaugeCollector
from dispatch.orders import STATES


def _families(text: bytes) -> dict[str, list[tuple[dict[str, str], float]]]:
    return {
        family.name: [(sample.labels, sample.value) for sample in family.samples]
        for family in text_string_to_metric_families(text.decode())
    }


def test_processes_keep_their_series_and_families_occur_once(tmp_path: Path) -> None:
    pipeline, cycle = Metrics(quarantine_reasons=["not_json"]), Metrics(stages=["cycle"])
    pipeline.messages.inc(5)
    pipeline.batch_seconds.observe(0.02)
    write_metrics(pipeline.registry, tmp_path / "pipeline.prom")
    write_metrics(cycle.registry, tmp_path / "cycle.prom")
    own = CollectorRegistry()
    Counter("citybrain_http_requests", "Requests.", registry=own).inc()
    text = page(own, tmp_path)
    types = [line for line in text.decode().splitlines() if line.startswith("# TYPE")]
    assert len(types) == len(set(types))
    found = _families(text)
    assert ({"process": "pipeline"}, 5.0) in found["citybrain_ingest_messages"]
    assert len(found["citybrain_ingest_messages"]) == 1, "the cycle receives no messages and says nothing about them"
    assert ({"process": "cycle", "stage": "cycle"}, 0.0) in found["citybrain_stage_items"]
    assert ({"process": "http"}, 1.0) in found["citybrain_http_requests"]
    assert b"_created" not in text
    buckets = [labels for labels, _ in found["citybrain_batch_duration_seconds"] if labels.get("le") == "+Inf"]
    assert [labels["process"] for labels in buckets] == ["pipeline"]


def test_writing_leaves_no_draft_and_replaces(tmp_path: Path) -> None:
    registry = CollectorRegistry()
    gauge = Gauge("g", "G.", registry=registry)
    for number in (1, 2):
        gauge.set(number)
        write_metrics(registry, tmp_path / "deep" / "one.prom")
    assert [file.name for file in (tmp_path / "deep").iterdir()] == ["one.prom"]
    assert "g 2.0" in (tmp_path / "deep" / "one.prom").read_text()


def test_files_of_processes_that_are_gone_or_broken_are_left_out(tmp_path: Path) -> None:
    registry = CollectorRegistry()
    Gauge("g", "G.", registry=registry)
    for name in ("old", "new"):
        write_metrics(registry, tmp_path / f"{name}.prom")
    (tmp_path / "broken.prom").write_text("# TYPE x counter\nx{ 1\n")
    (tmp_path / "binary.prom").write_bytes(b"\xff\xfe\x00")
    now = real_ms()
    past = now / 1000 - STALE_S - 5
    os.utime(tmp_path / "old.prom", (past, past))
    assert [name for name, _, _ in read_files(tmp_path, now)] == ["new"]
    assert read_files(tmp_path / "missing", now) == []


def test_a_family_of_another_type_does_not_break_the_page(tmp_path: Path) -> None:
    one, two = CollectorRegistry(), CollectorRegistry()
    Gauge("citybrain_x", "X.", registry=one).set(1)
    Histogram("citybrain_x", "X.", registry=two).observe(1)
    write_metrics(two, tmp_path / "two.prom")
    assert _families(page(one, tmp_path))["citybrain_x"] == [({"process": "http"}, 1.0)]


def test_a_database_that_does_not_answer_is_a_metric_and_not_a_failure() -> None:
    def gone() -> tuple[Gauges, Details]:
        raise UnavailableError("no database")

    found = _families(page(CollectorRegistry(), None, extra=[GaugeCollector(gone)]))
    assert found["citybrain_database_up"] == [({}, 0.0)]
    assert "citybrain_orders" not in found


def test_states_without_rows_are_zero() -> None:
    gauges = Gauges(quarantine={"not_json": 4}, timer_late_s=1.5)
    details = Details(
        orders={("closed", "drainage"): 2}, alerts={("MH-OPEN", "north", "firing"): 3}, left={"overdue": 1, "more": 0}
    )
    found = _families(page(CollectorRegistry(), None, extra=[GaugeCollector(lambda: (gauges, details))]))
    orders = {(labels["state"], labels["unit"]): value for labels, value in found["citybrain_orders"]}
    assert (orders["closed", "drainage"], orders["dispatched", "drainage"], len(orders)) == (2, 0, len(STATES))
    kept = {labels["kept"]: value for labels, value in found["citybrain_orders_settled"]}
    assert kept == {"in_time": 0.0, "late": 0.0}
    assert found["citybrain_orders_overdue"] == [({"unit": "drainage"}, 0.0)]
    assert found["citybrain_orders_time_left"] == [({"left": "more"}, 0.0), ({"left": "overdue"}, 1.0)]
    assert found["citybrain_alerts"] == [({"condition": "MH-OPEN", "district": "north", "phase": "firing"}, 3.0)]
    assert found["citybrain_timer_late_seconds"] == [({}, 1.5)]
