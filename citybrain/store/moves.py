"""The move of a city from one database into another: its marks on both sides, who is at work there, how far it has come."""

from __future__ import annotations

import time
from datetime import datetime
from typing import Literal, NamedTuple

import psycopg

from citybrain.kernel.errors import ConfigError, StateError
from citybrain.store.db import Tx
from citybrain.store.sql import load

_SQL = load("moves")
NAME = "citybrain move"
"""name of a move's own connections"""
_HARMLESS = (NAME, "citybrain cli")
"""connections that change nothing of a city's course by themselves"""
_HOLD_S = 10.0
"""so long (real seconds) the locks of a move that was killed may last"""

Direction = Literal["out", "in"]


class Move(NamedTuple):
    """A side of a move. `ended_at` None: it is under way, or was interrupted. Machine time."""

    id: str
    direction: Direction
    peer: str
    began_at: datetime
    ended_at: datetime | None


class Progress(NamedTuple):
    """Of a part that comes in many transactions: rows of times before `next_at` are here."""

    next_at: datetime
    rows: int
    seconds: float


class MovedError(StateError):
    """The city of this database lives in another one, or has not wholly come to this one."""

    def __init__(self, move: Move, message: str) -> None:
        super().__init__("city", "moved" if move.ended_at else "moving", "start")
        self.move = move
        self.args = (message,)


def label(url: str) -> str:
    """What a database is called in messages: its URL without the password. Raises ConfigError for what is no such URL."""
    try:
        info = psycopg.conninfo.conninfo_to_dict(url)
    except psycopg.ProgrammingError as error:
        raise ConfigError("not a PostgreSQL URL; write postgresql://user:password@host:5432/database") from error
    return " ".join(f"{key}={info[key]}" for key in ("host", "port", "dbname", "user") if info.get(key))


def move_of(tx: Tx) -> Move | None:
    """The move that a database is, or was, a side of; None also where there is no schema yet."""
    known = tx.one(_SQL["has_marks"])
    row = tx.one(_SQL["move"]) if known and known["yes"] else None
    return Move(str(row["id"]), row["direction"], row["peer"], row["began_at"], row["ended_at"]) if row else None


def whole(tx: Tx) -> bool:
    """Has a city wholly come to this database?"""
    move = move_of(tx)
    return move is not None and move.direction == "in" and move.ended_at is not None


def begin(tx: Tx, id: str, direction: Direction, peer: str, at: datetime) -> None:
    """Mark this database as a side of a move, in place of any mark that is there."""
    tx.run(_SQL["begin"], id=id, direction=direction, peer=peer, at=at)


def end(tx: Tx, at: datetime) -> None:
    """The move is complete."""
    tx.run(_SQL["end"], at=at)


def forget(tx: Tx) -> None:
    """The city lives here after all."""
    tx.run(_SQL["forget"])
    tx.run(_SQL["forget_progress"])


def refuse_stranger(tx: Tx, *, cluster: bool) -> None:
    """Refuse to let a city run where it does not live. Raises MovedError.

    `cluster` False: the embedded program asks; a city that came here came for the services of the cluster.
    """
    move = move_of(tx)
    if move is None:
        return
    if move.direction == "out":
        state = f"moved to {move.peer} on {move.ended_at:%Y-%m-%d %H:%M} UTC" if move.ended_at else f"is moving to {move.peer}"
        raise MovedError(
            move,
            f"the city of this database {state}, and a city must not run twice: "
            + ("start the services of the cluster there" if move.ended_at else "go on with `citybrain migrate --resume`")
            + "; or, if it is to live here again and nowhere else, `citybrain run --force`",
        )
    if move.ended_at is None:
        raise MovedError(
            move, f"a city is moving into this database from {move.peer} and is not whole: `citybrain migrate --resume` goes on"
        )
    if not cluster:
        raise MovedError(
            move,
            "the city of this database came here for the services of the cluster (`citybrain ingest`, `rules`, `archive`, "
            "`dispatch`, `console`): `citybrain run` would not know its open alerts",
        )


def hold(tx: Tx, wait_s: float = _HOLD_S) -> bool:
    """Keep pipelines and other moves away while this connection lives; False when somebody else is there."""
    until = time.monotonic() + wait_s
    while True:
        row = tx.one(_SQL["hold"])
        if row and row["held"]:
            return True
        if time.monotonic() > until:
            return False
        time.sleep(0.2)


def present(tx: Tx) -> list[str]:
    """Programs of ours that work on this database, by the name of their connections (`citybrain cycle`)."""
    return sorted({row["name"] for row in tx.all(_SQL["present"], harmless=list(_HARMLESS))})


def same_database(one: Tx, other: Tx) -> bool:
    """Are these two connections to one database?"""
    me = one.one(_SQL["myself"]) or {}
    row = other.one(_SQL["sees"], pid=me.get("pid"), backend_start=me.get("backend_start"))
    return bool(row and row["yes"])


def at_ease(tx: Tx) -> None:
    """Make a connection ready for work that takes its time."""
    tx.one(_SQL["at_ease"])


def progress(tx: Tx) -> dict[str, Progress]:
    """part -> how far it is."""
    return {row["part"]: Progress(row["next_at"], row["rows"], row["seconds"]) for row in tx.all(_SQL["progress"])}


def advance(tx: Tx, part: str, next_at: datetime, rows: int, seconds: float) -> None:
    """So many more rows of a part are here; in the transaction of these rows."""
    tx.run(_SQL["advance"], part=part, next_at=next_at, rows=rows, seconds=seconds)


def forget_progress(tx: Tx) -> None:
    """No part of a city is here."""
    tx.run(_SQL["forget_progress"])
