"""A group that grows: its account is brought up to date, `group_interval` after the last time at the soonest."""

from __future__ import annotations

from datetime import datetime

from citybrain.store import alerts
from citybrain.store.db import Row, Tx
from dispatch.cycle.module import of_timers
from dispatch.grouping import bring_up_to_date
from dispatch.opening import Lookups


def handle(tx: Tx, look: Lookups, timer: Row, now: datetime) -> None:
    """Look at one group again."""
    case_id = str(timer["case_id"])
    if timer["state"] == "open":
        members = alerts.of_cases(tx, [case_id])[case_id]
        bring_up_to_date(tx, look.around, case_id, timer["asset"], timer["cause"], members, now=now)


MODULE = of_timers("grow", frozenset({"grow"}), handle)
