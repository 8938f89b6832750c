"""Open cases that go on in another one, their orders with them: merged by hand, or grouped in a storm.

Nobody wins time by it: the order that goes on is due when the first of all of them was.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import NamedTuple

from citybrain.store import alerts, cases, orders, timers
from citybrain.store.db import Row, Tx
from dispatch import closing, ledger
from dispatch.cases import gravest
from dispatch.opening import Lookups


class Why(NamedTuple):
    """Who takes cases up and why: `reason` is a name, `detail` a person's words, `outcome` that of the cases taken up."""

    actor: str
    reason: str
    outcome: str
    detail: str = ""


def absorb(
    tx: Tx, look: Lookups, target: Row, taken: Sequence[Row], open_orders: Mapping[str, Row], why: Why, *, now: datetime
) -> datetime | None:  # fmt: skip
    """Take the cases `taken` up into the open case `target`; when its order is due, if it has one.

    The caller holds all of them. Their alerts go on there, their orders end as cancelled, their units are told.
    """
    into = str(target["id"])
    names = [str(row["id"]) for row in taken]
    due_at = _keep_promise(tx, look, target, open_orders, names, why, now)
    moved = alerts.adopt(tx, into, names)
    alerts.note(tx, now, "grouped", [(alert, why.reason, into) for alert in moved])
    for row in taken:
        _end(tx, look, row, open_orders.get(str(row["id"])), into, why, now)
    worst = _gravest(target["severity"], taken)
    if worst != target["severity"]:
        cases.raise_severity(tx, into, worst)
    cases.count_children(tx, [into])
    ended = [str(open_orders[name]["id"]) for name in names if name in open_orders]
    facts = {"cases": names, "orders": ended, "severity": worst}
    ledger.note(tx, into, "merged", at=now, actor=why.actor, reason=why.reason, detail=why.detail, facts=facts)
    # what came along may be over already
    timers.sooner(tx, into, "verify", now)
    return due_at


def _gravest(severity: str, rows: Iterable[Row]) -> str:
    for row in rows:
        severity = gravest(severity, row["severity"])
    return severity


def _keep_promise(
    tx: Tx, look: Lookups, target: Row, open_orders: Mapping[str, Row], taken: Sequence[str], why: Why, now: datetime
) -> datetime | None:  # fmt: skip
    """The order that goes on is due when the first of all of them was; when that is."""
    order = open_orders.get(str(target["id"]))
    if order is None:
        return None
    stood: datetime = order["due_at"]
    first = min((open_orders[one] for one in taken if one in open_orders), key=lambda row: row["due_at"], default=order)
    if first["due_at"] >= stood:
        return stood
    unit = look.unit(order["unit"])
    deadline = look.deadline(unit, first["filing_item"], first["clock_from"])
    # the other unit's calendar may count in another way: never later than what was promised
    due_at: datetime = min(deadline.due_at, first["due_at"])
    order_id = str(order["id"])
    orders.set_limit(
        tx, order_id, unit=order["unit"], filing_item=first["filing_item"], limit_value=deadline.value,
        limit_unit=deadline.unit, dispatched_at=order["dispatched_at"], clock_from=first["clock_from"], due_at=due_at,
        explanation=deadline.steps,
    )  # fmt: skip
    detail = f"{order['filing_item']} -> {first['filing_item']}, due {due_at.isoformat()}"
    ledger.append(tx, order_id, "tightened", order["state"], at=now, actor=why.actor, reason=why.reason, detail=detail)
    timers.set_many(tx, str(target["id"]), look.clock(unit, deadline))
    return due_at


def _end(tx: Tx, look: Lookups, case: Row, order: Row | None, into: str, why: Why, now: datetime) -> None:
    unit = look.unit(order["unit"]) if order else None
    info = look.info(case["condition"], case["kind"], case["severity"])
    facts = {"into": into}
    ledger.note(tx, str(case["id"]), "merged_into", at=now, actor=why.actor, reason=why.reason, detail=why.detail, facts=facts)
    # its children went along: nobody is left behind to be released
    closing.end(
        tx, {**case, "children": 0}, order, ["cancel"], outcome=why.outcome, reason=why.reason, actor=why.actor, now=now,
        unit=unit, info=info, detail=f"into case {into}{': ' if why.detail else ''}{why.detail}",
    )  # fmt: skip
