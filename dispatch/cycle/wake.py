"""A pause or a suspension is over: the clocks of the order go on with what was left."""

from __future__ import annotations

from datetime import datetime

from citybrain.store import orders, timers
from citybrain.store.db import Row, Tx
from dispatch import ledger, telling
from dispatch.clocking import WAKE, OrderClocks
from dispatch.cycle.module import of_timers
from dispatch.opening import Lookups


def handle(tx: Tx, look: Lookups, timer: Row, now: datetime) -> None:
    """Let the clocks of one order go on that were to stand until now."""
    case_id = str(timer["case_id"])
    order = orders.open_of(tx, [case_id]).get(case_id)
    if order is None:
        return
    both = OrderClocks(tx, order)
    standing = [name for name in both.within({"paused", "suspended"}) if both[name].until is not None]
    over = [name for name in standing if (until := both[name].until) is not None and until <= now]
    if not over:
        later = [until for name in standing if (until := both[name].until) is not None]
        timers.set_many(tx, case_id, {WAKE: min(later)} if later else {})
        return
    ends = max(until for name in over if (until := both[name].until) is not None)
    both.resume(look, over, ends)
    ledger.append(
        tx, str(order["id"]), "resume", order["state"], at=now, actor="cycle", reason="pause_over",
        facts={"clocks": both.write(now), "at": ends},
    )  # fmt: skip
    unit, info = look.unit(order["unit"]), look.info(timer["condition"], timer["kind"])
    telling.tell_unit(tx, order, "resumed", unit=unit, info=info, reason="pause_over", now=now)


MODULE = of_timers("wake", frozenset({WAKE}), handle)
