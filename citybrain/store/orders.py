"""Work orders in the database. Whoever writes here holds the order's case (see `citybrain.store.cases`)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from psycopg.types.json import Jsonb

from citybrain.kernel.model import Unit
from citybrain.store.db import Row, Tx
from citybrain.store.sql import load

_SQL = load("orders")


def add(tx: Tx, rows: Sequence[Mapping[str, Any]], texts: Mapping[str, Any]) -> None:
    """New orders. `trail`, `explanation` and `checklist` of a row are keys of `texts`: orders of a batch share them.

    A second open order of a case violates `orders_one_open`.
    """
    if rows:
        tx.run(_SQL["add"], rows=Jsonb([{**row, "n": number} for number, row in enumerate(rows)]), texts=Jsonb(dict(texts)))


def case_of(tx: Tx, order_id: str) -> str | None:
    """The case of an order, None when there is no such order."""
    row = tx.one(_SQL["case_of"], id=order_id)
    return str(row["case_id"]) if row else None


def open_of(tx: Tx, cases: Sequence[str]) -> dict[str, Row]:
    """The open order of each case that has one."""
    return {str(row["case_id"]): row for row in tx.all(_SQL["of_cases"], cases=list(cases))} if cases else {}


def get(tx: Tx, order_id: str) -> Row | None:
    """One order."""
    return tx.one(_SQL["get"], id=order_id)


def set_state(tx: Tx, order_id: str, state: str, *, reason: str, at: datetime) -> None:
    """The state after a move, with the counts and times that go with it."""
    tx.run(_SQL["set_state"], id=order_id, state=state, reason=reason, at=at)


def set_unit(tx: Tx, order_id: str, unit: str, *, dispatched_at: datetime, trail: Sequence[Mapping[str, Any]]) -> None:
    """Another unit has the order from a time on; `trail`: how it was found."""
    tx.run(_SQL["set_unit"], id=order_id, unit=unit, dispatched_at=dispatched_at, trail=Jsonb(list(trail)))


def last_move(tx: Tx, order_id: str) -> Row | None:
    """The newest entry that changed the state: event, to_state, actor, reason."""
    return tx.one(_SQL["last_move"], order_id=order_id)


def states(tx: Tx, order_id: str | None = None) -> dict[str, str]:
    """The state of one order, or of all."""
    return {str(row["id"]): row["state"] for row in tx.all(_SQL["states"], order_id=order_id)}


def unit(tx: Tx, unit_id: str) -> Unit | None:
    """A unit with its contacts."""
    row = tx.one(_SQL["unit"], id=unit_id)
    if row is None:
        return None
    lists = {key: tuple(row[key]) for key in ("contacts", "lead", "supervisor")}
    return Unit(row["id"], row["name"], row["name_zh"], row["timezone"], row["calendar"], **lists)
