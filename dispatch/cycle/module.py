"""What a module of the cycle is, and how timers are worked off."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from typing import NamedTuple

from citybrain.metrics import Metrics
from citybrain.store import timers
from citybrain.store.db import Database, Row, Tx, wants_retry
from dispatch.channels import Channels
from dispatch.opening import Lookups
from dispatch.quiet import held_back

log = logging.getLogger(__name__)

_BATCH = 50
_ROUNDS = 40
_LONGEST_S = 3600.0


@dataclass(frozen=True, slots=True)
class Cycle:
    """One run of the cycle."""

    db: Database
    look: Lookups
    now: datetime
    machine_now: datetime
    channels: Channels
    metrics: Metrics | None = None
    held: set[str] = field(default_factory=set)
    """modules that another process was at, so that this one left them"""


class Module(NamedTuple):
    """A part of the cycle. It runs when something of its `purposes` is due; `run` answers how much it did."""

    name: str
    purposes: frozenset[str]
    run: Callable[[Cycle], int]
    takes_turns: bool = False
    """It runs now and then: its name is its purpose, and `timers.turn` says when the next time is."""
    allowance_s: float = 60.0
    """A run that takes longer, or that is due for longer without a good end, is stuck (real seconds)."""


Handle = Callable[[Tx, Lookups, Row, datetime], None]
"""Works off one timer, given with its case, which is held: (tx, lookups, timer and case, now)."""


def of_timers(name: str, purposes: frozenset[str], handle: Handle, *, timeout_s: float = 5) -> Module:
    """A module that works off timers: each is taken away, then handled; who must come again sets a new one."""
    return Module(name, purposes, partial(_work_off, name, purposes, handle, timeout_s))


def _work_off(name: str, purposes: frozenset[str], handle: Handle, timeout_s: float, cycle: Cycle) -> int:
    done = 0
    for _ in range(_ROUNDS):
        found = cycle.db.attempt(partial(_batch, name, purposes, handle, timeout_s, cycle))
        done += found
        if found < _BATCH:
            break
    return done


def _batch(name: str, purposes: frozenset[str], handle: Handle, timeout_s: float, cycle: Cycle, tx: Tx) -> int:
    """One transaction: claim, handle, commit. A timer that fails undoes only itself, and comes again later."""
    if not timers.fence(tx, name, timeout_s):
        cycle.held.add(name)
        return 0
    claimed = timers.claim(tx, purposes, cycle.now, limit=_BATCH)
    for timer in claimed:
        timers.savepoint(tx)
        try:
            timers.done(tx, [timer["id"]])
            if held_back(tx, timer):
                timers.keep(tx)
                continue
            handle(tx, cycle.look, timer, cycle.now)
        except Exception as error:  # whatever one case is ill with must not stop the others
            if wants_retry(error):
                raise
            timers.undo(tx)
            wait_s = min(60.0 * 2 ** timer["failures"], _LONGEST_S)
            timers.postpone(tx, timer["id"], cycle.now + timedelta(seconds=wait_s))
            log.exception("timer %s failed; again in %g s", timer["id"], wait_s)
            if cycle.metrics is not None:
                cycle.metrics.cycle_errors.labels(name).inc()
                cycle.metrics.stage("cycle").failed()
        else:
            timers.keep(tx)
    return len(claimed)
