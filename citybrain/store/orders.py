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


def add(tx: Tx, rows: Sequence[Mapping[str, Any]]) -> None:
    """New orders. A second open one of a case violates `orders_one_open`."""
    tx.many(_SQL["add"], [{**row, **{key: Jsonb(row[key]) for key in ("trail", "explanation", "trace")}} for row in rows])


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


def set_overdue(tx: Tx, order_id: str, at: datetime) -> bool:
    """The limit has passed; False when that was known."""
    return tx.run(_SQL["set_overdue"], id=order_id, at=at) > 0


def set_limit(
    tx: Tx, order_id: str, *, unit: str, filing_item: str, limit_value: float, limit_unit: str, dispatched_at: datetime,
    clock_from: datetime, due_at: datetime, explanation: Sequence[str], trail: Sequence[Mapping[str, Any]] | None = None,
) -> None:  # fmt: skip
    """Another unit, filing item or start of the clock (`clock_from`: where the limit counts from).

    An order that is not late by the new limit is not overdue any more.
    """
    tx.run(
        _SQL["set_limit"],
        id=order_id,
        unit=unit,
        filing_item=filing_item,
        limit_value=limit_value,
        limit_unit=limit_unit,
        dispatched_at=dispatched_at,
        clock_from=clock_from,
        due_at=due_at,
        explanation=Jsonb(list(explanation)),
        trail=None if trail is None else Jsonb(list(trail)),
    )


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
