"""After midnight (UTC, city time): one hash over all that was written since the last one."""

from __future__ import annotations

import logging
from datetime import datetime, timedelta

from citybrain.store import ledger as store
from citybrain.store import timers
from citybrain.store.db import Tx
from dispatch import anchors
from dispatch.cycle.module import Cycle, Module

log = logging.getLogger(__name__)

AFTER = timedelta(minutes=5)
"""So long after midnight: what happened before it is written by then."""
_TIMEOUT_S = 120


def run(cycle: Cycle) -> int:
    """Make the anchor of the day that has ended, when it is time."""
    midnight = cycle.now.replace(hour=0, minute=0, second=0, microsecond=0)
    with cycle.db.transaction() as tx:
        if not timers.fence(tx, "anchor", _TIMEOUT_S):
            return 0
        if not timers.turn(tx, "anchor", cycle.now, midnight + timedelta(days=1) + AFTER):
            return 0
        made = make(tx, midnight, cycle.now)
    if made is not None:
        log.info("anchor of %s: %d entries up to %d: %s", made.day, made.entries, made.to_seq, made.hash.hex())
    return int(made is not None)


def make(tx: Tx, midnight: datetime, now: datetime) -> anchors.Anchor | None:
    """The anchor over what was written before a midnight; None when there is nothing yet, or the day has one."""
    row = store.last_anchor(tx)
    before = anchors.Anchor(**row) if row else None
    day = midnight.date() - timedelta(days=1)
    after = before.to_seq if before else 0
    until = store.ripe(tx, after, midnight)
    if until is None or (before is not None and before.day >= day) or (before is None and until == 0):
        return None
    tree = anchors.Tree()
    for seq, entry in store.leaves(tx, after, until):
        tree.add(seq, entry)
    if before is None and not tree.leaves:
        return None
    anchor = anchors.made(before, day, until, tree, now)
    store.add_anchor(tx, anchor._asdict())
    return anchor


MODULE = Module("anchor", frozenset({"anchor"}), run, takes_turns=True)
