"""Forecasts once a day of city time, in a thread beside the cycle, a few assets at a time so that nobody waits for them.

One process of a city does it: each chunk is fenced, and the row of the run says how far it has come. What another process began
and did not end is gone on with.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from citybrain.kernel.errors import UnavailableError
from citybrain.kernel.events import AlertChange, AlertEvent
from citybrain.kernel.register import Register
from citybrain.metrics import Metrics
from citybrain.runtime.city import City
from citybrain.store import forecasts, stream
from citybrain.store.counters import count
from citybrain.store.db import Database, Tx
from forecast.finding import PLANNED, Why
from forecast.run import Runner, Step

log = logging.getLogger(__name__)
LOOK_S = 5.0
"""real seconds between two looks whether a run is due"""
AGAIN_S = 60.0
"""…and after a failure"""
_END_S = 10.0
"""longest wait at the end for the chunk under way (real seconds)"""
STATES = ("planned", "later", "none")
_DATED = frozenset({Why.FAR_AWAY, Why.UNCERTAIN, Why.ACUTE})


def next_run(register: Register, hour: int, now: datetime) -> datetime:
    """The next time that it is `hour` o'clock where most units work: nobody is told of planned work at night."""
    zones = Counter(unit.timezone for unit in register.units.values())
    zone = ZoneInfo(max(zones, key=lambda name: (zones[name], name)) if zones else "UTC")
    local = now.astimezone(zone)
    at = local.replace(hour=hour, minute=0, second=0, microsecond=0)
    if at <= local:
        at = (at + timedelta(days=1)).replace(hour=hour)
    return at.astimezone(now.tzinfo)


def state_of(why: str) -> str:
    """What a reason means in a word: there is a plan, there is a date, or there is none."""
    return "planned" if why in PLANNED else "later" if why in _DATED else "none"


def take_in(city: City) -> Callable[[Tx, Sequence[AlertEvent], datetime], None]:
    """What a run does with its alerts: cases and orders of the city, counted, and who watches is woken."""

    def take(tx: Tx, events: Sequence[AlertEvent], now: datetime) -> None:
        opened = city.dispatch(tx, events, now)
        stream.notify(tx, "alerts")
        count(tx, {"orders": len(opened)})

    return take


def run_all(db: Database, city: City, clock: Callable[[], datetime], *, goes_on: Callable[[], bool] = lambda: True) -> Step:
    """Go on with the run that is under way until it is over, somebody else is at it, or `goes_on` says no; the sum of it."""
    runner, take, rest_s = Runner(city.forecasts, city.register, clock()), take_in(city), city.forecasts.plans.life.rest_s
    total = Step()
    while goes_on():
        now = clock()
        step = db.attempt(lambda tx, now=now: runner.step(tx, now, take))  # type: ignore[misc]
        total = Step(step.busy, step.over, total.assets + step.assets, total.changes + step.changes, total.failed + step.failed)
        if step.busy or step.over:
            break
        time.sleep(rest_s)
    return total


def ask(db: Database, city: City, now: datetime) -> bool:
    """Begin a run now, unless one is under way; False when another process is in the middle of one."""

    def begin(tx: Tx) -> bool:
        if not forecasts.lead(tx):
            return False
        if forecasts.run(tx).next_asset is None:
            forecasts.begin(tx, now, next_run(city.register, city.settings.forecast_hour, now))
        return True

    return db.attempt(begin)


class Forecasting:
    """Turned by the thread of the cycle; the work is done in one of its own. A failure is logged, and tried again."""

    def __init__(self, city: City, clock: Callable[[], datetime], metrics: Metrics) -> None:
        self._city, self._clock, self._metrics = city, clock, metrics
        self._work: threading.Thread | None = None
        self._end = threading.Event()
        self._next = 0.0
        metrics.cycle_errors.labels("forecast")
        for plan in city.forecasts.condition_of:
            for change in (AlertChange.RAISED, AlertChange.AMENDED, AlertChange.RESOLVED):
                metrics.planned_orders.labels(plan, change)
            for state in STATES:
                metrics.forecasts.labels(plan, state)

    def turn(self, db: Database, now: datetime) -> None:
        """Begin or go on when a run is due at `now` (city time)."""
        if time.monotonic() < self._next or (self._work is not None and self._work.is_alive()):
            return
        self._next = time.monotonic() + LOOK_S
        with db.transaction() as tx:
            if not forecasts.due(tx, now):
                return
        self._work = threading.Thread(target=self._do, args=(db, now), name="forecast", daemon=True)
        self._work.start()

    def close(self) -> None:
        """End behind the chunk that is under way; another run goes on there."""
        self._end.set()
        if self._work is not None:
            self._work.join(_END_S)

    def _do(self, db: Database, now: datetime) -> None:
        try:
            if db.attempt(lambda tx: self._begun(tx, now)):
                self._run(db)
        except UnavailableError as error:
            log.warning("the forecasts wait: %s", error)
        except Exception:  # a thread has nobody to raise to, and the next turn may do better
            self._metrics.cycle_errors.labels("forecast").inc()
            log.exception("the forecasts failed")
            self._next = time.monotonic() + AGAIN_S

    def _begun(self, tx: Tx, now: datetime) -> bool:
        """Is there a run to go on with? Of a city that never had one the first is only planned."""
        if not forecasts.lead(tx):
            return False
        run = forecasts.run(tx)
        if run.next_asset is not None:
            return True
        next_at = next_run(self._city.register, self._city.settings.forecast_hour, now)
        if run.next_at is None:
            forecasts.set_next(tx, next_at)
            return False
        if run.next_at > now:
            return False
        forecasts.begin(tx, now, next_at)
        return True

    def _run(self, db: Database) -> None:
        began, rests = time.monotonic(), self._city.forecasts.plans.life.rest_s
        total = run_all(db, self._city, self._clock, goes_on=lambda: not self._end.is_set())
        for (plan, change), n in total.changes.items():
            self._metrics.planned_orders.labels(plan, change).inc(n)
        self._metrics.cycle_errors.labels("forecast").inc(total.failed)
        if not total.over:
            return
        seconds = time.monotonic() - began - rests * (total.assets / self._city.forecasts.plans.life.chunk)
        self._metrics.forecast_seconds.set(max(0.0, seconds))
        with db.transaction() as tx:
            tally = forecasts.tally(tx)
        for plan in self._city.forecasts.condition_of:
            for state in STATES:
                n = sum(n for (kind, why), n in tally.items() if kind == plan and state_of(why) == state)
                self._metrics.forecasts.labels(plan, state).set(n)
        log.info("forecasts of %d assets: %s", total.assets, dict(total.changes) or "nothing new")
