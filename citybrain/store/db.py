"""The database: one pool, transactions with retry, errors mapped once by SQLSTATE."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from typing import Any, LiteralString, TypeVar

import orjson
import psycopg
from psycopg.rows import dict_row
from psycopg.types.json import set_json_dumps, set_json_loads
from psycopg_pool import ConnectionPool, PoolTimeout

from citybrain.kernel.errors import CityBrainError, ConfigError, InputError, UnavailableError

log = logging.getLogger(__name__)
T = TypeVar("T")
Row = dict[str, Any]


COPY_NULL = r"\N"
COPY_ESCAPES = str.maketrans({"\\": "\\\\", "\t": "\\t", "\n": "\\n", "\r": "\\r"})
"""For `str.translate`: a value as it stands in COPY's text format."""


def _plain(value: object) -> object:
    """For JSON: a named tuple is a list, anything else its text."""
    return list(value) if isinstance(value, tuple) else str(value)


set_json_dumps(lambda value: orjson.dumps(value, default=_plain))
set_json_loads(orjson.loads)

RETRY = {"40001", "40P01", "55P03"}
"""serialization failure, deadlock, lock not available"""
_GONE = {"57P01", "57P02", "57P03", "08000", "08001", "08003", "08004", "08006", "53300", "25P03"}
"""the server or the way to it; 25P03: our connection was ended, because we said nothing for too long within a transaction"""


_KEEPALIVE: dict[str, Any] = {
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 25_000,
}
"""A server that vanished without a word is noticed within half a minute."""


class ConstraintError(CityBrainError):
    """An invariant of the schema refused a write. `constraint` names it."""

    def __init__(self, constraint: str, detail: str) -> None:
        super().__init__(f"{constraint}: {detail}")
        self.constraint = constraint


class Tx:
    """One open transaction. SQL comes only from `citybrain.store.sql`."""

    def __init__(self, conn: psycopg.Connection[Row]) -> None:
        self.conn = conn

    def run(self, sql: LiteralString, /, **params: Any) -> int:
        """Execute; the number of rows touched."""
        return self.conn.execute(sql, params or None).rowcount

    def all(self, sql: LiteralString, /, **params: Any) -> list[Row]:
        """All rows as dicts."""
        return self.conn.execute(sql, params or None).fetchall()

    def one(self, sql: LiteralString, /, **params: Any) -> Row | None:
        """The first row, or None."""
        return self.conn.execute(sql, params or None).fetchone()

    def many(self, sql: LiteralString, rows: Sequence[dict[str, Any]]) -> None:
        """Execute once for each row of parameters (pipelined)."""
        if rows:
            with self.conn.cursor() as cursor:
                cursor.executemany(sql, rows)

    @contextmanager
    def within(self) -> Iterator[None]:
        """A part that can fail alone: what it raises undoes its own work and leaves the rest of the transaction as it is."""
        try:
            with self.conn.transaction():
                yield
        except psycopg.Error as error:
            raise _mapped(error) from error

    def copy(self, sql: LiteralString, rows: Sequence[Sequence[Any]]) -> None:
        """COPY … FROM STDIN of rows of plain values (text format)."""
        with self.conn.cursor() as cursor, cursor.copy(sql) as copy:
            for row in rows:
                copy.write_row(row)

    def copy_text(self, sql: LiteralString, data: bytes) -> None:
        """COPY … FROM STDIN of text that is already in COPY's text format."""
        with self.conn.cursor() as cursor, cursor.copy(sql) as copy:
            copy.write(data)

    def copy_out(self, sql: LiteralString, **params: Any) -> Iterator[bytes]:
        """COPY … TO STDOUT, piece by piece as the server gives it. Read to the end before the transaction goes on."""
        with self.conn.cursor() as cursor, cursor.copy(sql, params or None) as copy:
            for piece in copy:
                yield bytes(piece)


def _mapped(error: psycopg.Error) -> CityBrainError:
    """One exception of ours for one of the driver's, by SQLSTATE, never by text."""
    state = error.sqlstate or ""
    if state[:2] == "23":
        return ConstraintError(error.diag.constraint_name or state, error.diag.message_detail or str(error))
    if state[:2] == "22" or (isinstance(error, psycopg.DataError) and not state):
        # without a state it is the driver that refused: a NUL, which no text of PostgreSQL can hold
        return InputError(f"the database refused a value: {error.diag.message_primary or error}")
    if _lost(error) or state in _GONE or state[:2] in {"08", "57"}:
        return UnavailableError(f"database not reachable: {error}")
    return CityBrainError(f"database error {state or type(error).__name__}: {error}")


def _lost(error: psycopg.Error) -> bool:
    """Did the connection fail? The driver says so without a state; a value that it cannot send has none either."""
    return not error.sqlstate and isinstance(error, psycopg.OperationalError | psycopg.InterfaceError)


def sqlstate(error: BaseException) -> str:
    """The SQLSTATE behind one of our errors, "" when there is none."""
    cause = error.__cause__
    return cause.sqlstate or "" if isinstance(cause, psycopg.Error) else ""


def wants_retry(error: BaseException) -> bool:
    """Is it the whole transaction that failed (asked to be tried again, out of time, connection gone), not one statement?"""
    if not isinstance(error, psycopg.Error):
        return False
    state = error.sqlstate or ""
    return _lost(error) or state in RETRY or state[:2] in {"08", "57"}


def attempt(begin: Callable[[], AbstractContextManager[Tx]], work: Callable[[Tx], T], tries: int = 5) -> T:
    """Run `work` in a transaction that `begin` gives; again when the database asks for it (serialization, deadlock, lock)."""
    for left in range(tries - 1, -1, -1):
        try:
            with begin() as tx:
                return work(tx)
        except CityBrainError as error:
            if not left or sqlstate(error) not in RETRY:
                raise
            log.info("transaction asked to be tried again: %s", error)
    raise AssertionError("unreachable")


class Database:
    """A pool of connections to one database. Open it once a process."""

    def __init__(self, url: str, *, size: int = 4, name: str = "citybrain") -> None:
        self.url = url
        self._pool: ConnectionPool[psycopg.Connection[Row]] = ConnectionPool(
            url,
            min_size=1,
            max_size=size,
            open=False,
            timeout=10,
            kwargs={"row_factory": dict_row, "autocommit": False, "application_name": name, "prepare_threshold": 2},
            check=ConnectionPool.check_connection,
        )

    def open(self, wait_s: float = 15) -> Database:
        """Connect, waiting up to `wait_s` for a server that starts or recovers. Raises UnavailableError."""
        deadline = time.monotonic() + wait_s
        while True:
            try:
                psycopg.connect(self.url, connect_timeout=5).close()
                break
            except psycopg.ProgrammingError as error:
                # its text quotes the URL, password and all
                raise ConfigError(
                    "not a PostgreSQL URL; write postgresql://user:password@host:5432/database", key="database_url"
                ) from error
            except psycopg.OperationalError as error:
                # asked often and simply: the pool's own waits grow, and a recovering server is there within seconds
                if time.monotonic() > deadline:
                    raise UnavailableError(f"no database at {_safe(self.url)} within {wait_s:g} s: {error}") from error
                time.sleep(0.1)
        self._pool.open()
        try:
            self._pool.wait(wait_s)
        except PoolTimeout as error:
            self._pool.close()
            raise UnavailableError(f"no connection to {_safe(self.url)} within {wait_s:g} s: {error}") from error
        return self

    def close(self) -> None:
        """Close all connections."""
        self._pool.close()

    def session(self, name: str) -> Session:
        """A connection outside of the pool. Raises UnavailableError."""
        return Session(self.url, name)

    def __enter__(self) -> Database:
        return self.open()

    def __exit__(self, *exc: object) -> None:
        self.close()

    @contextmanager
    def transaction(self) -> Iterator[Tx]:
        """One transaction: committed at the end of the block, rolled back by an exception. Driver errors are mapped."""
        try:
            with self._pool.connection() as conn:
                yield Tx(conn)
        except PoolTimeout as error:
            raise UnavailableError(f"no database connection free: {error}") from error
        except psycopg.Error as error:
            raise _mapped(error) from error

    def attempt(self, work: Callable[[Tx], T], tries: int = 5) -> T:
        """Run `work` in a transaction; again when the database asks for it (serialization, deadlock, lock)."""
        return attempt(self.transaction, work, tries)

    def call(self, sql: LiteralString, **params: Any) -> None:
        """Run one statement outside of any transaction: a procedure that makes its own."""
        try:
            with psycopg.connect(self.url, autocommit=True, application_name="citybrain call") as conn:
                psycopg.ClientCursor(conn).execute(sql, params or None)
        except psycopg.Error as error:
            raise _mapped(error) from error

    @contextmanager
    def listen(self, channel: LiteralString) -> Iterator[Callable[[float], bool]]:
        """LISTEN on a channel with a connection of its own; yields `wait(seconds) -> bool` (True: somebody notified)."""
        try:
            with psycopg.connect(self.url, autocommit=True, application_name="citybrain listen") as conn:
                conn.execute(psycopg.sql.SQL("LISTEN {}").format(psycopg.sql.Identifier(channel)))
                yield lambda seconds: bool(list(conn.notifies(timeout=seconds, stop_after=1)))
        except psycopg.Error as error:
            raise _mapped(error) from error


class Session:
    """One connection for life, for a process that holds a lock by it. When it breaks, the holder must start anew."""

    def __init__(self, url: str, name: str) -> None:
        try:
            self._conn: psycopg.Connection[Row] = psycopg.connect(
                url, row_factory=dict_row, application_name=name, prepare_threshold=2, connect_timeout=10, **_KEEPALIVE
            )
        except psycopg.Error as error:
            raise _mapped(error) from error

    @contextmanager
    def transaction(self) -> Iterator[Tx]:
        """One transaction: committed at the end of the block, rolled back by an exception."""
        try:
            with self._conn.transaction():
                yield Tx(self._conn)
        except psycopg.Error as error:
            raise _mapped(error) from error

    def close(self) -> None:
        """Close the connection; what it locked is free."""
        self._conn.close()


def _safe(url: str) -> str:
    """The URL without its password."""
    info = psycopg.conninfo.conninfo_to_dict(url)
    return " ".join(f"{key}={value}" for key, value in info.items() if key != "password")
