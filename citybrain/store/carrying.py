"""Rows of a city carried from one database into another: COPY out and COPY in, streamed through this process.

Which tables there are stands here, and a test holds it against the schema:

    CITY      small next to the readings: carried together, in one transaction, with their order of foreign keys
    HISTORY   readings and their sums: carried in spans of time
    TURNED    the embedded runtime's state of the rules, which becomes `partition_states`
    SIDE      what a database has for itself
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from psycopg import sql

from citybrain.kernel.errors import CityBrainError
from citybrain.store.db import Row, Tx
from citybrain.store.migrate import TIMESCALE
from citybrain.store.sql import load

_SQL = load("carrying")

CITY = (
    "units", "assets", "devices", "ownerships", "areas", "responsibilities", "people", "person_contacts", "teams",
    "team_members", "schedules", "schedule_layers", "layer_members", "duty_entries", "duty_overrides", "duty_leaves",
    "duty_handovers", "escalation_policies", "escalation_steps", "people_imports", "people_state", "cases", "alerts",
    "alert_events", "orders", "order_clocks", "clock_requests", "order_events", "ledger_heads", "ledger_anchors",
    "ledger_anchor_end", "escalations", "order_returns", "register_proposals", "storms", "storm_ranks", "silences", "mutes",
    "timers", "outbox", "deliveries", "disturbances", "message_handles", "used_links", "breakers", "cycle_modules", "forecasts",
    "forecast_dates", "forecast_run", "quarantine", "counters",
)  # fmt: skip
HISTORY = ("readings", "summary_1h", "summary_1d")
STALE = "readings_stale"
"""carried with the sums: it says which of them are not right"""
TURNED = ("checkpoints", "stream_log", "rejudge_queue")
SIDE = (
    "migrations", "city_move", "city_move_parts", "register_state", "archive_state", "archive_jobs", "consumer_positions",
    "partition_states", "register_published", "test_orders",
)  # fmt: skip
_LEFT_OVER = frozenset({"counters", "cycle_modules", "breakers", "people_state", "forecast_run"})
"""what a service that ran on an empty database may have written: no city"""

_TIME = {"readings": "observed_at", "summary_1h": "bucket", "summary_1d": "bucket"}
_KEY = {
    "readings": ("asset", "observed_at", "message", "measure"),
    **dict.fromkeys(("summary_1h", "summary_1d"), ("asset", "measure", "bucket")),
}
_TELL_EVERY = 20_000

Told = Callable[[int], None]
"""Called now and then with how many rows were carried since."""


class Span(NamedTuple):
    """Times from `begin` on and before `end`."""

    begin: datetime
    end: datetime


class Contents(NamedTuple):
    """What a table holds: its rows, and a sum over their text that is equal when all of them are."""

    rows: int
    sum: str


class DifferentError(CityBrainError):
    """What came is not what was there. Nothing of it is committed."""


def what_is_there(tx: Tx) -> dict[str, int]:
    """Tables with rows that say that a database has a city, each with how many (at most a million are counted)."""
    tables = [*(name for name in CITY if name not in _LEFT_OVER), "readings", "partition_states"]
    found = {table: int(_one(tx, "some", table=sql.Identifier(table))["n"]) for table in tables}
    return {table: rows for table, rows in found.items() if rows}


def carry(source: Tx, target: Tx, table: str, told: Told = lambda rows: None) -> int:
    """All rows of a table; how many. What the target has there goes."""
    columns = _columns(source, target, table)
    names = {"table": sql.Identifier(table), "columns": _list(columns)}
    target.conn.execute(_text("clear", **names))
    return _stream(source, target, _text("out", **names), {}, _text("into", **names), told)


def carry_span(source: Tx, target: Tx, table: str, span: Span, told: Told = lambda rows: None) -> int:
    """The rows of HISTORY with times within a span; how many. Raises ConstraintError when they are there already."""
    columns = _columns(source, target, table)
    # the sums have a column of a type of our own, whose number differs between databases: only text says it alike
    names = {
        "columns": _list(columns), "time": sql.Identifier(_TIME[table]), "key": _list(_KEY[table]),
        "format": sql.SQL("binary" if table == "readings" else "text"),
    }  # fmt: skip
    if table == "readings" and not _hypertables(target):
        target.one(_SQL["ready"], table=table, at=span.begin)
    out = _text("out_span", table=sql.Identifier(table), **names)
    into = _text("into_span", table=_storage(target, table), **names)
    return _stream(source, target, out, {"begin": span.begin, "end": span.end}, into, told)


def spans(tx: Tx, table: str) -> list[Span]:
    """Spans of time that hold all rows of a table of HISTORY, in order; those of readings each within a week."""
    if table == "readings":
        rows = tx.all(_SQL["chunks" if _hypertables(tx) else "weeks"], table=table)
    else:
        rows = [_one(tx, "bounds", table=sql.Identifier(table), time=sql.Identifier(_TIME[table]))]
    return [Span(row["begin"], row["end"]) for row in rows if row["begin"] is not None]


def count(tx: Tx, table: str, before: datetime | None = None) -> int:
    """Rows of a table, of HISTORY also only those before a time. Reads all of them."""
    if before is None:
        return int(_one(tx, "count", table=sql.Identifier(table))["n"])
    names = {"table": sql.Identifier(table), "time": sql.Identifier(_TIME[table])}
    return int(_one(tx, "count_before", {"end": before}, **names)["n"])


def contents(tx: Tx, table: str) -> Contents:
    """What a table holds."""
    row = _one(tx, "contents", table=sql.Identifier(table), columns=_list(_names(tx, table)))
    return Contents(int(row["n"]), row["sum"])


def continue_numbers(source: Tx, target: Tx) -> None:
    """Numbers that the database gives go on behind the last one that was given, also to a row that is gone."""
    for row in source.all(_SQL["identities"], tables=list(CITY)):
        if row["last"] is not None:
            target.one(_SQL["continue"], **row)


def carry_register_state(source: Tx, target: Tx) -> int:
    """The versions of the register; the newest."""
    row = source.one(_SQL["register_state"]) or {"version": 0, "rules": 0}
    target.run(_SQL["set_register_state"], **row)
    return int(row["version"])


class Archive(NamedTuple):
    """How an archive stands (see migration 0004)."""

    kind: str
    promised_to: datetime | None
    done_to: datetime | None
    dropped_to: datetime | None


def archive_of(tx: Tx) -> Archive:
    """How the archive of a database stands."""
    return Archive(**(tx.one(_SQL["archive_state"]) or {}))


def set_archive(tx: Tx, archive: Archive) -> None:
    """The archive stands as another one does; its kind stays."""
    tx.run(_SQL["set_archive_state"], **archive._asdict())


def let_jobs_run(tx: Tx, run: bool) -> None:
    """TimescaleDB's jobs that make sums: they shall not run over an archive that is half there."""
    if _hypertables(tx):
        tx.all(_SQL["jobs"], run=run)


def leave_sums_alone(call: Callable[..., None], before: datetime) -> None:
    """TimescaleDB: sums before a time are not made of readings, which are gone there; to be called before they come.

    `call` is `Database.call`: this makes transactions of its own.
    """
    for table in ("summary_1m", "summary_1h", "summary_1d"):
        call(_SQL["leave_alone"], table=table, before=before)


def cases_with_histories(tx: Tx) -> Iterator[Row]:
    """Every entry of the ledger beside the states of its case and order, case by case; a case without entries has one row."""
    with tx.conn.cursor("ledger") as cursor:
        cursor.itersize = 5000
        yield from cursor.execute(_SQL["ledger"])


def analyze(tx: Tx) -> None:
    """Let the planner know what came."""
    tx.run(_SQL["analyze"])


def _stream(source: Tx, target: Tx, out: sql.Composed, params: dict[str, Any], into: sql.Composed, told: Told) -> int:
    with source.conn.cursor() as reader, target.conn.cursor() as writer:
        with reader.copy(out, params or None) as rows, writer.copy(into) as sink:
            untold = 0
            for row in rows:
                sink.write(row)
                untold += 1
                if untold >= _TELL_EVERY:
                    told(untold)
                    untold = 0
        if reader.rowcount != writer.rowcount:
            raise DifferentError(f"{writer.rowcount} of {reader.rowcount} rows came")
        told(untold)
        return writer.rowcount


def _columns(source: Tx, target: Tx, table: str) -> Sequence[str]:
    here, there = _names(source, table), _names(target, table)
    if set(here) != set(there):
        raise DifferentError(f"table {table} has columns that differ: {', '.join(sorted(set(here) ^ set(there)))}")
    return here


def _names(tx: Tx, table: str) -> list[str]:
    return [row["name"] for row in tx.all(_SQL["columns"], table=table)]


def _storage(tx: Tx, table: str) -> sql.Identifier:
    """Where rows of a table are written: the sums of TimescaleDB are views, with a table of their own behind them."""
    if table == "readings" or not _hypertables(tx):
        return sql.Identifier(table)
    row = tx.one(_SQL["summary_storage"], table=table) or {}
    return sql.Identifier(row["schema"], row["name"])


def _hypertables(tx: Tx) -> bool:
    return archive_of(tx).kind == TIMESCALE


def _list(names: Iterable[str]) -> sql.Composed:
    return sql.SQL(", ").join(sql.Identifier(name) for name in names)


def _text(block: str, **names: sql.Composable) -> sql.Composed:
    return sql.SQL(_SQL[block]).format(**names)


def _one(tx: Tx, block: str, params: dict[str, Any] | None = None, **names: sql.Composable) -> Row:
    row = tx.conn.execute(_text(block, **names), params).fetchone()
    assert row is not None, "a count gives a row"
    return row
