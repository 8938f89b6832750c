"""The end of a case: its order moves to its last state, its timers go, its unit hears of it, its children are looked after."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from citybrain.kernel.conditions import ConditionInfo
from citybrain.kernel.model import Unit
from citybrain.store import cases, escalations, orders, silences, timers
from citybrain.store.db import Row, Tx
from dispatch import ledger, telling
from dispatch.chain import Facts
from dispatch.clock_moves import follow_move, lapse, repair_rejected
from dispatch.clocking import PURPOSES
from dispatch.notices import TAKEN
from dispatch.opening import Lookups
from dispatch.people import escalation
from dispatch.proposals import offer_repaired

OF_ORDER = (*sorted(PURPOSES), *escalation.TIMERS, TAKEN, "redispatch", "arbitration")
"""Timers that end with the order."""
OF_CASE = (*OF_ORDER, "gathering", "verify", "grow", "unmute", "must_close")


def end(
    tx: Tx, case: Row, order: Row | None, moves: Sequence[str], *, outcome: str, reason: str, actor: str, now: datetime,
    unit: Unit | None = None, info: ConditionInfo | None = None, detail: str = "", facts: Facts | None = None,
) -> None:  # fmt: skip
    """Close a case. `moves` are the last moves of its order (verify and close, or cancel). The caller holds the case."""
    case_id = str(case["id"])
    if order is not None:
        state = order["state"]
        facts = {"clocks": follow_move(tx, order, moves[0], now), **(facts or {})}
        for event in moves:
            state = ledger.append(
                tx, str(order["id"]), event, state, at=now, actor=actor, reason=reason, detail=detail, facts=facts
            )
        lapse(tx, order, reason="order_over", now=now)
        orders.set_state(tx, str(order["id"]), state, reason=reason, at=now)
        escalations.end(tx, str(order["id"]), state, now)
        if "verify" in moves and order["returns"]:
            offer_repaired(tx, str(order["id"]), now)
        telling.tell_unit(tx, {**order, "state": state}, state, unit=unit, info=info, reason=reason, now=now)
    cases.close(tx, [case_id], outcome=outcome, at=now)
    ledger.ended(tx, [case_id], outcome=outcome, at=now, actor=actor, reason=reason)
    timers.drop(tx, [case_id], OF_CASE)
    silences.unmute(tx, [case_id])
    if case["children"]:
        # children that still fire get cases of their own, at once where their sensors can tell (see `dispatch.releasing`)
        timers.set_many(tx, case_id, {"settle": now})


def rework(
    tx: Tx, look: Lookups, order: Row, *, reason: str, now: datetime, unit: Unit | None, info: ConditionInfo | None,
    actor: str = "sensor",
) -> None:  # fmt: skip
    """The sensor disagrees with `fixed`: the same order goes on, its clock too. A limit that passed meanwhile counts now;
    of an order that was late already the supervisor hears."""
    order_id = str(order["id"])
    facts = {"clocks": repair_rejected(tx, look, order, now)}
    state = ledger.append(tx, order_id, "rework", order["state"], at=now, actor=actor, reason=reason, facts=facts)
    orders.set_state(tx, order_id, state, reason=reason, at=now)
    after = {**order, "state": state, "reworks": order["reworks"] + 1}
    telling.tell_unit(tx, after, "rework", unit=unit, info=info, reason=reason, now=now)
    if order["overdue_at"] is not None:
        timers.set_many(tx, str(order["case_id"]), {"supervisor": now})
