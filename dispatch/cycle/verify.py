"""The sensor's word: a case whose condition is gone and stays gone is closed; `fixed` that is not true is sent back."""

from __future__ import annotations

from datetime import datetime

from citybrain.kernel.conditions import ConditionInfo
from citybrain.store import alerts, orders, timers
from citybrain.store.db import Row, Tx
from dispatch import closing
from dispatch.cycle.module import of_timers
from dispatch.opening import Lookups
from dispatch.verification import AlertFact, Finding, Verdict, judge, patience_s


def handle(tx: Tx, look: Lookups, timer: Row, now: datetime) -> None:
    """Judge one case."""
    if timer["state"] != "open":
        return
    case_id = str(timer["case_id"])
    order = orders.open_of(tx, [case_id]).get(case_id)
    finding = look_at(look, timer, alerts.of_cases(tx, [case_id])[case_id], order, now)
    if finding.verdict is Verdict.WAIT and finding.at is not None:
        timers.set_many(tx, case_id, {"verify": finding.at})
        return
    unit = look.unit(order["unit"]) if order else None
    info = look.info(timer["condition"], timer["kind"])
    if finding.verdict is Verdict.REWORK and order is not None:
        closing.rework(tx, look, order, reason=finding.reason, now=now, unit=unit, info=info)
    elif finding.verdict is Verdict.CLOSE:
        outcome = "cleared" if order is None else "verified" if order["state"] == "fixed" else "cleared_by_sensor"
        closing.end(
            tx, {**timer, "id": case_id}, order, ["verify", "close"], outcome=outcome, reason=finding.reason, actor="sensor",
            now=now, unit=unit, info=info,
        )  # fmt: skip


def look_at(look: Lookups, case: Row, members: list[Row], order: Row | None, now: datetime) -> Finding:
    """The finding about a case from its alerts and its order."""
    facts = [AlertFact(row["asset"], row["phase"], row["changed_at"]) for row in members]
    # children have their own times; those of a group without an alert of its own are all there is
    own = [row for row in members if row["asset"] == case["asset"]] or members
    infos: list[ConditionInfo] = [look.info(row["condition"], row["kind"]) for row in own]
    infos = infos or [look.info(case["condition"], case["kind"])]
    return judge(
        case["asset"],
        facts,
        order_state=order["state"] if order else None,
        fixed_at=order["fixed_at"] if order else None,
        verify_s=max(info.verify_s for info in infos),
        patience=max(patience_s(info) for info in infos),
        group_min=max(info.group_min for info in infos),
        now=now,
    )


MODULE = of_timers("verify", frozenset({"verify"}), handle)
