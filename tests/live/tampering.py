"""One row of the ledger, or of what stands beside it, changed behind its back: every column, rows gone, rows forged."""

from __future__ import annotations

import copy
import random
from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import Any, NamedTuple
from uuid import UUID

import psycopg
from psycopg import sql
from psycopg.types.json import Jsonb

from citybrain.store import ledger as store
from citybrain.store.db import Tx
from dispatch.anchors import Anchor
from dispatch.audit import Auditor, Fault
from dispatch.chain import chained
from dispatch.ledger import entry_of

Rows = dict[str, list[dict[str, Any]]]

KEYS = {
    "order_events": "seq", "ledger_heads": "case_id", "cases": "id", "orders": "id", "ledger_anchors": "day",
    "ledger_anchor_end": "one",
}  # fmt: skip
STATES = {
    "cases": ("state", "asset", "kind", "cause", "opened_at", "closed_at", "outcome"),
    "orders": ("state", "unit", "closed_at", "reworks", "returns"),
}
"""of these tables not every column is in the ledger: those that say where a case and an order stand"""
_OTHER = {
    "event": ["ack", "fix", "close", "overdue", "grouped"], "state": ["open", "closed", "dispatched", "cancelled"],
    "from_state": ["open", "dispatched", "new"], "to_state": ["closed", "dispatched", "fixed"],
}  # fmt: skip


class Tampering(NamedTuple):
    """What was done: `row` None: the row is gone; `key` None: a new one."""

    table: str
    key: Any
    row: dict[str, Any] | None
    what: str


def rows_of(tx: Tx) -> Rows:
    """Everything that an audit reads."""
    entries = [dict(row) for row in store.entries(tx)]
    ends = [dict(row) for row in store.ends(tx)]
    found = store.anchor_end(tx)
    return {
        "order_events": entries,
        "ledger_heads": ends,
        "cases": [dict(row) for row in store.case_rows(tx)],
        "orders": [dict(row) for row in store.order_rows(tx)],
        "ledger_anchors": [dict(row) for row in store.anchors(tx)],
        "ledger_anchor_end": [{"one": True, "anchors": found[0], "head": found[1]}] if found else [],
    }


def audit(rows: Rows, copies: Sequence[Anchor] = ()) -> list[Fault]:
    """The audit of rows in memory."""
    end = next(iter(rows["ledger_anchor_end"]), None)
    anchors = [Anchor(**row) for row in sorted(rows["ledger_anchors"], key=lambda row: (row["to_seq"], row["day"]))]
    auditor = Auditor(anchors, copies, end=(end["anchors"], end["head"]) if end else None)
    for row in sorted(rows["order_events"], key=lambda row: row["seq"]):
        auditor.follow(entry_of(row))
    return auditor.finish(rows["ledger_heads"], rows["cases"], rows["orders"])


def tampering(rows: Rows, dice: random.Random) -> Tampering:
    """A random one: mostly of entries."""
    kind = dice.choices(["change", "delete", "insert", "state", "anchor", "end"], [50, 12, 14, 12, 8, 4])[0]
    if kind == "insert":
        return _forged(rows, dice)
    if kind in {"change", "delete"}:
        table = "order_events"
    elif kind == "state":
        table = dice.choice(["cases", "orders"])
    else:
        table = "ledger_anchors" if kind == "anchor" else dice.choice(["ledger_heads", "ledger_anchor_end"])
    row = dice.choice(rows[table])
    key = row[KEYS[table]]
    if kind == "delete" or (kind in {"anchor", "end"} and dice.random() < 0.3):
        return Tampering(table, key, None, f"{table}: a row is gone")
    columns = STATES.get(table) or [name for name in row if name != "one"]
    column = dice.choice(list(columns))
    changed = {**row, column: _other(rows, column, row[column], dice)}
    return Tampering(table, key, changed, f"{table}.{column}: {row[column]!r} -> {changed[column]!r}")


def _forged(rows: Rows, dice: random.Random) -> Tampering:
    """A new entry with a hash that is right: behind the end of a chain, or behind any entry of it."""
    before = dice.choice(rows["order_events"])
    chain = [row for row in rows["order_events"] if row["case_id"] == before["case_id"]]
    before = dice.choice([chain[-1], before])
    order = next((str(row["order_id"]) for row in chain if row["order_id"]), None)
    state = next((row["to_state"] for row in reversed(chain) if row["order_id"]), "")
    event = "reminded" if order else "grouped"
    state = state if order else before["to_state"]
    entry = chained(
        bytes(before["hash"]), str(before["case_id"]), order, event, state, state,
        at=before["at"] + timedelta(seconds=dice.randint(0, 99)), actor="forger", reason="said so", facts={"n": dice.random()},
    )  # fmt: skip
    newest = max(row["seq"] for row in rows["order_events"])
    free = sorted(set(range(1, newest)) - {row["seq"] for row in rows["order_events"]})
    row = {**entry._asdict(), "seq": dice.choice([newest + 1, *free[:3]])}
    return Tampering(
        "order_events", None, row, f"order_events: a forged {event} after seq {before['seq']} with seq {row['seq']}"
    )


def _other(rows: Rows, column: str, value: Any, dice: random.Random) -> Any:
    """Something else that the column could hold."""
    if column == "case_id":
        return dice.choice([row["id"] for row in rows["cases"] if row["id"] != value])
    if column == "order_id":
        choice = [None, *(row["id"] for row in rows["orders"])]
        return dice.choice([one for one in choice if one != value])
    if column in _OTHER:
        return dice.choice([one for one in _OTHER[column] if one != value])
    match value:
        case None:
            return "x" if column in {"outcome"} else datetime.fromisoformat("2026-06-12T09:00:00+00:00")
        case bool():
            return not value
        case int():
            return value + dice.choice([-1, 1, 7, 1000])
        case str():
            return dice.choice([value + "x", value[:-1], "forged"]) if value else "forged"
        case bytes():
            at = dice.randrange(len(value))
            return bytes([*value[:at], value[at] ^ (1 << dice.randrange(8)), *value[at + 1 :]])
        case datetime():
            return value + dice.choice([timedelta(microseconds=1), timedelta(minutes=-5), timedelta(days=30)])
        case date():
            return value + timedelta(days=dice.choice([-1, 1, 5]))
        case UUID():
            return UUID(int=value.int ^ 1)
        case Mapping():
            return _other_facts(dict(value), dice)
        case _:
            raise AssertionError(f"no other value for {column}: {value!r}")


def _other_facts(facts: dict[str, Any], dice: random.Random) -> Any:
    changed = copy.deepcopy(facts)
    if not changed or dice.random() < 0.2:
        return dice.choice([{**changed, "forged": 1}, [], {"unit": "another"}])
    key = dice.choice(sorted(changed))
    if dice.random() < 0.3:
        del changed[key]
    else:
        changed[key] = "forged" if changed[key] != "forged" else 1
    return changed


def done_in_memory(rows: Rows, one: Tampering) -> Rows:
    """The rows afterwards."""
    key = KEYS[one.table]
    kept = [row for row in rows[one.table] if one.key is None or row[key] != one.key]
    return {**rows, one.table: kept if one.row is None else [*kept, one.row]}


def do(conn: psycopg.Connection[Any], one: Tampering) -> None:
    """The same by SQL."""
    table, key = sql.Identifier(one.table), sql.Identifier(KEYS[one.table])
    if one.key is not None and one.row is None:
        conn.execute(sql.SQL("DELETE FROM {} WHERE {} = %s").format(table, key), (one.key,))
        return
    assert one.row is not None, "a row that is new or changed"
    values = {name: Jsonb(value) if name == "facts" else value for name, value in one.row.items()}
    names, marks = list(values), sql.SQL(", ").join([sql.Placeholder()] * len(values))
    if one.key is None:
        columns = sql.SQL(", ").join(map(sql.Identifier, names))
        insert = sql.SQL("INSERT INTO {} ({}) OVERRIDING SYSTEM VALUE VALUES ({})").format(table, columns, marks)
        conn.execute(insert, list(values.values()))
        return
    if one.table == "order_events":
        # a column that the database numbers cannot be updated: the row is written anew
        conn.execute(sql.SQL("DELETE FROM {} WHERE {} = %s").format(table, key), (one.key,))
        do(conn, one._replace(key=None))
        return
    sets = sql.SQL(", ").join(sql.SQL("{} = %s").format(sql.Identifier(name)) for name in names)
    conn.execute(sql.SQL("UPDATE {} SET {} WHERE {} = %s").format(table, sets, key), [*values.values(), one.key])
