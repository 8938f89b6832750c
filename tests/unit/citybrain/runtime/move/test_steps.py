"""What is next in a move, by the marks of both databases: nothing is lost, and no city runs twice."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from citybrain.runtime.move.steps import Offsets, RefusedError, Step, next_step, refuse_writers
from citybrain.store.moves import Direction, Move

AT = datetime(2026, 11, 23, 18, 0, tzinfo=UTC)


def mark(direction: Direction, id: str = "m1", *, ended: bool = False) -> Move:
    return Move(id, direction, "host=there", AT, AT if ended else None)


@pytest.mark.parametrize(
    ("source", "target", "resume", "step"),
    [
        (None, None, False, Step.START),
        (None, None, True, Step.START),
        # killed between the marks of the source and of the target, or the target was made anew
        (mark("out"), None, True, Step.START),
        (mark("out"), mark("in"), True, Step.CARRY),
        # killed between the last transaction of the target and the mark of the source
        (mark("out"), mark("in", ended=True), True, Step.FINISH),
        (mark("out", ended=True), mark("in", ended=True), True, Step.DONE),
    ],
)
def test_what_is_next(source: Move | None, target: Move | None, resume: bool, step: Step) -> None:
    assert next_step(source, target, {}, resume=resume) is step


@pytest.mark.parametrize(
    ("source", "target", "resume", "reason"),
    [
        (mark("out"), mark("in"), False, "under_way"),
        (mark("out"), None, False, "under_way"),
        (mark("out"), mark("in", "m2"), True, "target_begun"),
        (mark("out"), mark("in", "m2", ended=True), True, "target_taken"),
        (mark("out", ended=True), mark("in", ended=True), False, "has_moved"),
        (mark("out", ended=True), None, True, "has_moved"),
        (mark("out", ended=True), mark("in", "m2", ended=True), True, "has_moved"),
        (mark("in", ended=True), None, False, "source_came_here"),
        (mark("in"), None, True, "source_came_here"),
        (None, mark("in"), False, "target_begun"),
        (None, mark("in", ended=True), True, "target_taken"),
        (None, mark("out", ended=True), False, "target_moved"),
        (None, mark("out"), False, "target_moved"),
    ],
)
def test_what_is_refused(source: Move | None, target: Move | None, resume: bool, reason: str) -> None:
    with pytest.raises(RefusedError) as caught:
        next_step(source, target, {}, resume=resume)
    assert caught.value.reason == reason


@pytest.mark.parametrize("source", [None, mark("out")])
def test_a_city_in_the_target_is_named(source: Move | None) -> None:
    with pytest.raises(RefusedError, match="3 in assets, 1000000 in readings"):
        next_step(source, None, {"assets": 3, "readings": 1_000_000}, resume=source is not None)


def test_topics_must_stand_still() -> None:
    before = Offsets({0: 7, 1: 9}, {0: 1})
    refuse_writers(before, Offsets({0: 7, 1: 9}, {0: 1}))
    for after in (Offsets({0: 7, 1: 10}, {0: 1}), Offsets({0: 7, 1: 9}, {0: 2})):
        with pytest.raises(RefusedError, match="citybrain ingest"):
            refuse_writers(before, after)
