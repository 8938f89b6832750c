"""Forecasts in the database: what trends are made of, what they said, and how far the run of the day has come."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from psycopg.types.json import Jsonb

from citybrain.store import timers
from citybrain.store.db import Row, Tx
from citybrain.store.sql import load

_SQL = load("forecasts")
_TIMEOUT_S = 60.0


class Run(NamedTuple):
    """How the run of the day stands. Times are city time."""

    next_at: datetime | None
    began_at: datetime | None
    next_asset: str | None
    """assets up to this one are done; None: no run is under way"""
    ended_at: datetime | None
    assets: int
    raised: int
    amended: int
    resolved: int


def lead(tx: Tx) -> bool:
    """Begin a transaction of the run: true when no other process is in one."""
    return timers.fence(tx, "forecast", _TIMEOUT_S)


def due(tx: Tx, now: datetime) -> bool:
    """Is a run under way, due, or never planned yet? One cheap query."""
    row = tx.one(_SQL["due"], now=now)
    return bool(row and row["due"])


def run(tx: Tx) -> Run:
    """How the run stands; nobody else changes it until the end of the transaction."""
    return Run(**(tx.one(_SQL["run"]) or {}))


def run_now(tx: Tx) -> Run:
    """How the run stands."""
    return Run(**(tx.one(_SQL["run_now"]) or {}))


def set_next(tx: Tx, next_at: datetime) -> None:
    """Plan the next run. At once: give a time that has come."""
    tx.run(_SQL["set_next"], next_at=next_at)


def begin(tx: Tx, now: datetime, next_at: datetime) -> None:
    """A run begins with the first asset; the one after it is at `next_at`."""
    tx.run(_SQL["begin"], now=now, next_at=next_at)


def went_on(tx: Tx, asset: str | None, now: datetime, *, assets: int, raised: int, amended: int, resolved: int) -> None:
    """Assets up to `asset` are done (None: all of them), and so many planned orders changed."""
    tx.run(_SQL["went_on"], asset=asset, now=now, assets=assets, raised=raised, amended=amended, resolved=resolved)


def daily(
    tx: Tx, assets: Sequence[str], measures: Iterable[str], begin: datetime, end: datetime
) -> dict[str, dict[str, list[tuple[int, int, float, float, float, float]]]]:
    """asset -> measure -> days in [begin, end), in order: (day since 1970, n, mean, least, greatest, sum)."""
    found: dict[str, dict[str, list[tuple[int, int, float, float, float, float]]]] = {}
    for row in tx.all(_SQL["daily"], assets=list(assets), measures=sorted(measures), begin=begin, end=end) if assets else ():
        days = zip(row["days"], row["n"], row["mean"], row["low"], row["high"], row["total"], strict=True)
        found.setdefault(row["asset"], {})[row["measure"]] = list(days)
    return found


def heard(tx: Tx, since: Mapping[str, datetime], measures: Iterable[str], end: datetime) -> dict[str, tuple[int, int]]:
    """For each asset (keys) the messages and days from its time (values) on and before `end`. Reads all those days."""
    if not since:
        return {}
    names = sorted(since)
    rows = tx.all(_SQL["heard"], assets=names, since=[since[name] for name in names], measures=sorted(measures), end=end)
    return {row["asset"]: (int(row["heard"]), int(row["days"])) for row in rows}


def troubles(tx: Tx, assets: Sequence[str], since: datetime) -> dict[str, list[Row]]:
    """asset -> its cases with an order since a time (`opened_at`, `cause`, `number`), without planned and cancelled ones."""
    found: dict[str, list[Row]] = {}
    for row in tx.all(_SQL["troubles"], assets=list(assets), since=since):
        found.setdefault(row["asset"], []).append(row)
    return found


def worked(tx: Tx, assets: Sequence[str], conditions: Iterable[str]) -> dict[tuple[str, str], datetime]:
    """(asset, condition) -> when a crew last said that its planned order was done."""
    rows = tx.all(_SQL["worked"], assets=list(assets), conditions=sorted(conditions))
    return {(row["asset"], row["condition"]): row["at"] for row in rows}


def firing(tx: Tx, assets: Sequence[str], conditions: Iterable[str]) -> set[tuple[str, str]]:
    """(asset, condition) of those conditions that hold now."""
    rows = tx.all(_SQL["firing"], assets=list(assets), conditions=sorted(conditions))
    return {(row["asset"], row["condition"]) for row in rows}


def of_assets(tx: Tx, assets: Sequence[str]) -> dict[tuple[str, str], Row]:
    """(asset, plan) -> what is remembered."""
    return {(row["asset"], row["plan"]): row for row in tx.all(_SQL["of_assets"], assets=list(assets))}


def save(tx: Tx, rows: Sequence[Mapping[str, Any]]) -> None:
    """Write forecasts: mappings of the columns of the table."""
    if rows:
        tx.run(_SQL["save"], rows=Jsonb(list(rows)))


def note_dates(tx: Tx, rows: Sequence[Mapping[str, Any]]) -> None:
    """Write down that forecasts became others."""
    if rows:
        tx.run(_SQL["note_dates"], rows=Jsonb(list(rows)))


def dates(tx: Tx, asset: str, limit: int = 50) -> list[Row]:
    """How the forecasts of an asset changed, newest first."""
    return tx.all(_SQL["dates"], asset=asset, limit=limit)


def listed(
    tx: Tx, *, plan: str | None = None, why: str | None = None, before: datetime | None = None, district: str | None = None,
    planned: bool = False, limit: int = 100,
) -> list[Row]:  # fmt: skip
    """Forecasts with a date or a planned order (with `why`: all with that reason), soonest first."""
    return tx.all(_SQL["listed"], plan=plan, why=why, before=before, district=district, planned=planned, limit=limit)


def of_asset(tx: Tx, asset: str) -> list[Row]:
    """Everything about the forecasts of one asset."""
    return tx.all(_SQL["of_asset"], asset=asset)


def tally(tx: Tx) -> dict[tuple[str, str], int]:
    """(plan, reason) -> how many."""
    return {(row["plan"], row["why"]): int(row["n"]) for row in tx.all(_SQL["tally"])}


def forecast_orders(tx: Tx) -> int:
    """How many planned orders were ever opened."""
    row = tx.one(_SQL["forecast_orders"])
    return int(row["n"]) if row else 0


def forget(tx: Tx) -> int:
    """Forget forecasts of assets that the register has no more; how many."""
    return tx.run(_SQL["forget"])
