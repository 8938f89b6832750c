"""The limit has passed: the order is overdue, its unit and the unit's lead hear of it."""

from __future__ import annotations

from datetime import datetime

from citybrain.store import orders, timers
from citybrain.store.db import Row, Tx
from dispatch import ledger, telling
from dispatch.clock_moves import lapse
from dispatch.clocking import OrderClocks
from dispatch.clocks import supervisor_at
from dispatch.cycle.module import of_timers
from dispatch.limits import REPAIR
from dispatch.notices import still
from dispatch.opening import Lookups


def handle(tx: Tx, look: Lookups, timer: Row, now: datetime) -> None:
    """Mark one order. An order that was reported fixed in time is not overdue while the sensor's word is out."""
    case_id = str(timer["case_id"])
    order = orders.open_of(tx, [case_id]).get(case_id)
    if order is None or not still("limit", order["state"]):
        return
    unit, info = look.unit(order["unit"]), look.info(timer["condition"], timer["kind"])
    order_id, state = str(order["id"]), order["state"]
    both = OrderClocks(tx, order)
    clock = both[REPAIR]
    if clock.state not in {"running", "overdue"} or (clock.state == "running" and clock.due_at > now):
        return  # it stands, was met, or goes on for longer since this was set
    if clock.state == "running":
        both.expire(REPAIR)
        lapse(tx, order, reason="overdue", now=now)
        detail = f"due {order['due_at'].isoformat()}"
        facts = {"clock": REPAIR, "due": order["due_at"], "clocks": both.write(now)}
        ledger.append(tx, order_id, "overdue", state, at=now, actor="cycle", reason="limit_passed", detail=detail, facts=facts)
        telling.tell_unit(tx, order, "overdue", unit=unit, info=info, reason="limit_passed", now=now)
    told = telling.climb(tx, order, "lead", unit=unit, info=info, reason="limit_passed", now=now)
    if told.level == "lead":
        timers.set_many(tx, case_id, {"supervisor": max(supervisor_at(clock, look.calendar(unit)), now)})


MODULE = of_timers("overdue", frozenset({"limit"}), handle)
