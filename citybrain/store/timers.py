"""Timers as rows: a restart forgets none. City time."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime

from psycopg.types.json import Jsonb

from citybrain.store.db import Row, Tx
from citybrain.store.sql import load

_SQL = load("timers")


def timer_id(case_id: str, purpose: str) -> str:
    """A case has one timer of a purpose at most."""
    return f"{case_id}:{purpose}"


def due(tx: Tx, now: datetime, machine_now: datetime, turns: Collection[str] = ()) -> set[str]:
    """What is due: purposes of timers, `send` when a notice waits, and which of `turns` (modules that run now and then) have
    their turn. One cheap query."""
    return {row["purpose"] for row in tx.all(_SQL["due"], now=now, machine_now=machine_now, turns=sorted(turns))}


def claim(tx: Tx, purposes: Iterable[str], now: datetime, *, limit: int) -> list[Row]:
    """Timers that are due, each with its case, which is held until the end of the transaction; never waits."""
    found = tx.all(_SQL["claim"], purposes=sorted(purposes), now=now, limit=limit)
    # between finding a timer and holding its case somebody may have moved it
    standing = {row["id"] for row in tx.all(_SQL["standing"], ids=[row["id"] for row in found], now=now)} if found else set()
    return [row for row in found if row["id"] in standing]


def set_many(tx: Tx, case_id: str, times: Mapping[str, datetime]) -> None:
    """Set timers of a case: purpose -> time. Setting one again moves it."""
    set_all(tx, {case_id: times})


def set_all(tx: Tx, times: Mapping[str, Mapping[str, datetime]]) -> None:
    """Set timers of many cases by one statement: case -> purpose -> time. Setting one again moves it."""
    if times:
        tx.run(_SQL["set_all"], times=Jsonb({case: dict(own) for case, own in times.items()}))


def set_alike(tx: Tx, cases: Sequence[Mapping[str, str]], times: Mapping[str, Mapping[str, datetime]]) -> None:
    """Timers of new cases: rows of `case_id` and `alike`, the key of their purposes and times among `times`."""
    if cases:
        tx.run(_SQL["set_alike"], cases=Jsonb(list(cases)), times=Jsonb({key: dict(own) for key, own in times.items()}))


def sooner(tx: Tx, case_id: str, purpose: str, at: datetime) -> None:
    """A timer that fires at the latest at a time; one that is set for earlier stays."""
    tx.run(_SQL["sooner"], id=timer_id(case_id, purpose), case_id=case_id, purpose=purpose, next_at=at)


def done(tx: Tx, ids: Sequence[str]) -> None:
    """Timers that have had their turn."""
    if ids:
        tx.run(_SQL["done"], ids=list(ids))


def drop(tx: Tx, cases: Sequence[str], purposes: Iterable[str]) -> None:
    """Forget timers of some cases."""
    if cases:
        tx.run(_SQL["drop"], cases=list(cases), purposes=sorted(purposes))


def postpone(tx: Tx, timer: str, next_at: datetime) -> None:
    """A timer whose work failed comes again later."""
    tx.run(_SQL["postpone"], id=timer, next_at=next_at)


def of_case(tx: Tx, case_id: str) -> list[Row]:
    """The timers of a case, soonest first."""
    return tx.all(_SQL["of_case"], case_id=case_id)


def savepoint(tx: Tx) -> None:
    """From here `undo` undoes."""
    tx.run(_SQL["savepoint"])


def undo(tx: Tx) -> None:
    """Undo what was done since the savepoint."""
    tx.run(_SQL["rollback"])


def keep(tx: Tx) -> None:
    """Keep what was done since the savepoint."""
    tx.run(_SQL["release"])


def fence(tx: Tx, module: str, timeout_s: float) -> bool:
    """Begin a module's transaction: bounded in time, and only if no other cycle runs the module now."""
    tx.one(_SQL["limit_time"], ms=str(int(timeout_s * 1000)))
    row = tx.one(_SQL["fence"], module=module)
    return bool(row and row["ok"])


def turn(tx: Tx, module: str, now: datetime, next_at: datetime) -> bool:
    """Has the turn of a module come that runs now and then? If so, the next one is set."""
    return tx.one(_SQL["turn"], module=module, now=now, next_at=next_at) is not None


def bring_forward(tx: Tx, module: str, at: datetime) -> None:
    """A module that runs now and then has its turn at `at` at the latest."""
    tx.run(_SQL["bring_forward"], module=module, at=at)
