"""The ledger of cases and their orders in the database: entries, and the head of each chain. Who writes holds the case."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from psycopg.types.json import Jsonb

from citybrain.store.db import Row, Tx
from citybrain.store.sql import load

_SQL = load("ledger")

_PAGE = 5000


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
    """Entries at the ends of the chains of their cases, those of a case in order, by one statement."""
    if rows:
        said = [{**row, "prev_hash": row["prev_hash"].hex(), "hash": row["hash"].hex(), "n": n} for n, row in enumerate(rows)]
        tx.run(_SQL["add_many"], rows=Jsonb(said))


def entries(tx: Tx, order_id: str | None = None) -> list[Row]:
    """All entries in the order of writing, or those of the case of one order."""
    return tx.all(_SQL["entries"], order_id=order_id)


def still(tx: Tx) -> None:
    """What this transaction reads from now on stands still; to be called first."""
    tx.run(_SQL["snapshot"])


def stream(tx: Tx, begin: datetime | None = None, end: datetime | None = None) -> Iterator[Row]:
    """Entries in the order of writing: all, or the whole lives of cases with an entry from `begin` and before `end`."""
    with tx.conn.cursor("entries") as cursor:
        cursor.itersize = _PAGE
        yield from cursor.execute(_SQL["stream"], {"begin": begin, "end": end})


def ends(tx: Tx) -> Iterator[Row]:
    """The recorded end of every chain."""
    with tx.conn.cursor("ends") as cursor:
        cursor.itersize = _PAGE
        yield from cursor.execute(_SQL["ends"])


def case_rows(tx: Tx) -> Iterator[Row]:
    """Every case as it stands."""
    with tx.conn.cursor("case_rows") as cursor:
        cursor.itersize = _PAGE
        yield from cursor.execute(_SQL["case_rows"])


def order_rows(tx: Tx) -> Iterator[Row]:
    """Every order as it stands."""
    with tx.conn.cursor("order_rows") as cursor:
        cursor.itersize = _PAGE
        yield from cursor.execute(_SQL["order_rows"])


def anchors(tx: Tx) -> list[Row]:
    """All anchors, oldest first."""
    return tx.all(_SQL["anchors"])


def anchor_end(tx: Tx) -> tuple[int, bytes] | None:
    """The recorded end of the chain of anchors: how many there are, and the hash of the newest; None before the first."""
    row = tx.one(_SQL["anchor_end"])
    return None if row is None else (row["anchors"], bytes(row["head"]))


def last_anchor(tx: Tx) -> Row | None:
    """The newest anchor."""
    return tx.one(_SQL["last_anchor"])


def ripe(tx: Tx, after: int, before: datetime) -> int | None:
    """Up to which entry (behind `after`) an anchor of all that happened before a time may reach; None: nothing is final yet."""
    row = tx.one(_SQL["ripe"], after=after, before=before)
    return None if row is None or row["seq"] is None else max(int(row["seq"]), after)


def leaves(tx: Tx, after: int, until: int) -> Iterator[tuple[int, bytes]]:
    """Number and hash of the entries that an anchor covers."""
    with tx.conn.cursor("leaves") as cursor:
        cursor.itersize = _PAGE
        for row in cursor.execute(_SQL["leaves"], {"after": after, "until": until}):
            yield row["seq"], bytes(row["hash"])


def add_anchor(tx: Tx, row: Mapping[str, Any]) -> None:
    """The anchor of a day. A second one of the day, or behind the same one before, violates a constraint."""
    tx.run(_SQL["add_anchor"], **row)


def case_states(tx: Tx) -> dict[str, str]:
    """The state of every case."""
    return {str(row["id"]): row["state"] for row in tx.all(_SQL["case_states"])}


def zone(tx: Tx) -> str:
    """The time zone of most units; UTC without any."""
    row = tx.one(_SQL["zone"])
    return str(row["timezone"]) if row else "UTC"


def last_note(tx: Tx, case_id: str, events: Sequence[str]) -> Row | None:
    """The newest entry of a case that is one of some events: event, actor, reason, at."""
    return tx.one(_SQL["last_note"], case_id=case_id, events=list(events))
