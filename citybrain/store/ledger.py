"""The ledger of cases and their orders in the database: entries, and the head of each chain. Who writes holds the case."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from psycopg.types.json import Jsonb

from citybrain.store.db import Row, Tx
from citybrain.store.sql import load

_SQL = load("ledger")

_COLUMNS = (
    "case_id", "order_id", "event", "from_state", "to_state", "at", "actor", "reason", "detail", "facts", "version", "prev_hash",
    "hash",
)  # fmt: skip
_FEW = 3
"""So many entries are inserted one by one: COPY begins to pay behind them."""


class Head(NamedTuple):
    """The end of the chain of a case. `state` is the state of the case; `hash` None: no entry yet."""

    case_id: str
    hash: bytes | None
    entries: int
    state: str


def head_of_order(tx: Tx, order_id: str) -> Head | None:
    """The head of the case of an order; None when there is no such order."""
    row = tx.one(_SQL["head_of_order"], order_id=order_id)
    return None if row is None else _head(row)


def heads(tx: Tx, case_ids: Sequence[str]) -> dict[str, Head]:
    """The heads of those cases that have entries."""
    rows = tx.all(_SQL["heads"], cases=list(case_ids)) if case_ids else []
    return {str(row["case_id"]): _head(row) for row in rows}


def _head(row: Row) -> Head:
    known = row["head"] is not None
    return Head(str(row["case_id"]), bytes(row["head"]) if known else None, row["entries"] or 0, row["state"] or "")


def add(tx: Tx, row: Mapping[str, Any]) -> None:
    """One entry at the end of the chain of its case; a fork violates a constraint."""
    state = None if row["order_id"] is not None else row["to_state"]
    tx.run(_SQL["add"], **{**row, "facts": Jsonb(row["facts"]), "state": state})


def add_many(tx: Tx, rows: Sequence[Mapping[str, Any]]) -> None:
    """Entries at the ends of the chains of their cases, those of a case in order."""
    if len(rows) <= _FEW:
        for row in rows:
            add(tx, row)
        return
    tx.copy(_SQL["copy"], [[Jsonb(row[key]) if key == "facts" else row[key] for key in _COLUMNS] for row in rows])
    ends: dict[str, tuple[int, bytes, str | None]] = {}
    for row in rows:
        number, _, state = ends.get(row["case_id"], (0, b"", None))
        ends[row["case_id"]] = (number + 1, row["hash"], row["to_state"] if row["order_id"] is None else state)
    cases = sorted(ends)
    tx.run(
        _SQL["set_heads"],
        cases=cases,
        entries=[ends[case][0] for case in cases],
        heads=[ends[case][1] for case in cases],
        states=[ends[case][2] for case in cases],
    )


def entries(tx: Tx, order_id: str | None = None) -> list[Row]:
    """All entries in the order of writing, or those of the case of one order."""
    return tx.all(_SQL["entries"], order_id=order_id)


def case_states(tx: Tx) -> dict[str, str]:
    """The state of every case."""
    return {str(row["id"]): row["state"] for row in tx.all(_SQL["case_states"])}
