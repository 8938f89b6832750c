"""Returned orders find their next unit: the one that a corrected register names, else the guardian of last resort.

A unit that does not dispute that it is responsible, and is hindered only, gets its order back when the dispatcher's time is
over; what was returned as often as it may be goes to the arbiter.
"""

from __future__ import annotations

from datetime import datetime

from citybrain.store import orders, returns, timers
from citybrain.store.db import Row, Tx
from dispatch.arbitration import arbiter_for, limit_of, open_arbitration, tell_arbiter
from dispatch.cycle.module import of_timers
from dispatch.handover import hand_over
from dispatch.opening import Lookups
from dispatch.responsibility import Answer, Step, find_unit, guardian_of
from dispatch.returns import CODES, MAX_RETURNS


def next_unit(look: Lookups, case: Row, refused: list[str], now: datetime) -> tuple[Answer, str]:
    """Who gets an order that `refused` returned, and why.

    The guardian of last resort cannot pass it on: returned by the guardian it stays with the guardian.
    """
    asset = look.asset(case["asset"], case["kind"])
    answer = find_unit(asset, case["condition"], look.register, now)
    if answer.unit.id not in refused:
        return answer, "register_corrected"
    answer = guardian_of(asset, case["condition"], look.register, now)
    return answer, "guardian_must" if answer.unit.id in refused else "guardian_of_last_resort"


def handle(tx: Tx, look: Lookups, timer: Row, now: datetime) -> None:
    """Give one returned order to its next unit."""
    case_id = str(timer["case_id"])
    order = orders.open_of(tx, [case_id]).get(case_id)
    if order is None or order["state"] != "returned":
        return
    last = returns.of_order(tx, str(order["id"]))
    if order["returns"] >= MAX_RETURNS:
        open_arbitration(tx, look, timer, order, now)
        return
    if last and not CODES[last[-1]["code"]].disputes and (unit := look.unit(order["unit"])) is not None:
        dispatcher = arbiter_for(look, timer, order)
        until = limit_of(look, dispatcher, look.books.returns.dispatcher, last[-1]["at"]).due_at
        if now < until:
            timers.set_many(tx, case_id, {"redispatch": until})
            code = last[-1]["code"]
            tell_arbiter(tx, look, timer, order, "returned", dispatcher, until, reason=code, now=now)
            return
        back = Answer(unit, (Step("own", "", True, "stays_responsible", last[-1]["code"]),))
        hand_over(tx, look, timer, order, back, reason="stays_responsible", actor="cycle", now=now)
        return
    answer, reason = next_unit(look, timer, list(order["refused"]), now)
    hand_over(tx, look, timer, order, answer, reason=reason, actor="cycle", now=now)


MODULE = of_timers("redispatch", frozenset({"redispatch"}), handle)
