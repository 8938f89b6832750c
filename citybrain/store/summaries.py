"""The archive's sums by hour and day: kept up to date, so that nobody has to add up a year of readings.

Plain PostgreSQL: tables. `promised_to` moves first, while no writer is under way; from then on whoever writes an older reading
puts its asset and hour onto `readings_stale`. Then the hours up to there are added up, and `done_to` follows. Stale hours are
made anew. The views read stale hours and what is behind `done_to` from the readings: they are right in between, too.

TimescaleDB: continuous aggregates, kept by its own jobs. Here they are only asked to run when something is stale.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from psycopg.types.json import Jsonb

from citybrain.kernel.errors import CityBrainError, ConfigError
from citybrain.kernel.times import EPOCH
from citybrain.store.db import RETRY, Database, Tx, sqlstate
from citybrain.store.migrate import TIMESCALE, kind_of
from citybrain.store.sql import load

log = logging.getLogger(__name__)
_SQL = load("summaries")

LAG = timedelta(minutes=10)
"""So long an hour waits for readings that are under way; what comes later makes it stale. The jobs of TimescaleDB wait as long
(migration 0004)."""
_HOUR, _DAY, _WEEK = timedelta(hours=1), timedelta(days=1), timedelta(days=7)
_MONDAY = EPOCH + timedelta(days=4)
_JOBS_REST_S = 300.0
"""TimescaleDB makes whole minutes of all assets anew for one late reading: not more often than its own job would"""
_AT_ONCE = 2000
"""stale hours made anew in one transaction: below a second of work"""


class Refreshed(NamedTuple):
    """What a refresh did: hours added up, stale hours of an asset made anew, and whether it is up to date now."""

    added: int
    anew: int
    complete: bool
    rest_s: float = 0.0
    """real seconds until the next one is worth its work"""


def refresh(db: Database, now: datetime, patience_s: float = 5) -> Refreshed:
    """Bring the sums up to date with the hours that were over `LAG` before `now` (city time); stop after about `patience_s`.

    Harmless beside another process that does the same.
    """
    with db.transaction() as tx:
        kind = kind_of(tx)
    try:
        return _refresh_jobs(db) if kind == TIMESCALE else _refresh_tables(db, now, time.monotonic() + patience_s)
    except CityBrainError as error:
        if sqlstate(error) not in RETRY:
            raise
        log.info("summaries are tried again later: %s", error)
        return Refreshed(0, 0, complete=False)


def _refresh_tables(db: Database, now: datetime, deadline: float) -> Refreshed:
    with db.transaction() as tx:
        tx.run(_SQL["patience"])
        tx.all(_SQL["ahead"], times=[now, now + _WEEK])
    with db.transaction() as tx:
        tx.run(_SQL["patience"])
        tx.one(_SQL["wait_for_writers"])
        tx.run(_SQL["promise"], to=_floor(now - LAG, _HOUR))
    added = anew = 0
    while time.monotonic() < deadline:
        with db.transaction() as tx:
            if not _alone(tx):
                break
            moved = _add_next(tx)
        if not moved:
            break
        added += 1
    while time.monotonic() < deadline:
        with db.transaction() as tx:
            if not _alone(tx):
                break
            some = _make_anew(tx)
        anew += some
        if some < _AT_ONCE:
            return Refreshed(added, anew, complete=True)
    return Refreshed(added, anew, complete=False)


def _alone(tx: Tx) -> bool:
    row = tx.one(_SQL["alone"])
    tx.run(_SQL["memory"])
    return bool(row and row["got"])


def _add_next(tx: Tx) -> bool:
    """Add up the hour that is next; False when there is none."""
    state = tx.one(_SQL["state"]) or {}
    begin, promised = state["done_to"], state["promised_to"]
    if begin is None or begin >= promised:
        return False
    row = tx.one(_SQL["next_week"], week=_week(begin))
    first = row["begin"] if row else None
    if first is None or first > begin:  # nothing in between: not hour by hour through years without readings
        tx.run(_SQL["done"], to=promised if first is None else min(first, promised))
        return True
    end = begin + _HOUR
    tx.run(_SQL["hours"], begin=begin, end=end)
    if end == _floor(end, _DAY):
        tx.run(_SQL["days"], begin=end - _DAY, end=end)
    tx.run(_SQL["done"], to=end)
    return True


def _make_anew(tx: Tx) -> int:
    """Make some stale hours anew; how many. What is written meanwhile puts them onto the list again."""
    done: datetime | None = (tx.one(_SQL["state"]) or {})["done_to"]
    if done is None:
        return 0
    stale = tx.all(_SQL["take_stale"], done=done, most=_AT_ONCE)
    kept = [(row["asset"], row["hour"]) for row in stale if row["kept"]]
    if kept:
        places = {"assets": [asset for asset, _ in kept], "hours": [hour for _, hour in kept]}
        tx.run(_SQL["forget_hours"], **places)
        tx.run(_SQL["stale_hours"], **places)
        days = sorted({(asset, day) for asset, hour in kept if (day := _floor(hour, _DAY)) + _DAY <= done})
        places = {"assets": [asset for asset, _ in days], "days": [day for _, day in days]}
        tx.run(_SQL["forget_days"], **places)
        tx.run(_SQL["stale_days"], **places)
    return len(stale)


def _refresh_jobs(db: Database) -> Refreshed:
    with db.transaction() as tx:
        tx.run(_SQL["mark_stale"])
        marked = int((tx.one(_SQL["count_marked"]) or {})["n"])
        jobs = [row["job"] for row in tx.all(_SQL["refresh_jobs"])]
    if marked:
        for job in jobs:
            db.call(_SQL["run_job"], job=job)
        with db.transaction() as tx:
            tx.run(_SQL["forget_marked"])
    return Refreshed(0, marked, complete=True, rest_s=_JOBS_REST_S)


def expire(tx: Tx, before: datetime) -> int:
    """Forget sums by hour and day that began before a time; how many rows (TimescaleDB: chunks)."""
    row = tx.one(_SQL["expire"], before=before)
    return int(row["n"]) if row else 0


def keep(tx: Tx, readings: timedelta, summaries: timedelta) -> None:
    """Tell TimescaleDB's own jobs how long to keep readings and sums; nothing on plain PostgreSQL."""
    tx.all(_SQL["keep"], readings=readings, summaries=summaries)


class DaySum(NamedTuple):
    """The sum of one measure of an asset on one day (UTC), of `n` numbers."""

    asset: str
    measure: str
    bucket: datetime
    n: int
    total: float
    low: float
    high: float


def seed(tx: Tx, sums: Sequence[DaySum], until: datetime) -> None:
    """Sums of days without readings: a made-up past, for a city that has no readings before `until` (a midnight, UTC).

    Raises ConfigError with TimescaleDB, whose sums are made of readings only.
    """
    if kind_of(tx) == TIMESCALE:
        raise ConfigError(
            "a city on TimescaleDB cannot be given a past: its sums are made of readings only", key="database_url"
        )
    tx.run(_SQL["seeded"], until=until)
    tx.run(_SQL["seed"], rows=Jsonb([one._asdict() for one in sums]))


def _floor(moment: datetime, width: timedelta) -> datetime:
    return EPOCH + (moment - EPOCH) // width * width


def _week(moment: datetime) -> datetime:
    """The Monday before it: where its partition begins."""
    return _MONDAY + (moment - _MONDAY) // _WEEK * _WEEK
