"""The cycle: what must happen because time has passed. Small modules, one after the other, each on its own.

Every module has its own time limit, fence (two cycles never run one module at once), metric and transaction, and none can
keep another from running. What is due is asked for once; with nothing due a run is a single query.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import NamedTuple

from citybrain.clock import real_ms
from citybrain.kernel.conditions import ConditionInfo
from citybrain.kernel.errors import CityBrainError
from citybrain.kernel.register import Register
from citybrain.kernel.times import from_ms
from citybrain.metrics import Metrics
from citybrain.store import timers
from citybrain.store.db import Database
from dispatch.books import Books
from dispatch.channels import Channels
from dispatch.cycle import (
    anchor,
    arbitrate,
    canary,
    duty,
    escalate,
    gathering,
    grow,
    overdue,
    policy,
    prune,
    quiet,
    redispatch,
    remind,
    send,
    settle,
    storm,
    unmute,
    unsafe,
    verify,
    wake,
)
from dispatch.cycle.module import Cycle, Module
from dispatch.cycle.runs import Runs
from dispatch.opening import Lookups
from dispatch.people import roster
from dispatch.people.model import People

log = logging.getLogger(__name__)

MODULES: tuple[Module, ...] = (
    quiet.MODULE,
    gathering.MODULE,
    unmute.MODULE,
    verify.MODULE,
    grow.MODULE,
    settle.MODULE,
    storm.MODULE,
    redispatch.MODULE,
    arbitrate.MODULE,
    wake.MODULE,
    remind.MODULE,
    unsafe.MODULE,
    overdue.MODULE,
    escalate.MODULE,
    policy.MODULE,
    duty.MODULE,
    canary.MODULE,
    send.MODULE,
    anchor.MODULE,
    prune.MODULE,
)
"""In this order: what ends a case comes before what would remind of it, and what is said is sent last."""


_TURNS = frozenset(module.name for module in MODULES if module.takes_turns)


class ModuleReport(NamedTuple):
    """What one module did. `error` is empty when it ran to its end."""

    module: str
    done: int
    error: str = ""


class CycleReport(NamedTuple):
    """What one run of the cycle did; modules with nothing to do are not in it."""

    modules: tuple[ModuleReport, ...] = ()

    @property
    def done(self) -> int:
        """How many timers, notices and so on were dealt with."""
        return sum(module.done for module in self.modules)

    @property
    def errors(self) -> tuple[str, ...]:
        """`module: error` of those that failed; they try again at the next run."""
        return tuple(f"{module.module}: {module.error}" for module in self.modules if module.error)


def run_cycle(
    db: Database, *, now: datetime, infos: Mapping[str, ConditionInfo], register_of: Callable[[], Register], books: Books,
    channels: Channels, metrics: Metrics | None = None, machine_now: datetime | None = None, runs: Runs | None = None,
) -> CycleReport:  # fmt: skip
    """Run everything that is due at `now` (city time). Call it several times a second; it is cheap when nothing is.

    `register_of` is asked only when something is due. `machine_now` is the time of the machines (leases, retries), by default
    the wall clock. `runs` is told what ran. Raises UnavailableError when there is no database; the failure of one module is in
    the report instead.
    """
    began = time.monotonic()
    machine_now = machine_now or from_ms(real_ms())
    with db.transaction() as tx:
        due = timers.due(tx, now, machine_now, _TURNS)
        people = roster.current(tx) if due else People()
    runs = runs or watched_runs()
    runs.turned({module.name for module in MODULES if not due.isdisjoint(module.purposes)}, time.monotonic())
    if not due:
        return CycleReport()
    look = Lookups(infos, register_of(), books, people)
    cycle = Cycle(db, look, now, machine_now, channels, metrics)
    reports: list[ModuleReport] = []
    for module in MODULES:
        # what the modules before it wrote is sent in the same run
        wanted = not due.isdisjoint(module.purposes) or (module is send.MODULE and any(one.done for one in reports))
        if wanted:
            reports.append(_run(cycle, module, runs))
    report = CycleReport(tuple(reports))
    if metrics is not None:
        metrics.stage("cycle").worked(report.done, time.monotonic() - began)
    return report


def watched_runs() -> Runs:
    """What `run_cycle` is given by who wants to know which module is stuck; one for the life of a process."""
    return Runs({module.name: module.allowance_s for module in MODULES}, time.monotonic())


def _run(cycle: Cycle, module: Module, runs: Runs) -> ModuleReport:
    began = time.monotonic()
    runs.began(module.name, began)
    report = _tried(cycle, module)
    ended = time.monotonic()
    held = not report.done and module.name in cycle.held
    ended_at = cycle.machine_now + timedelta(seconds=ended - began)
    runs.ended(module.name, ended, ended_at, done=report.done, error=report.error, held=held)
    if cycle.metrics is not None:
        cycle.metrics.cycle_seconds.labels(module.name).observe(ended - began)
        if not report.error and not held:
            cycle.metrics.cycle_last_run.labels(module.name).set(ended_at.timestamp())
    return report


def _tried(cycle: Cycle, module: Module) -> ModuleReport:
    try:
        return ModuleReport(module.name, module.run(cycle))
    except CityBrainError as error:
        log.error("cycle module %s failed: %s", module.name, error)
        if cycle.metrics is not None:
            cycle.metrics.cycle_errors.labels(module.name).inc()
            cycle.metrics.stage("cycle").failed()
        return ModuleReport(module.name, 0, str(error))
