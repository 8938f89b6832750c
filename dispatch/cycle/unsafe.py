"""The time to make it safe has passed and nobody said that it is: the unit and its lead hear of it at once."""

from __future__ import annotations

from datetime import datetime

from citybrain.store import orders, outbox
from citybrain.store.db import Row, Tx
from dispatch import ledger, telling
from dispatch.clocking import OrderClocks
from dispatch.cycle.module import of_timers
from dispatch.limits import MAKE_SAFE
from dispatch.notices import still
from dispatch.opening import Lookups


def handle(tx: Tx, look: Lookups, timer: Row, now: datetime) -> None:
    """Mark the make-safe clock of one order. Of a quiet one, which endangers nobody, nobody hears."""
    case_id = str(timer["case_id"])
    order = orders.open_of(tx, [case_id]).get(case_id)
    if order is None or not still("safe_limit", order["state"]):
        return
    both = OrderClocks(tx, order)
    clock = both[MAKE_SAFE]
    if clock.state != "running" or clock.due_at > now:
        return
    both.expire(MAKE_SAFE)
    facts = {"clock": MAKE_SAFE, "due": clock.due_at, "clocks": both.write(now)}
    ledger.append(
        tx, str(order["id"]), "overdue", order["state"], at=now, actor="cycle", reason="not_made_safe",
        detail=f"make safe, due {clock.due_at.isoformat()}", facts=facts,
    )  # fmt: skip
    if clock.quiet:
        return
    unit, info = look.unit(order["unit"]), look.info(timer["condition"], timer["kind"])
    telling.tell_unit(tx, order, "safe_overdue", unit=unit, info=info, reason="not_made_safe", now=now)
    lead = unit.lead if unit else ()
    about = telling.subject_of(order)
    outbox.add(tx, telling.rows(about, "safe_overdue", lead, unit=unit, info=info, reason="not_made_safe", now=now))


MODULE = of_timers("unsafe", frozenset({"safe_limit"}), handle)
