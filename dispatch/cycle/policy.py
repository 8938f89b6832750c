"""Policies as time passes: the next step, the same people once more, and the end of it when somebody takes the order."""

from __future__ import annotations

import logging
from datetime import datetime
from functools import partial

from citybrain.store import orders
from citybrain.store.db import Row, Tx
from dispatch.cycle.module import Cycle, Module, of_timers
from dispatch.notices import TAKEN
from dispatch.opening import Lookups
from dispatch.people import escalation
from dispatch.people.stepping import ESCALATE, REPEAT

log = logging.getLogger(__name__)

_WORK = {ESCALATE: escalation.advance, REPEAT: escalation.remind, escalation.REVIEW: escalation.review}
_NAME, _PURPOSES = "policy", frozenset({*escalation.TIMERS, TAKEN})


def handle(waits: dict[str, tuple[str, float]], tx: Tx, look: Lookups, timer: Row, now: datetime) -> None:
    """Work off one timer. `waits` takes, by order, the severity of what was taken and how long that took (city seconds)."""
    case_id = str(timer["case_id"])
    order = orders.open_of(tx, [case_id]).get(case_id)
    if order is None:
        return
    order_id = str(order["id"])
    if timer["purpose"] == TAKEN:
        seconds = escalation.taken(tx, case_id, order_id, order["state"], timer["next_at"])
        if seconds is not None:
            waits[order_id] = (timer["severity"], seconds)
        return
    unit, info = look.unit(order["unit"]), look.info(timer["condition"], timer["kind"])
    outcome = _WORK[timer["purpose"]](tx, order, unit=unit, info=info, now=now)
    log.info("%s of order %s: %s", timer["purpose"], order_id, outcome)


def run(cycle: Cycle) -> int:
    """Work off what is due; measure, once it is committed, how long it took until somebody acknowledged."""
    # by order: a transaction that is tried again counts once
    waits: dict[str, tuple[str, float]] = {}
    done = of_timers(_NAME, _PURPOSES, partial(handle, waits)).run(cycle)
    if cycle.metrics is not None:
        for severity, seconds in waits.values():
            cycle.metrics.acknowledge_delay.labels(severity).observe(max(0.0, seconds))
    return done


MODULE = Module(_NAME, _PURPOSES, run)
