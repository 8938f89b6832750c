"""Waiting cases taken up by the case of their parent, written down."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from citybrain.store import alerts, cases, timers
from citybrain.store.db import Row, Tx
from dispatch import ledger
from dispatch.board import OpenCase


def adopt(tx: Tx, parent: str, taken: Sequence[str], *, now: datetime, reason: str) -> None:
    """The alerts of waiting cases go to the parent's case; the waiting ones are closed. The caller holds all of them."""
    moved = alerts.adopt(tx, parent, taken)
    alerts.note(tx, now, "grouped", [(alert, reason, parent) for alert in moved])
    cases.close(tx, taken, outcome="grouped", at=now)
    ledger.ended(tx, taken, outcome="grouped", at=now, actor="dispatch", reason=reason, facts={"parent": parent})
    ledger.note(tx, parent, "grouped", at=now, actor="dispatch", reason=reason, facts={"cases": sorted(taken)})
    timers.drop(tx, taken, ["gathering", "verify"])


def open_case(row: Row) -> OpenCase:
    """A case row as the decisions see it."""
    return OpenCase(
        id=str(row["id"]),
        asset=row["asset"],
        kind=row["kind"],
        cause=row["cause"],
        condition=row["condition"],
        state=row["state"],
        severity=row["severity"],
        filing=row["filing_item"],
        group_key=row["group_key"],
        parents=tuple(row["parents"]),
        raised_at=row["raised_at"],
        lat=row["lat"],
        lon=row["lon"],
    )
