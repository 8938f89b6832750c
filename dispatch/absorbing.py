"""Open cases that go on in another one, their orders with them: merged by hand, or grouped in a storm.

Nobody wins time by it: the order that goes on is due when the first of all of them was.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import NamedTuple

from citybrain.store import alerts, cases, timers
from citybrain.store.db import Row, Tx
from dispatch import closing, ledger
from dispatch.cases import gravest
from dispatch.clocking import OrderClocks
from dispatch.limits import REPAIR
from dispatch.opening import Lookups
from dispatch.people.escalation import REVIEW


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
        timers.set_many(tx, into, {REVIEW: now})
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
    both, item = OrderClocks(tx, order), order["filing_item"]
    changed: set[str] = set()
    for one in taken:
        if one in open_orders:
            earlier = both.promise(look, OrderClocks(tx, open_orders[one]))
            item = open_orders[one]["filing_item"] if REPAIR in earlier else item
            changed |= set(earlier)
    if changed:
        facts = {"filing_item": item, "clocks": both.write(now)}
        detail = f"{order['filing_item']} -> {item}, due {both[REPAIR].due_at.isoformat()}"
        ledger.append(
            tx, str(order["id"]), "tightened", order["state"], at=now, actor=why.actor, reason=why.reason, detail=detail,
            facts=facts,
        )  # fmt: skip
    return both[REPAIR].due_at


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
