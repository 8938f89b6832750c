"""At one and a half times the limit nobody has fixed it: the supervisor hears of it."""

from __future__ import annotations

from datetime import datetime

from citybrain.store import orders
from citybrain.store.db import Row, Tx
from dispatch import telling
from dispatch.cycle.module import of_timers
from dispatch.notices import still
from dispatch.opening import Lookups


def handle(tx: Tx, look: Lookups, timer: Row, now: datetime) -> None:
    """Tell the supervisor of one order."""
    case_id = str(timer["case_id"])
    order = orders.open_of(tx, [case_id]).get(case_id)
    if order is None or not still("supervisor", order["state"]):
        return
    unit, info = look.unit(order["unit"]), look.info(timer["condition"], timer["kind"])
    telling.climb(tx, order, "supervisor", unit=unit, info=info, reason="still_open", now=now)


MODULE = of_timers("escalate", frozenset({"supervisor"}), handle)
