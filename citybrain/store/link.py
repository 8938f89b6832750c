"""A connection for a loop: one for life, opened anew when it breaks, limited for the case that its process hangs."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

from citybrain.kernel.errors import CityBrainError, UnavailableError
from citybrain.store.db import RETRY, Session, Tx, attempt, sqlstate
from citybrain.store.sql import load

_SQL = load("link")
T = TypeVar("T")
LOCK_MS = 2000
"""Waiting longer for a lock is an error (and is tried again): nobody holds one for so long but who hangs."""
IDLE_MS = 15_000
"""A process that says nothing for so long within a transaction has its connection ended, and with it its locks."""


class Link:
    """Transactions one after the other over one connection. Not thread-safe."""

    def __init__(self, url: str, name: str) -> None:
        self._url, self._name = url, name
        self._session: Session | None = None

    @contextmanager
    def transaction(self) -> Iterator[Tx]:
        """One transaction. Raises UnavailableError without a database; the next call connects anew."""
        if self._session is None:
            self._session = Session(self._url, self._name)
            with self.transaction() as tx:
                tx.one(_SQL["limits"], lock_ms=str(LOCK_MS), idle_ms=str(IDLE_MS))
        try:
            with self._session.transaction() as tx:
                yield tx
        except UnavailableError:
            self.close()
            raise

    def attempt(self, work: Callable[[Tx], T], tries: int = 5) -> T:
        """As `Database.attempt`."""
        return attempt(self.transaction, work, tries)

    def close(self) -> None:
        """Disconnect; the next transaction connects anew."""
        session, self._session = self._session, None
        if session is not None:
            session.close()


def check_at_once(tx: Tx) -> None:
    """Foreign keys that are else checked at the commit are checked by each statement of this transaction."""
    tx.run(_SQL["check_at_once"])


def waited_in_vain(error: CityBrainError) -> bool:
    """Somebody held a lock longer than LOCK_MS, each time it was tried."""
    return sqlstate(error) == "55P03"


def passes(error: CityBrainError) -> bool:
    """Is it worth to wait and to try the same again? Not when the schema is wrong, say."""
    state = sqlstate(error)
    # 53, 58: no disk, no memory, no connections left
    return isinstance(error, UnavailableError) or state in RETRY or state[:2] in {"53", "58"}


def refuses(error: Exception) -> bool:
    """Is it what was to be written that failed, so that the same again fails again? Not so: the database, or its schema."""
    if isinstance(error, UnavailableError | MemoryError | RecursionError):
        return False
    # a bare CityBrainError is a database error of no known kind: a table that is not there, a full disk
    return type(error) is not CityBrainError
