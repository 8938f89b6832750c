"""The database as a Prometheus collector: how many orders, alerts and notifications are in which state now."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

from prometheus_client import Metric
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from citybrain.kernel.errors import CityBrainError
from citybrain.store.gauges import Details, Gauges
from dispatch.orders import STATES
from dispatch.returns import CODES
from dispatch.silences import SORTS

log = logging.getLogger(__name__)

OUTBOX_STATES = ("waiting", "sent", "dropped", "failed")
CASE_STATES = ("gathering", "open", "closed")


class GaugeCollector(Collector):
    """Reads the counts at each scrape. When the database does not answer, `citybrain_database_up` says so."""

    def __init__(self, read: Callable[[], tuple[Gauges, Details]]) -> None:
        self._read = read

    def describe(self) -> list[Metric]:
        """Nothing: so that registering does not read the database."""
        return []

    def collect(self) -> Iterator[Metric]:
        """All gauges."""
        try:
            found, more = self._read()
        except CityBrainError as error:
            log.warning("the gauges of the database are left out: %s", error)
            yield database_up(0)
            return
        yield database_up(1)
        yield from families(found, more)


def database_up(value: float) -> GaugeMetricFamily:
    """Whether the database answered."""
    return _by("citybrain_database_up", "1 when the database answered this scrape.", [], [((), value)])


def families(found: Gauges, more: Details) -> Iterator[GaugeMetricFamily]:
    """The counts as families."""
    units = {unit for _, unit in more.orders}
    orders = {(state, unit): 0 for state in STATES for unit in units} | more.orders
    yield _by("citybrain_orders", "Work orders by state and unit.", ["state", "unit"], orders.items())
    overdue = dict.fromkeys(units, 0) | more.overdue
    yield _by1("citybrain_orders_overdue", "Open work orders behind their limit, by unit.", "unit", overdue)
    yield _by1(
        "citybrain_orders_time_left",
        "Open work orders by the time that is left until their limit: overdue, at most 15m, 1h, 4h, 1d of city time, or more.",
        "left", more.left,
    )  # fmt: skip
    settled = {(kept, unit): 0 for kept in ("in_time", "late") for unit in units} | more.settled
    text = "Orders of the last 30 days of city time that were closed or fell behind their limit; exact: citybrain score."
    yield _by("citybrain_orders_settled", text, ["kept", "unit"], settled.items())
    yield _by1("citybrain_cases", "Cases by state.", "state", {**dict.fromkeys(CASE_STATES, 0), **found.cases})
    outbox = {**dict.fromkeys(OUTBOX_STATES, 0), **found.outbox}
    yield _by1("citybrain_outbox_notifications", "Notifications by state.", "state", outbox)
    yield _by1("citybrain_quarantine_stored_messages", "Messages in quarantine by reason.", "reason", found.quarantine)
    labels = ["condition", "district", "phase"]
    yield _by("citybrain_alerts", "Live alerts by condition, district and phase.", labels, more.alerts.items())
    yield _by("citybrain_assets", "Assets of the register by kind and district.", ["kind", "district"], more.assets.items())
    yield _by("citybrain_order_returns", "How often orders were given back, by reason code and unit.", ["code", "unit"],
              ({(code, unit): 0 for code in CODES for unit in units} | more.returned).items())  # fmt: skip
    share = more.first_dispatch.share
    yield _by("citybrain_first_dispatch_accuracy_ratio",
              "Share of all orders that stayed with the unit that got them first (none while there are no orders).", [],
              [] if share is None else [((), share)])  # fmt: skip
    told = "Steps of policies that were told because nobody had acknowledged, ever."
    yield _by("citybrain_escalation_steps", told, ["policy", "step"], more.steps_told.items())
    yield _by1("citybrain_nobody_on_duty", "Steps of policies that reached nobody, ever.", "policy", more.nobody)
    yield from _quiet(more)
    for name, text, value in (
        ("citybrain_register_proposals", "Changes of the register that returned orders ask for, undecided.", more.proposals),
        ("citybrain_ledger_anchors", "Days of the ledger that are anchored.", more.anchors),
        ("citybrain_ledger_newer_entries", "Entries of the ledger that no anchor covers yet.", more.newer_entries),
        ("citybrain_orders_escalated", "Work orders that were escalated, ever.", found.escalated),
        ("citybrain_outbox_oldest_seconds", "Age of the oldest notification that waits, city seconds.", more.outbox_oldest_s),
        ("citybrain_rejudge_waiting_assets", "Assets that wait to be judged again.", found.rejudge_waiting),
        ("citybrain_stored_readings", "Stored readings, by the planner's statistics.", found.readings),
        ("citybrain_timer_late_seconds", "How long the most overdue timer waits, city seconds.", found.timer_late_s),
    ):
        yield _by(name, text, [], [((), value)])


def _quiet(more: Details) -> Iterator[GaugeMetricFamily]:
    """Silences, and what they mute."""
    silences = {(sort, state): 0 for sort in SORTS for state in ("planned", "active")} | more.quiet.silences
    none = dict.fromkeys(SORTS, 0)
    labels = ["sort", "state"]
    yield _by("citybrain_silences", "Silences, windows, works and openings that are not over.", labels, silences.items())
    yield _by1("citybrain_muted_cases", "Open cases that are muted, by what mutes them.", "sort", none | more.quiet.cases)
    yield _by1("citybrain_muted_alerts", "Live alerts of muted cases, by what mutes them.", "sort", none | more.quiet.alerts)
    text = "Notifications that wait for the end of a silence."
    yield _by("citybrain_muted_notifications", text, [], [((), more.quiet.held)])


def _by1(name: str, text: str, label: str, values: Mapping[str, float]) -> GaugeMetricFamily:
    return _by(name, text, [label], [((key,), value) for key, value in values.items()])


def _by(name: str, text: str, labels: Sequence[str], values: Iterable[tuple[tuple[str, ...], float]]) -> GaugeMetricFamily:
    family = GaugeMetricFamily(name, text, labels=labels)
    for key, value in sorted(values):
        family.add_metric(key, value)
    return family
