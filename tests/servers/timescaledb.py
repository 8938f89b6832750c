"""A real TimescaleDB, driven with the project's own SQL: it runs in Node, so it is spoken to over a pipe and not by psycopg."""

from __future__ import annotations

import base64
import json
import re
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from psycopg import adapt, pq, sql

from citybrain.kernel.errors import CityBrainError
from citybrain.store.db import ConstraintError, Row, Tx
from tests.servers.node import node, node_modules

HERE = Path(__file__).parent / "timescale"
_PARAMETER = re.compile(r"%\((\w+)\)s|%%")


class TimescaleTx(Tx):
    """A transaction on it; what `citybrain.store` does with a `Tx` it does with this one."""

    def __init__(self, server: Timescale) -> None:
        self._server = server

    def run(self, query: str, /, **params: Any) -> int:
        return int(self._server.ask(bound(query, params))["affected"])

    def all(self, query: str, /, **params: Any) -> list[Row]:
        return self._server.rows(bound(query, params))

    def one(self, query: str, /, **params: Any) -> Row | None:
        return next(iter(self.all(query, **params)), None)

    def many(self, query: str, rows: Sequence[dict[str, Any]]) -> None:
        for row in rows:
            self.run(query, **row)

    @contextmanager
    def within(self) -> Iterator[None]:
        self._server.ask("SAVEPOINT within")
        try:
            yield
        except BaseException:
            self._server.ask("ROLLBACK TO within")
            raise
        self._server.ask("RELEASE within")

    def copy_text(self, query: str, data: bytes) -> None:
        if data:
            self._server.ask(query.replace("FROM STDIN", "FROM '/dev/blob'"), data)


def bound(query: str, params: dict[str, Any]) -> str:
    """The query with its parameters written into it, as literals of PostgreSQL."""
    if not params:
        return query

    def literal(match: re.Match[str]) -> str:
        return sql.Literal(params[match[1]]).as_string(None) if match[1] else "%"

    return _PARAMETER.sub(literal, query)


class Timescale:
    """One database in memory, as long as the process runs. Use it in a `with`."""

    def __init__(self) -> None:
        self._types = adapt.Transformer()

    def __enter__(self) -> Timescale:
        self._process = subprocess.Popen(
            [node(), HERE / "serve.mjs", node_modules(HERE)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        self._answer()
        return self

    def __exit__(self, *exc: object) -> None:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process.stdout.close()

    def ask(self, query: str, copy: bytes | None = None) -> dict[str, Any]:
        """Run statements; the answer of the last one. Raises ConstraintError or CityBrainError as the store does."""
        assert self._process.stdin is not None
        request = {"sql": query} if copy is None else {"sql": query, "copy": base64.b64encode(copy).decode()}
        self._process.stdin.write(json.dumps(request) + "\n")
        self._process.stdin.flush()
        return self._answer()

    def call(self, query: str, **params: Any) -> None:
        """Run one statement outside of any transaction, as `Database.call`."""
        self.ask(bound(query, params))

    def clear(self) -> None:
        """Forget all readings and their sums."""
        self.ask(
            "TRUNCATE readings, readings_stale, rejudge_queue; TRUNCATE summary_1m; TRUNCATE summary_1h; TRUNCATE summary_1d;"
            "UPDATE archive_state SET dropped_to = NULL"
        )

    def _answer(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise CityBrainError(f"TimescaleDB in Node has ended with {self._process.wait()}")
        answer: dict[str, Any] = json.loads(line)
        if "error" in answer:
            if answer["code"].startswith("23"):
                raise ConstraintError(answer["constraint"] or answer["code"], answer["detail"] or answer["error"])
            raise CityBrainError(f"database error {answer['code']}: {answer['error']}")
        return answer

    def rows(self, query: str) -> list[Row]:
        """The rows of the last statement, with the types of psycopg."""
        answer = self.ask(query)
        loaders = [(name, self._types.get_loader(oid, pq.Format.TEXT).load) for name, oid in answer["fields"]]
        return [
            {name: None if text is None else load(text.encode()) for (name, load), text in zip(loaders, row, strict=True)}
            for row in answer["rows"]
        ]

    @contextmanager
    def transaction(self) -> Iterator[TimescaleTx]:
        """One transaction: committed at the end of the block, rolled back by an exception."""
        self.ask("BEGIN")
        try:
            yield TimescaleTx(self)
        except BaseException:
            self.ask("ROLLBACK")
            raise
        self.ask("COMMIT")
