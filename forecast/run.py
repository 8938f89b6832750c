"""The run of the day: chunk after chunk of assets, each in one transaction with the alerts that come of it.

    1. lead     only one process of a city is in a chunk (advisory lock); the row of the run says which assets are done
    2. gather   what the trends of the chunk are made of
    3. judge    findings; `forecast.life` decides what changes
    4. write    forecasts and their history, alerts by `take`, and how far the run has come

So a process that dies loses one chunk, and another one goes on behind it. An asset that cannot be judged is logged and passed
over.
"""

from __future__ import annotations

import logging
from bisect import bisect_right
from collections import Counter
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import NamedTuple

from citybrain.kernel.errors import UnavailableError
from citybrain.kernel.events import AlertChange, AlertEvent
from citybrain.kernel.register import Register
from citybrain.kernel.times import to_ms
from citybrain.store import forecasts
from citybrain.store.db import RETRY, Tx, sqlstate
from forecast.book import Book
from forecast.finding import Plan
from forecast.gather import Surroundings, days_of, gather
from forecast.judge import columns, is_news, judge, worth_writing
from forecast.life import decide

log = logging.getLogger(__name__)

Take = Callable[[Tx, Sequence[AlertEvent], datetime], object]
"""Takes alert events in (to cases and orders), in the transaction that is given; with the time of now."""


class Step(NamedTuple):
    """What one chunk came to. `busy`: another process is at it. `over`: the run has seen all assets."""

    busy: bool = False
    over: bool = False
    assets: int = 0
    changes: Counter[tuple[str, str]] = Counter()
    """(plan, change) -> planned orders"""
    failed: int = 0
    """assets that could not be judged"""


class Runner:
    """One run in one process. `names`: the assets of the register in order, as they were when it began."""

    def __init__(self, book: Book, register: Register, now: datetime) -> None:
        self._book, self._register = book, register
        self._names = sorted(register.assets)
        # the day that has begun is not judged: the middle of the night would be all there is of it
        self._around = Surroundings(book, register, float(int(days_of(now))))

    def step(self, tx: Tx, now: datetime, take: Take) -> Step:
        """The next chunk of the run that is under way."""
        if not forecasts.lead(tx):
            return Step(busy=True)
        at = forecasts.run(tx).next_asset
        if at is None:
            return Step(over=True)
        begin = bisect_right(self._names, at)
        names = self._names[begin : begin + self._book.plans.life.chunk]
        changes, failed = self._careful(tx, names, now, take) if names else (Counter[tuple[str, str]](), 0)
        over = begin + len(names) >= len(self._names)
        forecasts.went_on(
            tx, None if over else names[-1], now, assets=len(names), raised=_sum(changes, AlertChange.RAISED),
            amended=_sum(changes, AlertChange.AMENDED), resolved=_sum(changes, AlertChange.RESOLVED),
        )  # fmt: skip
        if over:
            forecasts.forget(tx)
        return Step(over=over, assets=len(names), changes=changes, failed=failed)

    def _careful(self, tx: Tx, names: Sequence[str], now: datetime, take: Take) -> tuple[Counter[tuple[str, str]], int]:
        """The work of a chunk; when something is wrong with it, asset by asset, so that one cannot stop the others."""
        try:
            with tx.within():
                return self._work(tx, names, now, take), 0
        except Exception as error:
            if isinstance(error, UnavailableError) or sqlstate(error) in RETRY:
                raise
            log.warning("%d assets from %s on are forecast one by one: %s", len(names), names[0], error)
        changes, failed = Counter[tuple[str, str]](), 0
        for name in names:
            try:
                with tx.within():
                    changes += self._work(tx, [name], now, take)
            except Exception as error:
                if isinstance(error, UnavailableError) or sqlstate(error) in RETRY:
                    raise
                failed += 1
                log.exception("no forecast of %s", name)
        return changes, failed

    def _work(self, tx: Tx, names: Sequence[str], now: datetime, take: Take) -> Counter[tuple[str, str]]:
        assets = [self._register.assets[name] for name in names if name in self._register.assets]
        chunk = gather(tx, assets, self._book, self._around.today)
        events: list[AlertEvent] = []
        rows, news = [], []
        changes: Counter[tuple[str, str]] = Counter()
        for asset in assets:
            for judged in judge(tx, chunk, asset, self._around):
                plan = judged.finding.plan
                decision = decide(
                    judged.held, judged.finding, self._book.condition_of[plan], asset.kind, to_ms(now), self._book.plans.life,
                    horizon_of(self._book, plan),
                )  # fmt: skip
                if decision.event is not None:
                    events.append(decision.event)
                    changes[plan, decision.event.change] += 1
                    log.info("%s of %s: %s (%s)", decision.event.condition, asset.id, decision.event.change, decision.reason)
                before = chunk.held.get((asset.id, plan))
                row = columns(judged, decision.held, now)
                if decision.event is not None or worth_writing(before, row):
                    rows.append(row)
                    if is_news(before, row):
                        news.append(
                            {
                                name: row[name]
                                for name in ("asset", "plan", "made_at", "why", "forecast_at", "low_at", "high_at")
                            }
                        )
        forecasts.save(tx, rows)
        forecasts.note_dates(tx, news)
        if events:
            take(tx, events, now)
        return changes


def horizon_of(book: Book, plan: Plan) -> float:
    """How near a date of a kind must be to be planned, days."""
    plans = book.plans
    windows = {Plan.SILT: plans.silt, Plan.BATTERY: plans.battery, Plan.COVER: plans.cover, Plan.LAMP: plans.lamp}
    return windows[plan].horizon_days if plan in windows else plans.repeat.within_days


def _sum(changes: Counter[tuple[str, str]], change: AlertChange) -> int:
    return sum(n for (_, which), n in changes.items() if which == change)
