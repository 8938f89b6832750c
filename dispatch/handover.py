"""An order that is nobody's at the moment goes to a unit: by the cycle, by an arbiter, or back to who had it."""

from __future__ import annotations

from datetime import datetime

from citybrain.store import orders, returns, timers
from citybrain.store.db import Row, Tx
from dispatch import ledger, telling
from dispatch.opening import Lookups, clock_facts, trail
from dispatch.responsibility import Answer


def hand_over(
    tx: Tx, look: Lookups, case: Row, order: Row, answer: Answer, *, reason: str, actor: str, now: datetime, detail: str = ""
) -> str:
    """Send an order to the unit of `answer`; its state then. Another unit has the whole limit from now, the same one the rest.

    `case` has asset, kind and condition. The caller holds the case; the order is returned or in arbitration, else StateError.
    """
    order_id, case_id, unit = str(order["id"]), str(order["case_id"]), answer.unit
    deadline = look.deadline(unit, order["filing_item"], now) if unit.id != order["unit"] else None
    facts = {
        "from": order["unit"],
        "to": unit.id,
        "why": reason,
        "clocks": [clock_facts("repair", deadline)] if deadline else [],
    }
    moved = f"{order['unit']} -> {unit.id}"
    state = ledger.append(
        tx, order_id, "redispatch", order["state"], at=now, actor=actor, reason=reason,
        detail=f"{moved}: {detail}" if detail else moved, facts=facts,
    )  # fmt: skip
    orders.set_state(tx, order_id, state, reason=reason, at=now)
    returns.sent(tx, order_id, unit.id, reason)
    timers.drop(tx, [case_id], ["redispatch", "arbitration"])
    if deadline is not None:
        orders.set_limit(
            tx,
            order_id,
            unit=unit.id,
            filing_item=order["filing_item"],
            limit_value=deadline.value,
            limit_unit=deadline.unit,
            dispatched_at=now,
            clock_from=now,
            due_at=deadline.due_at,
            explanation=deadline.steps,
            trail=trail(answer.trail),
        )
        timers.drop(tx, [case_id], ["supervisor"])
        timers.set_many(tx, case_id, look.clock(unit, deadline))
    info = look.info(case["condition"], case["kind"])
    after = {**order, "state": state, "unit": unit.id}
    telling.climb(tx, after, "unit", unit=unit, info=info, reason=reason, now=now)
    return state
