"""How things stand, as numbers: for /metrics, /api/stats and the demo."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from citybrain.store import returns, silences
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


LEFT = {"overdue": 0, "15m": 900, "1h": 3600, "4h": 14400, "1d": 86400, "more": None}
"""name of a class of time left -> its upper bound in city seconds (the last has none)"""


@dataclass(frozen=True, slots=True)
class Details:
    """What only the metrics show. Seconds are city time."""

    orders: dict[tuple[str, str], int] = field(default_factory=dict)
    """(state, unit) -> orders"""
    overdue: dict[str, int] = field(default_factory=dict)
    """unit -> open orders behind their limit"""
    left: dict[str, int] = field(default_factory=lambda: dict.fromkeys(LEFT, 0))
    """class of time left (key of LEFT) -> open orders"""
    alerts: dict[tuple[str, str, str], int] = field(default_factory=dict)
    """(condition, district, phase) -> live alerts"""
    assets: dict[tuple[str, str], int] = field(default_factory=dict)
    """(kind, district) -> assets of the register"""
    steps_told: dict[tuple[str, str], int] = field(default_factory=dict)
    """(policy, step from 1) -> how often it was told, ever; the first only when it was told again"""
    nobody: dict[str, int] = field(default_factory=dict)
    """policy -> steps that reached nobody, ever"""
    outbox_oldest_s: float = 0.0
    """age of the oldest notification that waits"""
    quiet: silences.Counts = silences.NONE
    """silences, and what they mute"""
    returned: dict[tuple[str, str], int] = field(default_factory=dict)
    """(code, unit) -> how often it gave an order back"""
    first_dispatch: returns.Accuracy = field(default_factory=lambda: returns.Accuracy("", 0, 0))
    """of all orders that are somewhere: how many went to the wrong unit first"""
    settled: dict[tuple[str, str], int] = field(default_factory=dict)
    """(kept: in_time or late, unit) -> orders of the last 30 days that were closed or fell behind their limit"""
    anchors: int = 0
    """days of the ledger that are anchored"""
    newer_entries: int = 0
    """entries of the ledger that no anchor covers yet"""
    proposals: int = 0
    """changes of the register that returned orders ask for, and nobody has decided"""


def details(tx: Tx, now: datetime, misdirected: Sequence[str] = ()) -> Details:
    """Read them: a few group counts, for a scrape now and then and not for a hot path. `misdirected`: codes of returns that say
    that an order went to the wrong unit."""
    bounds = [bound for bound in LEFT.values() if bound is not None]
    names = list(LEFT)
    ledger = tx.one(_SQL["ledger"]) or {}
    found = tx.all(_SQL["time_left"], now=now, bounds=bounds)
    return Details(
        orders={(row["state"], row["unit"]): row["n"] for row in tx.all(_SQL["orders_by_unit"])},
        overdue={row["unit"]: row["n"] for row in tx.all(_SQL["overdue_by_unit"])},
        left={**dict.fromkeys(names, 0), **{names[row["class"]]: row["n"] for row in found}},
        alerts={(row["condition"], row["district"], row["phase"]): row["n"] for row in tx.all(_SQL["alerts_by_district"])},
        assets={(row["kind"], row["district"]): row["n"] for row in tx.all(_SQL["assets_by_district"])},
        steps_told={(row["policy"], row["step"]): row["n"] for row in tx.all(_SQL["steps_told"])},
        nobody={row["policy"]: row["n"] for row in tx.all(_SQL["steps_skipped"])},
        quiet=silences.counts(tx),
        outbox_oldest_s=(tx.one(_SQL["outbox_oldest"], now=now) or {}).get("age_s", 0.0),
        returned=returns.by_code(tx),
        first_dispatch=returns.totals(tx, misdirected),
        settled={(row["kept"], row["unit"]): row["n"] for row in tx.all(_SQL["settled"], now=now)},
        anchors=ledger.get("anchors", 0),
        newer_entries=ledger.get("newer", 0),
        proposals=returns.open_proposals(tx),
    )


def ping(tx: Tx) -> None:
    """Ask the database for anything at all. Raises UnavailableError."""
    tx.one(_SQL["ping"])
