"""An order that is nobody's at the moment goes to a unit: by the cycle, by an arbiter, or back to who had it."""

from __future__ import annotations

from datetime import datetime

from citybrain.store import orders, returns, timers
from citybrain.store.db import Row, Tx
from dispatch import ledger, telling
from dispatch.alike import trail
from dispatch.clocking import OrderClocks
from dispatch.opening import Lookups
from dispatch.responsibility import Answer


def hand_over(
    tx: Tx, look: Lookups, case: Row, order: Row, answer: Answer, *, reason: str, actor: str, now: datetime, detail: str = ""
) -> str:
    """Send an order to the unit of `answer`; its state then. Another unit has the whole limit from now, the same one the rest.

    `case` has asset, kind and condition. The caller holds the case; the order is returned or in arbitration, else StateError.
    """
    order_id, case_id, unit = str(order["id"]), str(order["case_id"]), answer.unit
    both, other = OrderClocks(tx, order), unit.id != order["unit"]
    if other:
        street = look.asset(case["asset"], case["kind"]).street_class
        both.restart(look, unit, order["filing_item"], case.get("severity"), street, now)
    else:
        both.resume(look, both.within({"paused"}), now)
    facts = {
        "from": order["unit"],
        "to": unit.id,
        "why": reason,
        "clocks": both.write(now),
    }
    moved = f"{order['unit']} -> {unit.id}"
    state = ledger.append(
        tx, order_id, "redispatch", order["state"], at=now, actor=actor, reason=reason,
        detail=f"{moved}: {detail}" if detail else moved, facts=facts,
    )  # fmt: skip
    orders.set_state(tx, order_id, state, reason=reason, at=now)
    returns.sent(tx, order_id, unit.id, reason)
    timers.drop(tx, [case_id], ["redispatch", "arbitration"])
    if other:
        orders.set_unit(tx, order_id, unit.id, dispatched_at=now, trail=trail(answer.trail))
    info = look.info(case["condition"], case["kind"])
    after = {**order, "state": state, "unit": unit.id}
    telling.climb(tx, after, "unit", unit=unit, info=info, reason=reason, now=now)
    return state
