"""Metrics of the stages, made from one injected registry. Label values that are known are made at start.

Names follow the conventions of Prometheus: prefix, what it is, base unit, `_total` for what only grows. A series says which
stage or thing it is about and never which process: that is the business of whoever collects it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from prometheus_client.process_collector import ProcessCollector

import citybrain
from citybrain.families import DELAY, LATENCY, STAGES, Families
from citybrain.kernel.model import Severity
from citybrain.stages import Golden, Stage

FATES: Final = ("fresh", "late", "duplicate", "context")


class Metrics:
    """Every metric of one process. `registry` is its own, so that tests and processes do not share counts.

    Only what the `stages` of this process have is in the registry; the attributes are all there, so that no caller must ask.
    `cluster` False leaves out what only the cluster runtime has. The other arguments are label values that are known.
    """

    def __init__(
        self,
        registry: CollectorRegistry | None = None,
        *,
        stages: Sequence[str] = STAGES,
        cluster: bool = True,
        quarantine_reasons: Iterable[str] = (),
        value_notes: Iterable[str] = (),
        kinds: Iterable[str] = (),
        changes: Iterable[str] = (),
    ) -> None:
        self.registry = registry or CollectorRegistry()
        ProcessCollector(registry=self.registry)
        self.make = Families(self.registry, stages, cluster)
        self.make(Gauge, "citybrain_build_info", "Version of the program; always 1.", ["version"]).labels(
            citybrain.__version__
        ).set(1)
        self._golden = Golden(self.make)
        self._flow(quarantine_reasons, value_notes, kinds, changes)
        self._partitioned()
        self._work()
        self._canary()

    def stage(self, name: str) -> Stage:
        """The golden signals of a stage of this process. Raises KeyError for a stage that it does not run."""
        return self._golden.stages[name]

    def expect_work(self, modules: Iterable[str], channels: Sequence[str], outcomes: Sequence[str]) -> None:
        """The modules of the cycle, and the channels with what may come of a notice."""
        for module in modules:
            self.cycle_seconds.labels(module)
            self.cycle_errors.labels(module)
            self.cycle_last_run.labels(module)
            self.cycle_waiting.labels(module)
        for channel in channels:
            for outcome in outcomes:
                self.deliveries.labels(channel, outcome)

    def canary(self, stage: str, sent_ms: int, now_ms: int) -> None:
        """The test message that was sent at `sent_ms` has passed a stage (both of the machine's clock)."""
        self._canary_ms[stage] = max(sent_ms, self._canary_ms.get(stage, 0))
        self.canary_passed.labels(stage).set(self._canary_ms[stage] / 1000)
        self.canary_delay.labels(stage).observe(max(0.0, (now_ms - sent_ms) / 1000))

    def expect_canary(self, stage: str, now_ms: int) -> None:
        """A test message will come by this stage: its silence counts from now on."""
        self._canary_ms[stage] = now_ms
        self.canary_passed.labels(stage).set(now_ms / 1000)
        self.canary_delay.labels(stage)

    def _flow(self, reasons: Iterable[str], notes: Iterable[str], kinds: Iterable[str], changes: Iterable[str]) -> None:
        """What becomes of messages, readings and alerts."""
        self.messages = self.make(
            Counter, "citybrain_ingest_messages", "Messages received from the broker, without test messages.", of=["ingest"]
        )
        self.queue = self.make(
            Gauge, "citybrain_ingest_queue_messages", "Messages received and not yet taken by the pipeline.", of=["ingest"]
        )
        self.reconnects = self.make(Counter, "citybrain_mqtt_connections", "Connections made to the broker.", of=["ingest"])
        self.quarantined = self.make(
            Counter, "citybrain_quarantine_messages", "Messages and readings that could not be read or judged.", ["reason"],
            of=["ingest", "rules", "archive", "dispatch"],
        )  # fmt: skip
        self.values_dropped = self.make(
            Counter, "citybrain_values_dropped", "Values left out of messages that were taken.", ["reason"], of=["ingest"]
        )
        self.readings = self.make(
            Counter, "citybrain_readings", "Readings by what became of them.", ["fate"], of=["rules", "archive"]
        )
        self.batch_seconds = self.make(
            Histogram, "citybrain_batch_duration_seconds", "From taking a batch to its commit.", of=["ingest", "archive"],
            buckets=LATENCY,
        )  # fmt: skip
        self.alerts = self.make(Counter, "citybrain_alert_changes", "Changes of alerts.", ["change"], of=["rules"])
        self.detection = self.make(
            Histogram, "citybrain_detection_delay_seconds", "City seconds from the onset of a fault to its alert.",
            ["kind"], of=["rules"], buckets=DELAY,
        )  # fmt: skip
        self.rejudged = self.make(
            Counter, "citybrain_rejudged_assets", "Assets judged again after late readings.", of=["rules"]
        )
        self.checkpoints = self.make(
            Counter, "citybrain_checkpoints", "States of the rules saved, a shard or partition each.", of=["rules"]
        )
        self.orders = self.make(Counter, "citybrain_orders_opened", "Work orders opened.", of=["dispatch"])
        self.order_delay = self.make(
            Histogram, "citybrain_order_delay_seconds", "Real seconds from the time of an alert to the commit of its order.",
            of=["dispatch"], buckets=DELAY,
        )  # fmt: skip
        for metric, values in (
            (self.quarantined, reasons), (self.values_dropped, notes), (self.readings, FATES), (self.alerts, changes),
            (self.detection, kinds),
        ):  # fmt: skip
            for value in values:
                metric.labels(value)

    def _partitioned(self) -> None:
        """What there is only with Kafka between the stages."""
        self.kafka_lag = self.make(
            Gauge, "citybrain_kafka_lag_records", "Records in our partitions of a topic that wait for a group.",
            ["topic", "group"], of=["ingest", "rules", "archive", "dispatch"], cluster=True,
        )  # fmt: skip
        self.kafka_records = self.make(
            Counter, "citybrain_kafka_records_sent", "Records handed to Kafka.", ["topic"], of=["ingest"], cluster=True
        )
        self.kafka_bytes = self.make(
            Counter, "citybrain_kafka_sent_bytes", "Bytes of records handed to Kafka, before compression.", ["topic"],
            of=["ingest"], cluster=True,
        )  # fmt: skip
        self.kafka_in_flight = self.make(
            Gauge, "citybrain_kafka_in_flight_records", "Records handed to Kafka and not yet acknowledged.", of=["ingest"],
            cluster=True,
        )  # fmt: skip
        self.kafka_ack_seconds = self.make(
            Histogram, "citybrain_kafka_ack_duration_seconds", "From handing a record to Kafka to its acknowledgement.",
            of=["ingest"], cluster=True, buckets=LATENCY,
        )  # fmt: skip
        self.tick_lag = self.make(
            Gauge, "citybrain_tick_lag_seconds", "Real seconds by which the newest tick of this bridge is behind the clock.",
            of=["ingest"], cluster=True,
        )  # fmt: skip
        self.partitions = self.make(
            Gauge, "citybrain_rules_partitions", "Partitions that this worker judges.", of=["rules"], cluster=True
        )
        self.late_waiting = self.make(
            Gauge, "citybrain_rules_late_assets", "Assets that wait here to be judged again.", of=["rules"], cluster=True
        )
        self.rules_assets = self.make(
            Gauge, "citybrain_rules_assets", "Assets whose state is held here.", of=["rules"], cluster=True
        )
        self.records_skipped = self.make(
            Counter, "citybrain_records_skipped", "Records that came again and were in the state already.", of=["rules"],
            cluster=True,
        )  # fmt: skip
        self.takeover_seconds = self.make(
            Histogram, "citybrain_takeover_duration_seconds", "Loading the state of a partition that became ours.",
            of=["rules"], cluster=True, buckets=LATENCY,
        )  # fmt: skip

    def _work(self) -> None:
        """Timers, notices, requests."""
        self.cycle_seconds = self.make(
            Histogram, "citybrain_cycle_module_duration_seconds", "Run time of a cycle module.", ["module"], of=["cycle"],
            buckets=LATENCY,
        )  # fmt: skip
        self.responsibility = self.make(
            Gauge, "citybrain_assets_by_responsibility",
            "Assets by how their unit is found: own, contract, area; or guardian and unassigned, which nobody owns.", ["level"],
            of=["cycle"],
        )  # fmt: skip
        self.cycle_last_run = self.make(
            Gauge, "citybrain_cycle_module_last_run_timestamp_seconds",
            "When a cycle module last came to a good end, Unix time; 0 before the first time.", ["module"], of=["cycle"],
        )  # fmt: skip
        self.cycle_waiting = self.make(
            Gauge, "citybrain_cycle_module_waiting_seconds",
            "Real seconds that a cycle module has been at work, or due without a good run; 0 when all is well.", ["module"],
            of=["cycle"],
        )  # fmt: skip
        self.cycle_errors = self.make(
            Counter, "citybrain_cycle_module_errors", "Failed runs of a cycle module.", ["module"], of=["cycle"]
        )
        self.acknowledge_delay = self.make(
            Histogram, "citybrain_acknowledge_delay_seconds",
            "City seconds from sending an order out to somebody taking it, by severity of the case.", ["severity"],
            of=["cycle"], buckets=DELAY,
        )  # fmt: skip
        for severity in Severity:
            self.acknowledge_delay.labels(severity)
        self.forecasts = self.make(
            Gauge, "citybrain_forecasts", "Forecasts by kind, after the last run: planned, later, none.", ["plan", "state"],
            of=["cycle"],
        )  # fmt: skip
        self.planned_orders = self.make(
            Counter, "citybrain_planned_orders", "Planned orders that were raised, amended or resolved, by kind.",
            ["plan", "change"], of=["cycle"],
        )  # fmt: skip
        self.forecast_seconds = self.make(
            Gauge, "citybrain_forecast_run_seconds", "Work of the last run of forecasts, without rests.", of=["cycle"]
        )
        self.deliveries = self.make(
            Counter, "citybrain_deliveries", "Notifications by channel and outcome.", ["channel", "outcome"], of=["cycle"]
        )

        self.http_requests = self.make(
            Counter, "citybrain_http_requests", "Requests by method, route and status.", ["method", "route", "status"],
            of=["console"],
        )  # fmt: skip
        self.http_seconds = self.make(
            Histogram, "citybrain_http_request_duration_seconds", "Time until the answer began.", ["method", "route"],
            of=["console"], buckets=LATENCY,
        )  # fmt: skip

    def _canary(self) -> None:
        """A test message that goes the whole way all day; it never opens an alert."""
        self.canary_sent = self.make(Counter, "citybrain_canary_sent", "Test messages published.")
        self._canary_ms: dict[str, int] = {}
        self.canary_passed = self.make(
            Gauge, "citybrain_canary_passed_timestamp_seconds",
            "When the newest test message that passed the stage was sent (before the first: the process began), Unix time.",
            ["stage"],
        )  # fmt: skip
        self.canary_delay = self.make(
            Histogram, "citybrain_canary_delay_seconds", "Real seconds from sending a test message to its passing the stage.",
            ["stage"], buckets=LATENCY,
        )  # fmt: skip
        self.canary_silent = self.make(
            Gauge, "citybrain_canary_silent", "1 while no test message comes to dispatch, and the watch contacts know.",
            of=["cycle"],
        )  # fmt: skip
