"""Which module of the cycle is stuck: the clock is told, so nothing waits here."""

from __future__ import annotations

from datetime import UTC, datetime

from dispatch.cycle import MODULES, watched_runs
from dispatch.cycle.runs import Runs, told

AT = datetime(2026, 6, 12, 4, 0, tzinfo=UTC)


def runs() -> Runs:
    return Runs({"remind": 60, "send": 60, "slow": 600}, 0.0)


def names(found: Runs, now: float) -> list[tuple[str, str]]:
    return [(one.module, one.reason) for one in found.stuck(now)]


def turn(found: Runs, now: float, *due: str, ran: bool = True, error: str = "", held: bool = False) -> None:
    found.turned(set(due), now)
    for module in due if ran else ():
        found.began(module, now)
        found.ended(module, now + 0.01, AT, done=1, error=error, held=held)


def test_a_module_that_runs_when_it_is_due_is_well() -> None:
    found = runs()
    for second in range(0, 600, 5):
        turn(found, second, "remind", "send")
        assert found.stuck(second + 1) == []
    assert told([])[0]
    last = found.last()["remind"]
    assert (last.ended_at, last.done, last.error) == (AT, 1, "")
    assert found.last()["slow"].ended_at is None


def test_what_is_never_due_is_not_stuck() -> None:
    found = runs()
    for second in range(0, 7200, 20):
        turn(found, second)
    assert found.stuck(7200) == []


def test_one_that_hangs_is_named_and_those_behind_it_wait() -> None:
    found = runs()
    found.turned({"remind", "send"}, 100)
    found.began("remind", 100)
    assert names(found, 160) == []
    assert names(found, 161) == [("remind", "running"), ("send", "waiting")]
    ok, sentence = told(found.stuck(175))
    assert (ok, sentence) == (False, "remind: has been at work for 75 s; send: waits for its turn for 75 s")
    assert found.waits_s("remind", 175) == found.waits_s("send", 175) == 75
    found.ended("remind", 180, AT, done=0)
    found.began("send", 180)
    found.ended("send", 181, AT, done=3)
    assert names(found, 182) == []


def test_one_that_may_take_long_may_take_long() -> None:
    found = runs()
    found.turned({"slow"}, 0)
    found.began("slow", 0)
    assert names(found, 590) == []
    assert names(found, 601) == [("slow", "running")]


def test_one_that_fails_each_time_is_stuck_and_well_after_one_good_run() -> None:
    found = runs()
    for second in range(0, 90, 5):
        turn(found, second, "send", error="no such column")
    assert "send: fails each time (no such column) for 90 s" in told(found.stuck(90))[1]
    turn(found, 95, "send")
    assert found.stuck(96) == []
    assert found.waits_s("send", 96) == 0


def test_one_that_another_process_never_lets_go_is_stuck() -> None:
    found = runs()
    for second in range(0, 90, 5):
        turn(found, second, "send", held=True)
    assert names(found, 90) == [("send", "held")]
    for second in range(90, 120, 5):
        # the other one got through: nothing is due any more
        turn(found, second)
    assert names(found, 120) == []


def test_a_cycle_that_does_not_turn_is_named() -> None:
    found = runs()
    turn(found, 10, "send")
    assert names(found, 40) == []
    assert names(found, 41) == [("cycle", "not_turning")]


def test_every_module_is_watched() -> None:
    assert set(watched_runs().last()) == {module.name for module in MODULES}
