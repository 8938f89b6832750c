"""Returned orders find their next unit: the one that a corrected register names, else the guardian of last resort."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from citybrain.store import orders, timers
from citybrain.store.db import Row, Tx
from dispatch import ledger, telling
from dispatch.cycle.module import of_timers
from dispatch.opening import Lookups, clock_facts, trail
from dispatch.responsibility import Answer, find_unit


def next_unit(look: Lookups, case: Row, refused: list[str], now: datetime) -> tuple[Answer, str]:
    """Who gets an order that `refused` returned, and why.

    The guardian of last resort cannot pass it on: returned by the guardian it stays with the guardian.
    """
    asset, register = look.asset(case["asset"], case["kind"]), look.register
    answer = find_unit(asset, case["condition"], register, now.date())
    if answer.unit.id not in refused:
        return answer, "register_corrected"
    guardians = replace(register, responsibilities=[rule for rule in register.responsibilities if rule.level == "guardian"])
    answer = find_unit(replace(asset, unit=None), case["condition"], guardians, now.date())
    return answer, "guardian_must" if answer.unit.id in refused else "guardian_of_last_resort"


def handle(tx: Tx, look: Lookups, timer: Row, now: datetime) -> None:
    """Give one returned order to its next unit. Another unit gets the whole limit from now, the same one what is left."""
    case_id = str(timer["case_id"])
    order = orders.open_of(tx, [case_id]).get(case_id)
    if order is None or order["state"] != "returned":
        return
    order_id = str(order["id"])
    answer, reason = next_unit(look, timer, list(order["refused"]), now)
    unit = answer.unit
    detail = f"{order['unit']} -> {unit.id}"
    deadline = look.deadline(unit, order["filing_item"], now) if unit.id != order["unit"] else None
    facts = {"from": order["unit"], "to": unit.id, "why": reason, "clocks": [clock_facts("repair", deadline)] if deadline else []}
    state = ledger.append(
        tx, order_id, "redispatch", order["state"], at=now, actor="cycle", reason=reason, detail=detail, facts=facts
    )
    orders.set_state(tx, order_id, state, reason=reason, at=now)
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
    info = look.info(timer["condition"], timer["kind"])
    after = {**order, "state": state, "unit": unit.id}
    telling.climb(tx, after, "unit", unit=unit, info=info, reason=reason, now=now)


MODULE = of_timers("redispatch", frozenset({"redispatch"}), handle)
