"""The arbiter's time is over: the guardian of last resort gets the order."""

from __future__ import annotations

from datetime import datetime

from citybrain.store import orders
from citybrain.store.db import Row, Tx
from dispatch.arbitration import out_of_time
from dispatch.cycle.module import of_timers
from dispatch.opening import Lookups


def handle(tx: Tx, look: Lookups, timer: Row, now: datetime) -> None:
    """Send one order on that nobody decided about."""
    case_id = str(timer["case_id"])
    order = orders.open_of(tx, [case_id]).get(case_id)
    if order is not None and order["state"] == "arbitration":
        out_of_time(tx, look, timer, order, now)


MODULE = of_timers("arbitrate", frozenset({"arbitration"}), handle)
