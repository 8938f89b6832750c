"""The archive on both kinds of database."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from citybrain.store.migrate import migrate_in
from tests.servers.timescaledb import Timescale


@pytest.fixture(scope="package")
def timescale() -> Iterator[Timescale]:
    with Timescale() as server:
        with server.transaction() as tx:
            migrate_in(tx)
        yield server


@pytest.fixture(params=["plain", "timescaledb"])
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def archive(kind: str, request: pytest.FixtureRequest) -> Any:
    """A `Database`, or what does the same for TimescaleDB."""
    if kind == "plain":
        return request.getfixturevalue("db")
    server = request.getfixturevalue("timescale")
    server.clear()
    return server
