"""The database as a Prometheus collector: how many orders, alerts and notifications are in which state now."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping

from prometheus_client import Metric
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from citybrain.kernel.errors import CityBrainError
from citybrain.store.gauges import Gauges
from dispatch.orders import STATES

log = logging.getLogger(__name__)

OUTBOX_STATES = ("waiting", "sent", "dropped", "failed")
CASE_STATES = ("gathering", "open", "closed")


class GaugeCollector(Collector):
    """Reads the counts at each scrape. When the database does not answer, `citybrain_database_up` says so."""

    def __init__(self, read: Callable[[], Gauges]) -> None:
        self._read = read

    def describe(self) -> list[Metric]:
        """Nothing: so that registering does not read the database."""
        return []

    def collect(self) -> Iterator[Metric]:
        """All gauges."""
        up = GaugeMetricFamily("citybrain_database_up", "1 when the database answered this scrape.")
        try:
            found = self._read()
        except CityBrainError as error:
            log.warning("the gauges of the database are left out: %s", error)
            up.add_metric([], 0)
            yield up
            return
        up.add_metric([], 1)
        yield up
        yield _by("citybrain_orders", "Work orders by state.", "state", {**dict.fromkeys(STATES, 0), **found.orders})
        yield _by("citybrain_cases", "Cases by state.", "state", {**dict.fromkeys(CASE_STATES, 0), **found.cases})
        yield _by("citybrain_outbox", "Notifications by state.", "state", {**dict.fromkeys(OUTBOX_STATES, 0), **found.outbox})
        yield _by("citybrain_quarantined_messages", "Messages in quarantine by reason.", "reason", found.quarantine)
        yield _by("citybrain_counters", "Durable counters of the pipeline.", "name", found.counters)
        alerts = GaugeMetricFamily("citybrain_alerts", "Live alerts by condition and phase.", labels=["condition", "phase"])
        for (condition, phase), number in sorted(found.alerts.items()):
            alerts.add_metric([condition, phase], number)
        yield alerts
        for name, text, value in (
            ("citybrain_orders_overdue", "Open work orders behind their limit.", found.overdue_open),
            ("citybrain_orders_escalated", "Work orders that were escalated, ever.", found.escalated),
            ("citybrain_rejudge_waiting", "Assets that wait to be judged again.", found.rejudge_waiting),
            ("citybrain_readings_stored", "Stored readings, by the planner's statistics.", found.readings),
            ("citybrain_timer_late_seconds", "How long the most overdue timer waits, city seconds.", found.timer_late_s),
        ):
            gauge = GaugeMetricFamily(name, text)
            gauge.add_metric([], value)
            yield gauge


def _by(name: str, text: str, label: str, values: Mapping[str, float]) -> GaugeMetricFamily:
    family = GaugeMetricFamily(name, text, labels=[label])
    for key, value in sorted(values.items()):
        family.add_metric([key], value)
    return family
