"""Metrics of the stages, made from one injected registry. Label values that are known are made at start."""

from __future__ import annotations

from collections.abc import Iterable

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

_LATENCY = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)


class Metrics:
    """Every metric of one process. `registry` is its own, so that tests and processes do not share counts."""

    def __init__(
        self,
        registry: CollectorRegistry | None = None,
        *,
        quarantine_reasons: Iterable[str] = (),
        value_notes: Iterable[str] = (),
    ) -> None:
        self.registry = registry = registry or CollectorRegistry()
        self.messages = Counter("citybrain_ingest_messages", "Messages received from the broker.", registry=registry)
        self.readings = Counter("citybrain_readings", "Readings by what became of them.", ["fate"], registry=registry)
        for fate in ("fresh", "late", "duplicate", "context"):
            self.readings.labels(fate)
        self.quarantined = Counter(
            "citybrain_quarantine_messages", "Messages put into quarantine.", ["reason"], registry=registry
        )
        for reason in quarantine_reasons:
            self.quarantined.labels(reason)
        self.values_dropped = Counter(
            "citybrain_values_dropped", "Values left out of messages that were taken.", ["reason"], registry=registry
        )
        for note in value_notes:
            self.values_dropped.labels(note)
        self.queue = Gauge("citybrain_ingest_queue_messages", "Messages received and not yet durable.", registry=registry)
        self.batch_seconds = Histogram(
            "citybrain_batch_seconds", "From taking a batch to its commit.", buckets=_LATENCY, registry=registry
        )
        self.lag = Gauge("citybrain_lag_seconds", "Age of the newest durable reading at its commit.", registry=registry)
        self.alerts = Counter("citybrain_alert_changes", "Changes of alerts.", ["change"], registry=registry)
        self.orders = Counter("citybrain_orders_opened", "Work orders opened by the pipeline.", registry=registry)
        self.rejudged = Counter("citybrain_rejudged_assets", "Assets judged again after late readings.", registry=registry)
        self.checkpoints = Counter("citybrain_checkpoints", "Checkpoints of shards saved.", registry=registry)
        self.reconnects = Counter("citybrain_mqtt_reconnects", "Connections made to the broker.", registry=registry)
        self.cycle_seconds = Histogram(
            "citybrain_cycle_module_seconds",
            "Run time of a cycle module.",
            ["module"],
            buckets=_LATENCY,
            registry=registry,
        )
        self.cycle_errors = Counter(
            "citybrain_cycle_module_errors", "Failed runs of a cycle module.", ["module"], registry=registry
        )
        self.deliveries = Counter(
            "citybrain_deliveries", "Notifications by channel and outcome.", ["channel", "outcome"], registry=registry
        )
        self.kafka_lag = Gauge(
            "citybrain_kafka_lag_records",
            "Records of a topic that a group has not done yet.",
            ["topic", "group"],
            registry=registry,
        )
        self.partitions = Gauge("citybrain_rules_partitions", "Partitions that this worker judges.", registry=registry)
        self.rules_assets = Gauge("citybrain_rules_assets", "Assets that this worker remembers.", registry=registry)
        self.late_waiting = Gauge(
            "citybrain_late_waiting_assets", "Assets with late readings that wait to be judged again.", registry=registry
        )
        self.records_skipped = Counter(
            "citybrain_rules_records_known", "Records that came again and were in the state already.", registry=registry
        )
        self.takeover_seconds = Histogram(
            "citybrain_rules_takeover_seconds",
            "From the first record of a partition to its state.",
            buckets=_LATENCY,
            registry=registry,
        )
