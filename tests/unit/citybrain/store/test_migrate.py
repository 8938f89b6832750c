"""Which kind of archive a database gets, and keeps."""

from __future__ import annotations

import logging
from typing import Any, cast

import pytest

from citybrain.kernel.errors import ConfigError
from citybrain.store.db import Tx
from citybrain.store.migrate import PLAIN, TIMESCALE, choose_kind, known
from citybrain.store.sql import load


class Server:
    """What a server says of TimescaleDB, and which kind of archive its database has."""

    def __init__(
        self, installed: str | None = None, *, license: str | None = None, loaded: bool = False, kind: str | None = None
    ) -> None:
        self._says = {"installed": installed, "license": license, "loaded": loaded}
        self._kind = kind

    def one(self, sql: str) -> dict[str, Any]:
        queries = load("migrate")
        if sql == queries["extension"]:
            return self._says
        return {"yes": self._kind is not None} if sql == queries["has_archive"] else {"kind": self._kind}


def chosen(server: Server) -> str:
    return choose_kind(cast(Tx, server))


@pytest.mark.parametrize(
    ("server", "kind"),
    [
        (Server(), PLAIN),
        (Server("2.23.0-dev", license="timescale"), TIMESCALE),
        (Server("2.13.0", license="timescale", loaded=True), TIMESCALE),
        (Server("2.23.0", license="apache", loaded=True), PLAIN),
        (Server("2.23.0", license="timescale", kind=TIMESCALE), TIMESCALE),
        (Server(kind=PLAIN), PLAIN),
        (Server(loaded=True, kind=PLAIN), PLAIN),
    ],
)
def test_the_kind_follows_the_server_once(server: Server, kind: str) -> None:
    assert chosen(server) == kind


@pytest.mark.parametrize(
    ("server", "words"),
    [
        (Server(kind=TIMESCALE), "made with TimescaleDB, and the extension is not there"),
        (Server(loaded=True), "run CREATE EXTENSION timescaledb"),
        (Server("2.9.3", license="timescale"), r"TimescaleDB 2\.9\.3 is too old: 2\.13 or newer"),
    ],
)
def test_what_cannot_be_used_is_said_with_the_remedy(server: Server, words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        chosen(server)


def test_a_plain_archive_stays_plain_when_the_extension_comes(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        assert chosen(Server("2.23.0", license="timescale", kind=PLAIN)) == PLAIN
    assert "stays so" in caplog.text


def test_both_halves_give_the_same_names() -> None:
    (halved,) = (step for step in known() if step.halves)
    assert set(halved.halves) == {PLAIN, TIMESCALE}
    made = {
        kind: {
            line.split("(")[0].removesuffix(" AS")
            for line in sql.splitlines()
            if line.startswith(("CREATE FUNCTION", "CREATE VIEW"))
        }
        for kind, sql in halved.halves.items()
    }
    assert made[PLAIN] - made[TIMESCALE] == {"CREATE FUNCTION readings_partition"}
    assert made[TIMESCALE] <= made[PLAIN]
    assert halved.digest(PLAIN) != halved.digest(TIMESCALE)
