"""*Pipeline health*: the four golden signals of each stage, what waits, what fails, the machines."""

from __future__ import annotations

from dashboards.kit import ALARM, ALERT, Board, Steps
from dashboards.queries import prom
from dashboards.words import Words

_BEHIND: Steps = ((None, "green"), (60, "red"))
_FULL: Steps = ((None, "green"), (0.9, "red"))


def board(words: Words) -> Board:
    """The dashboard."""
    made = Board("pipeline_health", words, time="now-1h")
    _whole_way(made)
    _golden(made)
    _flow(made)
    _rules(made)
    _dispatch(made)
    _kafka(made)
    _machines(made)
    return made


def _whole_way(made: Board) -> None:
    made.row("whole_way")
    made.stat("firing", prom('count(ALERTS{alertname=~"Citybrain.*",alertstate="firing"}) or vector(0)'), steps=ALARM)
    made.stat("database", prom("max(citybrain_database_up)"), steps=((None, "red"), (1, "green")))
    made.stat(
        "canary",
        prom("max(stage:citybrain_canary_age_seconds:min)"),
        unit="s",
        steps=((None, "green"), (45, "orange"), (90, "red")),
    )
    p99 = "histogram_quantile(0.99, sum by (le) (rate(citybrain_order_delay_seconds_bucket[1h])))"
    made.stat("order_p99", prom(p99), unit="s", decimals=1, steps=((None, "green"), (5, "orange"), (30, "red")))
    made.stat(
        "quarantine_share",
        prom("citybrain:quarantine_messages:ratio_rate5m"),
        unit="percentunit",
        decimals=1,
        steps=_share(0.05),
    )
    made.stat(
        "late_timer", prom("max(citybrain_timer_late_seconds)"), unit="s", steps=((None, "green"), (60, "orange"), (300, "red"))
    )
    made.lines(
        "canary_age",
        prom("stage:citybrain_canary_age_seconds:min", "{{stage}}"),
        unit="s",
        steps=((None, "green"), (90, "red")),
    )
    delay = "histogram_quantile(0.99, sum by (stage, le) (rate(citybrain_canary_delay_seconds_bucket[5m])))"
    made.lines("canary_delay", prom(delay, "{{stage}}"), unit="s")


def _share(limit: float) -> Steps:
    return ((None, "green"), (limit, "red"))


def _golden(made: Board) -> None:
    made.row("golden")
    made.lines("traffic", prom("sum by (stage) (rate(citybrain_stage_items_total[$__rate_interval]))", "{{stage}}"), unit="cps")
    made.lines("errors", prom("sum by (stage) (rate(citybrain_stage_errors_total[$__rate_interval]))", "{{stage}}"), unit="cps")
    quantile = "histogram_quantile({0}, sum by (stage, le) (rate(citybrain_stage_duration_seconds_bucket[$__rate_interval])))"
    made.lines(
        "latency", prom(quantile.format("0.5"), "{{stage}} p50"), prom(quantile.format("0.99"), "{{stage}} p99"), unit="s"
    )
    made.lines(
        "saturation", prom("stage:citybrain_stage_saturation_ratio:max", "{{stage}}"), unit="percentunit", steps=_FULL, high=1
    )
    made.lines("lag", prom("stage:citybrain_stage_lag_seconds:max", "{{stage}}"), unit="s", steps=_BEHIND)
    made.lines(
        "queues",
        prom("sum(citybrain_ingest_queue_messages)", "MQTT"),
        prom('sum(citybrain_outbox_notifications{state="waiting"})', "outbox"),
        prom("max(citybrain_rejudge_waiting_assets)", "rejudge"),
        prom('sum(citybrain_cases{state="gathering"})', "gathering"),
    )


def _flow(made: Board) -> None:
    made.row("flow")
    made.lines("messages", prom("sum(rate(citybrain_ingest_messages_total[$__rate_interval]))", "messages"), unit="cps", span=8)
    made.lines(
        "fates",
        prom("sum by (fate) (rate(citybrain_readings_total[$__rate_interval]))", "{{fate}}"),
        unit="cps",
        span=8,
        stack=True,
    )
    made.lines(
        "batch",
        prom("histogram_quantile(0.99, sum by (le) (rate(citybrain_batch_duration_seconds_bucket[$__rate_interval])))", "p99"),
        unit="s",
        span=8,
    )
    made.lines(
        "quarantine",
        prom("sum by (reason) (increase(citybrain_quarantine_messages_total[$__rate_interval]))", "{{reason}}"),
        bars=True,
        stack=True,
    )
    made.gauges(
        "stored_quarantine", prom("sum by (reason) (citybrain_quarantine_stored_messages)", "{{reason}}", instant=True), span=6
    )
    made.lines(
        "dropped",
        prom("sum by (reason) (increase(citybrain_values_dropped_total[$__rate_interval]))", "{{reason}}"),
        span=6,
        stack=True,
    )
    made.lines(
        "connections",
        prom("sum by (job, instance) (increase(citybrain_mqtt_connections_total[15m]))", "{{job}} {{instance}}"),
        span=12,
        steps=((None, "green"), (5, "red")),
    )
    made.stat("stored", prom("max(citybrain_stored_readings)"), span=4, height=8)
    made.stat("assets", prom("sum(citybrain_assets)"), span=4, height=8)
    made.stat("canaries", prom("sum(increase(citybrain_canary_sent_total[$__range]))"), span=4, height=8)


def _rules(made: Board) -> None:
    made.row("rules")
    made.lines(
        "alert_changes",
        prom("sum by (change) (increase(citybrain_alert_changes_total[$__rate_interval]))", "{{change}}"),
        bars=True,
        stack=True,
    )
    made.lines(
        "checkpoints", prom("sum(rate(citybrain_checkpoints_total[$__rate_interval]))", "checkpoints"), unit="cps", span=6
    )
    made.lines("rejudged", prom("sum(increase(citybrain_rejudged_assets_total[$__rate_interval]))", "assets"), span=6)


def _dispatch(made: Board) -> None:
    made.row("dispatch")
    made.lines("opened", prom("sum(increase(citybrain_orders_opened_total[$__rate_interval]))", "orders"), span=8, bars=True)
    quantile = "histogram_quantile({0}, sum by (le) (rate(citybrain_order_delay_seconds_bucket[1h])))"
    made.lines("order_delay", prom(quantile.format("0.5"), "p50"), prom(quantile.format("0.99"), "p99"), unit="s", span=8)
    made.stat("canary_silent", prom("max(citybrain_canary_silent)"), steps=((None, "green"), (1, "red")), height=8)
    made.lines(
        "module_waits",
        prom("max by (module) (citybrain_cycle_module_waiting_seconds)", "{{module}}"),
        unit="s",
        span=10,
        steps=((None, "green"), (60, "red")),
    )
    made.lines(
        "module_age",
        prom("time() - max by (module) (citybrain_cycle_module_last_run_timestamp_seconds > 0)", "{{module}}"),
        unit="s",
        span=10,
    )
    made.lines(
        "timer_late",
        prom("max(citybrain_timer_late_seconds)", "oldest"),
        unit="s",
        span=8,
        steps=((None, "green"), (300, "red")),
    )
    module = "histogram_quantile(0.99, sum by (module, le) (rate(citybrain_cycle_module_duration_seconds_bucket[5m])))"
    made.lines("modules", prom(module, "{{module}}"), unit="s")
    made.lines(
        "module_errors",
        prom("sum by (module) (increase(citybrain_cycle_module_errors_total[$__rate_interval]))", "{{module}}"),
        steps=ALERT,
    )
    made.lines(
        "deliveries",
        prom("sum by (channel, outcome) (increase(citybrain_deliveries_total[$__rate_interval]))", "{{channel}} {{outcome}}"),
        bars=True,
        stack=True,
    )
    made.lines("outbox", prom("sum by (state) (citybrain_outbox_notifications)", "{{state}}"), span=6)
    made.lines(
        "outbox_age",
        prom("max(citybrain_outbox_oldest_seconds)", "oldest"),
        unit="s",
        span=6,
        steps=((None, "green"), (1800, "red")),
    )


def _kafka(made: Board) -> None:
    made.row("kafka")
    made.lines(
        "kafka_lag",
        prom("topic_group:citybrain_kafka_lag_records:sum", "{{topic}} {{group}}"),
        steps=((None, "green"), (10000, "red")),
    )
    made.lines(
        "kafka_sent",
        prom("sum by (topic) (rate(citybrain_kafka_records_sent_total[$__rate_interval]))", "{{topic}}"),
        unit="cps",
    )
    made.lines(
        "kafka_bytes",
        prom("sum by (topic) (rate(citybrain_kafka_sent_bytes_total[$__rate_interval]))", "{{topic}}"),
        unit="Bps",
        span=8,
    )
    made.lines(
        "kafka_ack",
        prom(
            "histogram_quantile(0.99, sum by (le) (rate(citybrain_kafka_ack_duration_seconds_bucket[$__rate_interval])))", "p99"
        ),
        unit="s",
        span=8,
    )
    made.lines("in_flight", prom("sum by (instance) (citybrain_kafka_in_flight_records)", "{{instance}}"), span=8)
    made.lines("partitions", prom("citybrain_rules_partitions", "{{instance}}"), span=8, stack=True)
    made.lines("rules_assets", prom("citybrain_rules_assets", "{{instance}}"), span=8, stack=True)
    made.lines("tick_lag", prom("max by (instance) (citybrain_tick_lag_seconds)", "{{instance}}"), unit="s", span=8)
    takeover = "histogram_quantile(0.99, sum by (le) (citybrain_takeover_duration_seconds_bucket))"
    made.stat("takeover", prom(takeover, instant=True), unit="s", decimals=2, span=8)
    made.stat("skipped", prom("sum(increase(citybrain_records_skipped_total[$__range]))"), span=8)
    made.stat("late_assets", prom("sum(citybrain_rules_late_assets)"), span=8)


def _machines(made: Board) -> None:
    made.row("machines")
    made.lines(
        "requests",
        prom("sum by (route, status) (rate(citybrain_http_requests_total[$__rate_interval]))", "{{route}} {{status}}"),
        unit="cps",
    )
    http = "histogram_quantile(0.99, sum by (route, le) (rate(citybrain_http_request_duration_seconds_bucket[5m])))"
    made.lines("http", prom(http, "{{route}}"), unit="s")
    made.lines(
        "cpu",
        prom('rate(process_cpu_seconds_total{job=~"citybrain.*"}[$__rate_interval])', "{{job}} {{instance}} {{process}}"),
        span=8,
    )
    made.lines(
        "memory",
        prom('process_resident_memory_bytes{job=~"citybrain.*"}', "{{job}} {{instance}} {{process}}"),
        unit="bytes",
        span=8,
    )
    made.lines(
        "age",
        prom('time() - process_start_time_seconds{job=~"citybrain.*"}', "{{job}} {{instance}} {{process}}"),
        unit="s",
        span=8,
    )
    made.gauges(
        "up", prom('up{job=~"citybrain.*"}', "{{job}} {{instance}}", instant=True), span=8, steps=((None, "red"), (1, "green"))
    )
    made.lines(
        "silence", prom("citybrain_metrics_age_seconds", "{{process}}"), unit="s", span=8, steps=((None, "green"), (30, "red"))
    )
    made.lines(
        "files",
        prom('process_open_fds{job=~"citybrain.*"} / process_max_fds{job=~"citybrain.*"}', "{{job}} {{instance}} {{process}}"),
        unit="percentunit",
        span=8,
    )
