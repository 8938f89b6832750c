"""Duty changes hands: who goes and who comes are told, each schedule by its own timer.

What is told is what is different since the last time, so after a standstill nobody hears of shifts that came and went.
"""

from __future__ import annotations

import logging
from functools import partial

from citybrain.store import escalations, outbox, timers
from citybrain.store.db import Row, Tx
from dispatch.cycle.module import Cycle, Module
from dispatch.people import roster
from dispatch.people.handing import Load, change, look_again, notices
from dispatch.people.model import People

log = logging.getLogger(__name__)
_TIMEOUT_S = 10.0


def run(cycle: Cycle) -> int:
    """Look at the schedules that are due; how many."""
    return cycle.db.attempt(partial(_batch, cycle))


def _batch(cycle: Cycle, tx: Tx) -> int:
    if not timers.fence(tx, "duty", _TIMEOUT_S):
        cycle.held.add("duty")
        return 0
    due = escalations.handovers_due(tx, cycle.now)
    # after that: whoever imports people now waits for these rows, so each of these schedules is among them
    people = roster.current(tx)
    for row in due:
        _hand_over(tx, cycle, people, row)
    return len(due)


def _hand_over(tx: Tx, cycle: Cycle, people: People, row: Row) -> None:
    schedule, now = people.schedules[row["schedule"]], cycle.now
    found = change(schedule, row["on_duty"], now, people)
    if found.gone or found.come:
        load = Load(*escalations.open_orders(tx, schedule.unit))
        outbox.add(tx, notices(schedule, found, load, people, now))
        log.info("duty %s: %s -> %s", schedule.id, ", ".join(found.gone) or "nobody", ", ".join(found.come) or "nobody")
    if found.gone and not found.now:
        log.error("duty %s: nobody is on duty from now on", schedule.id)
    escalations.handed_over(tx, schedule.id, found.now, look_again(schedule, now, people))


MODULE = Module("duty", frozenset({"duty"}), run)
