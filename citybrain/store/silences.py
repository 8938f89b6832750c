"""Silences in the database, and the cases that they mute now. City time.

A silence may be written by anybody at any time; a row of `mutes` belongs to its case and is written by who holds that.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from psycopg.types.json import Jsonb

from citybrain.kernel.errors import NotFound
from citybrain.store.db import Row, Tx
from citybrain.store.sql import load

_SQL = load("silences")


class Stamp(NamedTuple):
    """Which silences are in force, as one word: while it stays, they are the same. `stale`: a window's turn is over that
    the cycle has not set anew, so that the word alone does not tell."""

    silences: int
    word: str
    stale: bool


def add(tx: Tx, row: Mapping[str, Any]) -> bool:
    """A new silence; False when it (its id or its reference) is there already. A row that makes no sense violates a check."""
    plain = {key: None if row[key] is None else Jsonb(row[key]) for key in ("scope", "recurrence")}
    return tx.run(_SQL["add"], **{**row, **plain}) > 0


def stamp(tx: Tx, now: datetime) -> Stamp:
    """What is in force at `now`, as a word. One cheap query."""
    row = tx.one(_SQL["stamp"], now=now) or {"n": 0, "stamp": "", "stale": False}
    return Stamp(row["n"], row["stamp"], row["stale"])


def in_force(tx: Tx, now: datetime) -> list[Row]:
    """The silences that hold at `now`; windows whose turn is over may be among them."""
    return tx.all(_SQL["in_force"], now=now)


def beginning(tx: Tx, now: datetime, *, limit: int) -> list[Row]:
    """Silences whose turn has come, held until the end of the transaction; never waits."""
    return tx.all(_SQL["beginning"], now=now, limit=limit)


def ending(tx: Tx, now: datetime, *, limit: int) -> list[Row]:
    """Silences whose time is over, held until the end of the transaction; never waits."""
    return tx.all(_SQL["ending"], now=now, limit=limit)


def set_state(
    tx: Tx, silence: object, state: str, *, begins_at: datetime | None = None, ends_at: datetime | None = None
) -> None:
    """The state after a turn; a window has new times then."""
    tx.run(_SQL["set_state"], id=silence, state=state, begins_at=begins_at, ends_at=ends_at)


def expire(tx: Tx, silence: object, now: datetime, *, by: str, reason: str) -> bool:
    """Somebody ends a silence; False when it was over or ended already."""
    return tx.run(_SQL["expire"], id=silence, now=now, by=by, reason=reason) > 0


def resolved(tx: Tx, keys: Sequence[tuple[str, str]], now: datetime) -> int:
    """End the silences that hold until an alert is over, for keys (asset, condition) without a live alert; how many."""
    if not keys:
        return 0
    rows = [{"asset": asset, "condition": condition} for asset, condition in sorted(set(keys))]
    return tx.run(_SQL["resolved"], keys=Jsonb(rows), now=now)


def find(tx: Tx, name: str) -> Row:
    """A silence by its number, its id, or its reference. Raises NotFound."""
    row = None
    if name.isdecimal() and len(name) < 19:
        row = tx.one(_SQL["by_number"], number=int(name))
    row = row or tx.one(_SQL["by_reference"], reference=name)
    try:
        found = tx.one(_SQL["get"], id=row["id"] if row else UUID(name))
    except ValueError:
        found = None
    if found is None:
        raise NotFound(f"no silence {name!r}: give the number that 'citybrain silence list' shows")
    return found


def listed(tx: Tx, *, limit: int, sorts: Sequence[str] | None = None, ended: bool = False) -> list[Row]:
    """Silences with how many open cases each mutes (`muted`), those that end first first; `ended`: those that are over too."""
    return tx.all(_SQL["listed"], sorts=None if sorts is None else list(sorts), ended=ended, limit=limit)


def muted_by(tx: Tx, silence: object, *, limit: int = 500) -> list[Row]:
    """The open cases that a silence mutes now."""
    return tx.all(_SQL["muted_by"], id=silence, limit=limit)


def mute(tx: Tx, cases: Mapping[str, str], at: datetime) -> None:
    """Cases (keys) are muted by silences (values). The caller holds the cases."""
    if cases:
        rows = [{"case_id": case, "silence_id": silence} for case, silence in sorted(cases.items())]
        tx.run(_SQL["mute"], rows=Jsonb(rows), at=at)


def unmute(tx: Tx, cases: Sequence[str]) -> None:
    """Cases are heard again. The caller holds them."""
    if cases:
        tx.run(_SQL["unmute"], cases=list(cases))


def mutes(tx: Tx, cases: Sequence[str]) -> dict[str, Row]:
    """For each muted case: `silence_id`, `number`, `sort`, `author`, `reason`, `ends_at` of its silence, `since`, `held`,
    `case_state`."""
    return {str(row["case_id"]): row for row in tx.all(_SQL["mutes"], cases=list(cases))} if cases else {}


def muted_orders(tx: Tx, orders: Sequence[str]) -> dict[object, Row]:
    """For each of some orders that is muted: `number`, `sort`, `author`, `reason`, `ends_at` of its silence."""
    return {row["id"]: row for row in tx.all(_SQL["muted_orders"], orders=list(orders))} if orders else {}


def hold_back(tx: Tx, case_id: str, purpose: str) -> bool:
    """A timer came due: of a muted case it is kept for the end of the silence. False when the case is not muted."""
    return tx.run(_SQL["hold_back"], case_id=case_id, purpose=purpose) > 0


def cases_of(tx: Tx, silences: Sequence[str]) -> dict[str, str]:
    """The open cases that some silences mute: case -> silence."""
    return {str(row["case_id"]): str(row["silence_id"]) for row in tx.all(_SQL["cases_of"], silences=list(silences))}


def unmute_closed(tx: Tx) -> None:
    """Forget mutes of cases that are closed."""
    tx.run(_SQL["unmute_closed"])


def hide(tx: Tx, case_id: str, key: str) -> None:
    """A waiting case has another group key. The caller holds it."""
    tx.run(_SQL["hide"], id=case_id, key=key)


def open_cases(tx: Tx, assets: Sequence[str] | None) -> list[Row]:
    """Open cases (id, asset, kind, condition, severity, state): on some assets and what hangs on them, or all (None)."""
    return tx.all(_SQL["open_all"]) if assets is None else tx.all(_SQL["open_on"], assets=list(assets))


def move(tx: Tx, row: Mapping[str, Any]) -> bool:
    """Works of a list that is imported again, found by their reference; False when nothing has changed."""
    return tx.run(_SQL["move"], **{**row, "scope": Jsonb(row["scope"])}) > 0


def covered(tx: Tx, scope: Mapping[str, Any]) -> int:
    """How many assets of the register lie in the scope of planned works; a drawn area is not looked at."""
    names = {key: scope.get(key) for key in ("asset", "feeder", "street", "district", "cell")}
    return int((tx.one(_SQL["covered"], **names) or {}).get("n", 0))


def notices_again(tx: Tx, order_id: str, since: datetime, now: datetime) -> int:
    """Notices of an order that was muted since a time are looked at now, of those of a clock to one target the newest alone;
    how many."""
    return tx.run(_SQL["notices_again"], order_id=order_id, since=since, now=now)


class Counts(NamedTuple):
    """How quiet it is."""

    silences: dict[tuple[str, str], int]
    """(sort, state) -> silences that are not over"""
    cases: dict[str, int]
    """sort -> open cases that are muted"""
    alerts: dict[str, int]
    """sort -> live alerts in them"""
    held: int
    """notices that wait for the end of a silence"""


NONE = Counts({}, {}, {}, 0)


def counts(tx: Tx) -> Counts:
    """For the metrics."""
    muted = tx.all(_SQL["muted_counts"])
    return Counts(
        {(row["sort"], row["state"]): row["n"] for row in tx.all(_SQL["counts"])},
        {row["sort"]: row["cases"] for row in muted},
        {row["sort"]: row["alerts"] for row in muted},
        (tx.one(_SQL["held_notices"]) or {}).get("n", 0),
    )
