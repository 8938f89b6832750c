"""PURE: what is to be done next, by the marks that both databases have.

    1. mark the source: out          from here on it does not start
    2. mark the target: in           from here on no service starts there
    3. carry the history             many transactions
    4. carry the city, end the target's mark    one transaction
    5. end the source's mark

Whatever is killed between two of them is found by its marks, and goes on there.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from typing import NamedTuple

from citybrain.kernel.errors import CityBrainError
from citybrain.store.moves import Move


class Step(StrEnum):
    """Where a move stands."""

    START = "start"
    """Neither database knows of it, or only the source does."""
    CARRY = "carry"
    """Both are marked; a part may have been carried."""
    FINISH = "finish"
    """The city is in the target; the source does not know it yet."""
    DONE = "done"


class RefusedError(CityBrainError):
    """A move that would lose something, or make a city run twice. Nothing was changed. `reason` is one of a closed set."""

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason


def next_step(source: Move | None, target: Move | None, there: Mapping[str, int], *, resume: bool) -> Step:
    """What is next. `there`: the tables of the target that have rows, asked when it has no mark. Raises RefusedError."""
    if source is not None and source.direction == "in":
        raise RefusedError(
            "source_came_here", f"the city of the source came from {source.peer}: it is a cluster's. Copy it by pg_dump"
        )
    if source is None:
        _refuse_taken(target, there)
        return Step.START
    same = target is not None and target.id == source.id
    if source.ended_at is not None:
        if not (same and resume):
            raise RefusedError(
                "has_moved", f"this city moved to {source.peer} on {_moment(source.ended_at)}: it is not here any more"
            )
        return Step.DONE
    if not resume:
        raise RefusedError(
            "under_way",
            f"a move to {source.peer} began on {_moment(source.began_at)} and did not end: --resume goes on with it",
        )
    if not same:
        _refuse_taken(target, there)
        return Step.START
    assert target is not None
    return Step.CARRY if target.ended_at is None else Step.FINISH


def _refuse_taken(target: Move | None, there: Mapping[str, int]) -> None:
    if target is not None and target.direction == "out":
        raise RefusedError(
            "target_moved", f"the city of the target {'moved' if target.ended_at else 'is moving'} to {target.peer}: {_REMEDY}"
        )
    if target is not None and target.ended_at is not None:
        raise RefusedError("target_taken", f"the target has a city, which came from {target.peer}: {_REMEDY}")
    if target is not None:
        raise RefusedError(
            "target_begun",
            f"a move into the target began on {_moment(target.began_at)} from {target.peer}, and it is not this one: {_REMEDY}",
        )
    if there:
        found = ", ".join(f"{rows} in {table}" for table, rows in there.items())
        raise RefusedError("target_taken", f"the target already has a city, by its rows: {found}. {_REMEDY}")


_REMEDY = "give a database of its own (CREATE DATABASE), or drop this one and make it anew if nothing in it is needed"


def _moment(at: datetime) -> str:
    return f"{at:%Y-%m-%d %H:%M} UTC"


class Offsets(NamedTuple):
    """Where the topics of a cluster end, by partition: what comes after that is for the city that moved in."""

    readings: Mapping[int, int]
    alerts: Mapping[int, int]


def refuse_writers(before: Offsets, after: Offsets) -> None:
    """Raises RefusedError when somebody wrote into the topics meanwhile: those records would be passed over."""
    if before != after:
        raise RefusedError(
            "topics_move",
            "records are being written to the topics of the cluster: stop its services first (`citybrain ingest`, `citybrain "
            "rules`), then go on by --resume",
        )
