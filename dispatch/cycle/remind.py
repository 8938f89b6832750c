"""Reminders at 50 % of the limit (to who has not acknowledged), at 80 % (to who has not fixed), and of what is not safe yet."""

from __future__ import annotations

import logging
from datetime import datetime

from citybrain.store import orders
from citybrain.store.db import Row, Tx
from dispatch import ledger, telling
from dispatch.clocking import clock_of
from dispatch.cycle.module import of_timers
from dispatch.limits import MAKE_SAFE
from dispatch.notices import still
from dispatch.opening import Lookups

log = logging.getLogger(__name__)


def handle(tx: Tx, look: Lookups, timer: Row, now: datetime) -> None:
    """Remind of one order, if that still means something."""
    case_id, purpose = str(timer["case_id"]), timer["purpose"]
    order = orders.open_of(tx, [case_id]).get(case_id)
    if order is None or not still(purpose, order["state"]):
        log.info("%s of case %s: not sent (state_changed)", purpose, case_id)
        return
    if purpose == "safe_50" and clock_of(tx, order, MAKE_SAFE).met_at is not None:
        log.info("%s of case %s: not sent (made_safe)", purpose, case_id)
        return
    unit, info = look.unit(order["unit"]), look.info(timer["condition"], timer["kind"])
    telling.tell_unit(tx, order, purpose, unit=unit, info=info, reason=purpose, now=now)
    ledger.append(tx, str(order["id"]), "reminded", order["state"], at=now, actor="cycle", reason=purpose)


MODULE = of_timers("remind", frozenset({"reminder_50", "reminder_80", "safe_50"}), handle)
