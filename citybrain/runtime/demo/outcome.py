"""PURE: the summary of a demo, from what the database holds and what the publisher counted."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence, Set
from typing import Any, NamedTuple

from citybrain.kernel.conditions import ConditionInfo
from citybrain.kernel.times import iso, to_ms
from simulators.ledger import Ledger
from simulators.score import AlertRow, OrderRow, Score, percentile, score
from simulators.truth import Fault

Row = Mapping[str, Any]


class Before(NamedTuple):
    """What there was when the demo began; it is not the demo's doing."""

    start_ms: int
    """City time at which the demo began."""
    counters: Mapping[str, int]
    escalated: int


NOTHING = Before(0, {}, 0)


class Casework(NamedTuple):
    """What dispatch made of the alerts."""

    cases: int
    """that stood for themselves"""
    children_grouped: int
    """faults that went into the case of another asset"""
    messages_sent: int
    on_time_rate: float | None
    """按期结案率 by the published formula; None when no order was due or closed"""
    forecast_orders: int
    """planned orders"""


PLANNED = "PLAN-"
"""Conditions of forecasts begin like this: they are no faults that the simulator made."""


def unplanned(rows: Iterable[Row]) -> list[Row]:
    """Alerts or orders without the planned ones."""
    return [row for row in rows if not row["condition"].startswith(PLANNED)]


def alert_row(row: Row) -> AlertRow:
    """An alert of the database for the scorer."""
    end = row["end_at"]
    return AlertRow(
        str(row["id"]),
        row["asset"],
        row["condition"],
        row["severity"],
        to_ms(row["onset_at"]),
        to_ms(row["raised_at"]),
        None if end is None else to_ms(end),
        row["withdrawn"],
    )


def order_row(row: Row) -> OrderRow:
    """An order of the database for the scorer."""
    closed = row["closed_at"]
    return OrderRow(
        str(row["id"]),
        row["asset"],
        row["condition"],
        row["cause"],
        to_ms(row["dispatched_at"]),
        None if closed is None else to_ms(closed),
        row["state"],
        tuple(asset for asset in row["assets"] if asset != row["asset"]),
    )


def until(rows: Iterable[Row], now_ms: int) -> list[Row]:
    """Orders whose first alert was raised before the devices fell silent at the end of the demo."""
    return [row for row in rows if row["raised_at"] is None or to_ms(row["raised_at"]) <= now_ms]


def since(rows: Iterable[Row], start_ms: int) -> list[Row]:
    """Alerts, and orders whose first alert, that were not raised before the demo began."""
    return [row for row in rows if row["raised_at"] is None or to_ms(row["raised_at"]) >= start_ms]


def publish_to_order_ms(
    firsts: Iterable[Row], published: Mapping[tuple[str, int], int], infos: Mapping[str, ConditionInfo]
) -> list[float]:
    """Real ms from publishing the message that raised an alert to the commit of its order.

    Only orders that a message raised at once count: an alert that the clock raised (a dwell that ran out, a silence), and an
    order that waited for siblings, measure a rule and not the program.
    """
    found = []
    for row in firsts:
        info = infos.get(row["condition"])
        if not row["evidence"] or row["committed_ms"] is None or (info is not None and info.group_by and info.group_wait_s):
            continue
        newest = max(int(item[0]) for item in row["evidence"])
        sent = published.get((row["asset"], newest))
        if sent is not None and newest == to_ms(row["raised_at"]):
            found.append(row["committed_ms"] - sent)
    return found


def fault_table(truth: Iterable[Fault], result: Score, now_ms: int) -> list[dict[str, Any]]:
    """What became of each fault that began until `now_ms`."""
    states = {name: state for state in ("pending", "missed", "detected", "late") for name in getattr(result, state)}
    return [
        {
            "id": fault.id,
            "name": fault.name,
            "asset": fault.asset,
            "real": fault.real,
            "from": iso(fault.from_ms),
            "detect_by": iso(fault.detect_by_ms),
            "to": None if fault.to_ms is None else iso(fault.to_ms),
            "outcome": states.get(fault.id, "no fault"),
        }
        for fault in truth
        if fault.from_ms <= now_ms
    ]


def summary(
    *,
    truth: Sequence[Fault],
    alerts: Iterable[Row],
    orders: Iterable[Row],
    firsts: Iterable[Row],
    stored: Set[int] | None,
    counters: Mapping[str, int],
    escalated: int,
    before: Before = NOTHING,
    casework: Casework,
    ledger: Ledger,
    infos: Mapping[str, ConditionInfo],
    now_ms: int,
) -> dict[str, Any]:
    """The figures of a demo; `now_ms` is the city time at which publishing ended.

    `stored` are the marks (`simulators.ledger.mark_of`) of the stored readings; None when there were too many to compare.
    What there was `before` does not count.
    """
    orders = until(since(unplanned(orders), before.start_ms), now_ms)
    told = [alert_row(row) for row in since(unplanned(alerts), before.start_ms)]
    result = score(truth, told, [order_row(row) for row in orders], now_ms)
    delays = publish_to_order_ms(firsts, ledger.about_faults, infos)
    acknowledged = ledger.readings
    new = {name: value - before.counters.get(name, 0) for name, value in counters.items()}
    p50, p99 = percentile(delays, 0.5), percentile(delays, 0.99)
    return {
        "messages_published": ledger.published,
        "readings_published": ledger.published if acknowledged is None else len(acknowledged),
        "readings_stored": new.get("stored", 0) if acknowledged is None or stored is None else len(stored & acknowledged),
        "readings_lost": None if acknowledged is None or stored is None else len(acknowledged - stored),
        "duplicates_ignored": new.get("duplicates", 0),
        "readings_late": new.get("late", 0),
        "quarantined": new.get("quarantined", 0),
        "orders_opened": len(orders),
        "orders_closed": sum(row["state"] == "closed" for row in orders),
        "orders_overdue": sum(row["overdue_at"] is not None for row in orders),
        "orders_escalated": escalated - before.escalated,
        **casework._asdict(),
        "publish_to_order_ms": {
            "p50": None if p50 is None else round(p50, 1),
            "p99": None if p99 is None else round(p99, 1),
            "orders": len(delays),
        },
        **result.summary(),
        "faults": fault_table(truth, result, now_ms),
    }
