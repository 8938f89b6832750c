"""The watch over the test message: when none comes, the watch contacts are told, once; and when it is back."""

from __future__ import annotations

import logging

from citybrain.store import outbox, timers, watch
from dispatch import watching
from dispatch.cycle.module import Cycle, Module
from dispatch.watching import Watched

log = logging.getLogger(__name__)


def run(cycle: Cycle) -> int:
    """Look, and tell; how many notices were written."""
    plan, at = cycle.look.books.watch, cycle.machine_now
    with cycle.db.transaction() as tx:
        if not timers.fence(tx, "canary", 5):
            return 0
        row = watch.state(tx)
        state = Watched(row["came_at"], row["watch_since"], row["looked_at"], row["silent_at"]) if row else None
        found = watching.look(state, plan, at)
        watch.looked(tx, watch_since=found.watch_since, looked_at=at, next_look=found.next_look, silent_at=found.silent_at)
        purpose = {"fell_silent": watching.SILENT, "back": watching.BACK}.get(found.action)
        silent_at = found.silent_at or (state.silent_at if state else None)
        told = watching.notices(purpose, plan, found.since, silent_at, cycle.now) if purpose and silent_at else []
        outbox.add(tx, told)
    if cycle.metrics is not None:
        cycle.metrics.canary_silent.set(found.silent_at is not None)
    if found.action == "fell_silent":
        log.error("no test message since %s: the way from device to order is broken", found.since.isoformat())
        if not told:
            log.error("nobody is told that the test message is silent: set watch_contacts")
    elif found.action == "back":
        log.warning("test messages come again; they were missing since %s", found.since.isoformat())
    return len(told)


MODULE = Module("canary", frozenset({"canary"}), run)
