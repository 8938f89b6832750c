"""Notices that were done long ago are forgotten, once a day. Orders and their ledger are kept for good."""

from __future__ import annotations

from datetime import timedelta

from citybrain.store import outbox, timers
from dispatch.cycle.module import Cycle, Module

KEEP = timedelta(days=400)
EVERY = timedelta(days=1)


def run(cycle: Cycle) -> int:
    """Forget, when it is time."""
    with cycle.db.transaction() as tx:
        if not timers.fence(tx, "prune", 20) or not timers.turn(tx, "prune", cycle.now, cycle.now + EVERY):
            return 0
        return outbox.prune(tx, cycle.now - KEEP)


MODULE = Module("prune", frozenset({"prune"}), run, takes_turns=True)
