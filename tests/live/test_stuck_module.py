"""A module of the cycle that hangs is named where somebody asks whether the program is ready."""

from __future__ import annotations

import threading
import time
from pathlib import Path

import pytest

from citybrain.clock import real_ms
from citybrain.kernel.errors import StateError
from citybrain.metrics import Metrics
from citybrain.runtime.rundir import RunDir
from citybrain.runtime.telltale import Telltale
from citybrain.store import timers
from citybrain.store.db import Database
from console import ready
from dispatch import cycle
from dispatch.channels import Answer
from dispatch.cycle.module import Cycle, Module
from dispatch.cycle.runs import Runs, told
from tests.dispatch_kit import Town

pytestmark = pytest.mark.live


@pytest.fixture
def town(db: Database) -> Town:
    town = Town(db)
    town.raised("mh-1", "MH-OPEN")
    return town


def turn(town: Town, runs: Runs, metrics: Metrics | None = None) -> None:
    cycle.run_cycle(
        town.db, now=town.now, infos=town.infos, register_of=lambda: town.register, books=town.books,
        channels=town.channels, machine_now=town.machine_now, runs=runs, metrics=metrics,
    )  # fmt: skip


def put(monkeypatch: pytest.MonkeyPatch, module: Module, after: str = "verify") -> Runs:
    """Add a module to the cycle, as somebody would who writes one; what it may take is cut to a moment."""
    modules = list(cycle.MODULES)
    modules.insert([one.name for one in modules].index(after) + 1, module)
    monkeypatch.setattr(cycle, "MODULES", tuple(modules))
    return Runs({one.name: 0.2 for one in modules}, time.monotonic(), turn_s=0.2)


def test_one_that_hangs_is_named_while_it_hangs(town: Town, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    free, hangs = threading.Event(), threading.Event()

    def hang(_: Cycle) -> int:
        hangs.set()
        assert free.wait(20)
        return 0

    runs = put(monkeypatch, Module("new-part", frozenset({"send"}), hang))
    run = RunDir(tmp_path).make()
    file = run.path / "modules.json"
    assert ready.cycle(file, real_ms()) == ("cycle", False, "has not started yet")
    tell = Telltale(run, runs).start()
    thread = threading.Thread(target=turn, args=(town, runs))
    thread.start()
    try:
        assert hangs.wait(10)
        time.sleep(0.3)
        ok, detail = told(runs.stuck(time.monotonic()))
        assert not ok
        assert detail.startswith("new-part: has been at work for")
        deadline = time.monotonic() + 5
        while ready.cycle(file, real_ms()).ok and time.monotonic() < deadline:
            time.sleep(0.1)
        found = ready.cycle(file, real_ms())
        assert (found.ok, "new-part: has been at work" in found.detail, "send: waits" in found.detail) == (False, True, True)
        assert "said nothing" in ready.cycle(file, real_ms() + 60_000).detail
    finally:
        free.set()
        thread.join(10)
        tell.stop()
    assert told(runs.stuck(time.monotonic())) == (True, "every module of the cycle runs when it is due")


def test_one_that_fails_each_time_and_one_that_is_held_elsewhere(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(_: Cycle) -> int:
        raise StateError("part", "broken", "run")

    metrics = Metrics(stages=("cycle",))
    runs = put(monkeypatch, Module("new-part", frozenset({"send"}), fail))
    town.mail.answers["log:drainage"] = Answer("retry", "unreachable")
    town.now += (town.order(town.orders()[0]["id"])["due_at"] - town.now) * 0.6
    with town.db.transaction() as other:
        assert timers.fence(other, "remind", 5)
        turn(town, runs, metrics)
        time.sleep(0.3)
        turn(town, runs, metrics)
        reasons = {one.module: one.reason for one in runs.stuck(time.monotonic())}
    assert reasons == {"new-part": "failing", "remind": "held"}
    sample = metrics.registry.get_sample_value
    assert (sample("citybrain_cycle_module_last_run_timestamp_seconds", {"module": "send"}) or 0) > 0
    assert not sample("citybrain_cycle_module_last_run_timestamp_seconds", {"module": "new-part"})
    turn(town, runs)
    assert "remind" not in {one.module for one in runs.stuck(time.monotonic())}, "let go, it runs"
