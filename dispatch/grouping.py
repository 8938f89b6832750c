"""Waiting cases taken up by the case of their parent, written down."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from citybrain.store import alerts, cases, timers
from citybrain.store.db import Row, Tx
from dispatch import ledger
from dispatch.account import account
from dispatch.board import OpenCase
from dispatch.causes import Surroundings


def adopt(tx: Tx, parent: str, taken: Sequence[str], *, now: datetime, reason: str) -> None:
    """The alerts of waiting cases go to the parent's case; the waiting ones are closed. The caller holds all of them."""
    moved = alerts.adopt(tx, parent, taken)
    alerts.note(tx, now, "grouped", [(alert, reason, parent) for alert in moved])
    cases.close(tx, taken, outcome="grouped", at=now)
    ledger.ended(tx, taken, outcome="grouped", at=now, actor="dispatch", reason=reason, facts={"parent": parent})
    ledger.note(tx, parent, "grouped", at=now, actor="dispatch", reason=reason, facts={"cases": sorted(taken)})
    timers.drop(tx, taken, ["gathering", "verify"])


def bring_up_to_date(
    tx: Tx, around: Surroundings, case_id: str, asset: str, cause: str, members: Sequence[Row], *, now: datetime
) -> None:
    """Write down what is known of a group now: into the case, and into its ledger what is new. The caller holds the case."""
    fallen = {row["asset"] for row in members if row["asset"] != asset and row["phase"] != "resolved"}
    before = cases.facts(tx, case_id)
    facts = account(cause, fallen, around.assets, around.network, around.grouping)
    if facts == before or not fallen:
        return
    cases.set_facts(tx, case_id, facts)
    span = facts.get("span")
    if span is not None and span != before.get("span"):
        detail = f"between {span['last_live']} and {span['first_dead']}"
        ledger.note(tx, case_id, "located", at=now, actor="dispatch", reason="dead_tail", detail=detail, facts=facts)
    else:
        ledger.note(tx, case_id, "grown", at=now, actor="dispatch", reason="children_came", facts=facts)


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
