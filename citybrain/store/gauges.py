"""How things stand, as numbers: for /metrics, /api/stats and the demo."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from citybrain.store.db import Tx
from citybrain.store.sql import load

_SQL = load("gauges")


@dataclass(frozen=True, slots=True)
class Gauges:
    """Counts of this moment. `timer_late_s` is seconds that the most overdue timer waits, in city time."""

    orders: dict[str, int] = field(default_factory=dict)
    alerts: dict[tuple[str, str], int] = field(default_factory=dict)
    """(condition, phase) -> live alerts"""
    cases: dict[str, int] = field(default_factory=dict)
    quarantine: dict[str, int] = field(default_factory=dict)
    outbox: dict[str, int] = field(default_factory=dict)
    counters: dict[str, int] = field(default_factory=dict)
    overdue_open: int = 0
    overdue_ever: int = 0
    escalated: int = 0
    rejudge_waiting: int = 0
    readings: int = 0
    timer_late_s: float = 0.0


def gauges(tx: Tx, now: datetime, *, exact_readings: bool = False) -> Gauges:
    """Read all counts. `exact_readings` counts the rows of the archive (slow when large), otherwise the planner's estimate."""
    late = tx.one(_SQL["overdue"]) or {}
    count = tx.one(_SQL["readings_exact" if exact_readings else "readings_estimate"]) or {}
    return Gauges(
        orders={row["state"]: row["n"] for row in tx.all(_SQL["orders_by_state"])},
        alerts={(row["condition"], row["phase"]): row["n"] for row in tx.all(_SQL["alerts_live"])},
        cases={row["state"]: row["n"] for row in tx.all(_SQL["cases_by_state"])},
        quarantine={row["reason"]: row["n"] for row in tx.all(_SQL["quarantine_by_reason"])},
        outbox={row["state"]: row["n"] for row in tx.all(_SQL["outbox_by_state"])},
        counters={row["name"]: row["value"] for row in tx.all(_SQL["counters"])},
        overdue_open=late.get("overdue_open", 0),
        overdue_ever=late.get("overdue_ever", 0),
        escalated=late.get("escalated", 0),
        rejudge_waiting=(tx.one(_SQL["rejudge_waiting"]) or {}).get("n", 0),
        readings=count.get("n", 0),
        timer_late_s=(tx.one(_SQL["oldest_timer"], now=now) or {}).get("late_s", 0.0),
    )


def ping(tx: Tx) -> None:
    """Ask the database for anything at all. Raises UnavailableError."""
    tx.one(_SQL["ping"])
