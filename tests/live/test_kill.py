"""Real processes, killed with SIGKILL while messages flow: nothing acknowledged is lost, nothing is doubled."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import time
from collections.abc import Callable
from typing import Any

import psutil
import pytest

from citybrain.config import Settings
from citybrain.runtime.bench import running, start_flood, start_run, stored, wait_ready
from citybrain.runtime.broker import WINDOW
from citybrain.runtime.flood import Options
from citybrain.runtime.postgres import EmbeddedPostgres
from citybrain.runtime.rundir import RunDir
from citybrain.store import report
from citybrain.store.db import Database

pytestmark = pytest.mark.live
ROUNDS, SEED, RATE = 20, 20261123, 2000


class City:
    """A running city brain whose parts can be killed."""

    def __init__(self, run: RunDir, process: subprocess.Popen[bytes]) -> None:
        self.run, self.process = run, process
        self.postgres = EmbeddedPostgres(run.data_dir / "pg")

    def kill(self, victim: str) -> None:
        """SIGKILL one part; a killed supervisor is started again, as an init system would."""
        if victim == "pipeline":
            os.kill(self.run.read("pipeline")["pid"], signal.SIGKILL)
        elif victim == "broker":
            os.kill(self.run.read("broker")["pid"], signal.SIGKILL)
        elif victim == "database":
            pid = self.postgres.pid()
            assert pid is not None
            os.kill(pid, signal.SIGKILL)
        else:
            self.process.kill()
            self.process.wait()
            self.process = start_run(self.run.data_dir)

    def recovered(self, since_ms: int, seconds: float = 30) -> float:
        """Seconds until the pipeline turns again after `since_ms` (real ms)."""
        began = time.monotonic()
        while time.monotonic() - began < seconds:
            beat = self.run.read("pipeline")
            if beat.get("updated", 0) > since_ms + 1000 and beat.get("connected"):
                return time.monotonic() - began
            time.sleep(0.05)
        raise AssertionError(f"the pipeline did not come back within {seconds} s: {self.run.read('pipeline')}")


def _finish(flood: subprocess.Popen[bytes], run: RunDir) -> dict[str, Any]:
    out, _ = flood.communicate(timeout=120)
    done: dict[str, Any] = json.loads(out)
    return done


def _settle(run: RunDir, done: Callable[[Database], bool], seconds: float = 60) -> Database:
    """An open database once `done` says so, or after `seconds`."""
    db = Database(RunDir(run.data_dir).database_url(), size=2).open()
    deadline = time.monotonic() + seconds
    while not done(db) and time.monotonic() < deadline:
        time.sleep(0.1)
    return db


def test_twenty_kills_lose_nothing_and_double_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    rng = random.Random(SEED)
    victims = [rng.choice(["pipeline", "supervisor", "database"]) for _ in range(ROUNDS)]
    assert set(victims) == {"pipeline", "supervisor", "database"}
    with running(2000) as (run, _, process):
        city = City(run, process)
        port = int(run.read("run")["mqtt"].rsplit(":", 1)[1])
        flood = start_flood(Options("127.0.0.1", port, Settings().city, 2000, 600, RATE, faults_per_s=3))
        waits = []
        try:
            for victim in victims:
                time.sleep(rng.uniform(0.3, 2.0))
                at = int(time.time() * 1000)  # noqa: TID251 - a test of real processes lives in real time
                city.kill(victim)
                waits.append((victim, round(city.recovered(at), 1)))
            time.sleep(2)
        finally:
            flood.send_signal(signal.SIGINT)
        done = _finish(flood, run)
        db = _settle(run, lambda db: stored(db) >= done["acked"])
        with db.transaction() as tx:
            seqs = report.stored_seqs(tx)
            ordered = report.order_ms(tx)
            doubled = report.orders_doubled(tx)
        db.close()
        city.process.send_signal(signal.SIGTERM)
        assert city.process.wait(60) == 0
    unacked = set(done["unacked"])
    acked = [seq for seq in range(done["first_seq"], done["last_seq"] + 1) if seq not in unacked]
    with capsys.disabled():
        print(f"\n{len(acked)} messages acknowledged, {len(done['faults'])} faults, recoveries {waits}")
    assert len(acked) == done["acked"] > ROUNDS * 500
    assert [seq for seq in acked if seqs.get(seq, 0) != 1] == []
    assert set(seqs.values()) == {1}
    faults = {asset for asset, seq, _ in done["faults"] if seq not in unacked}
    assert len(faults) > 50
    assert {asset: len(ordered.get(asset, ())) for asset in faults} == dict.fromkeys(faults, 1)
    assert doubled == 0


@pytest.mark.parametrize("rate", [200, RATE])
def test_a_killed_broker_loses_only_what_it_held(rate: int, capsys: pytest.CaptureFixture[str]) -> None:
    with running(500) as (run, _, process):
        city = City(run, process)
        port = int(run.read("run")["mqtt"].rsplit(":", 1)[1])
        flood = start_flood(Options("127.0.0.1", port, Settings().city, 500, 600, rate, faults_per_s=0))
        time.sleep(4)
        at = int(time.time() * 1000)  # noqa: TID251 - a test of real processes lives in real time
        city.kill("broker")
        back = city.recovered(at)
        time.sleep(2)
        flood.send_signal(signal.SIGINT)
        done = _finish(flood, run)
        before = -1

        def quiet(db: Database) -> bool:
            nonlocal before
            time.sleep(1)
            before, now = stored(db), before
            return before == now

        db = _settle(run, quiet)
        with db.transaction() as tx:
            seqs = report.stored_seqs(tx)
        db.close()
    unacked = set(done["unacked"])
    lost = [seq for seq in range(done["first_seq"], done["last_seq"] + 1) if seq not in unacked and seq not in seqs]
    with capsys.disabled():
        print(f"\nbroker killed at {rate}/s: {len(lost)} of {done['acked']} messages lost, all work again in {back:.1f} s")
    assert set(seqs.values()) == {1}, "nothing is doubled"
    assert back <= 10
    assert max(seqs) > max(lost, default=0), "messages flow again"
    # the broker acknowledges faster than it hands on: what it held is one window, and what came while a batch was under way
    assert len(lost) <= WINDOW + rate
    if rate <= 2 * WINDOW:
        assert len(lost) <= WINDOW


def test_workers_share_the_stream_and_one_may_die() -> None:
    with running(500, env={"CITYBRAIN_INGEST_WORKERS": "2"}) as (run, _, _):
        port = int(run.read("run")["mqtt"].rsplit(":", 1)[1])
        flood = start_flood(Options("127.0.0.1", port, Settings().city, 500, 6, 1000, faults_per_s=2))
        time.sleep(2)
        workers = psutil.Process(run.read("pipeline")["pid"]).children()
        bridges = [child for child in workers if "spawn_main" in " ".join(child.cmdline())]
        assert len(bridges) == 2
        bridges[0].kill()
        done = _finish(flood, run)
        db = _settle(run, lambda db: stored(db) >= done["acked"])
        with db.transaction() as tx:
            seqs = report.stored_seqs(tx)
            ordered = report.order_ms(tx)
        db.close()
    assert done["unacked"] == []
    assert len(seqs) == done["acked"]
    assert set(seqs.values()) == {1}
    assert {asset: len(ordered.get(asset, ())) for asset, _, _ in done["faults"]} == {
        asset: 1 for asset, _, _ in done["faults"]
    }


def test_sigterm_drains_and_a_second_start_is_refused() -> None:
    with running(100) as (run, db, process):
        port = int(run.read("run")["mqtt"].rsplit(":", 1)[1])
        flood = start_flood(Options("127.0.0.1", port, Settings().city, 100, 2, 500, faults_per_s=0))
        done = _finish(flood, run)
        second = start_run(run.data_dir)
        assert second.wait(30) == 1
        assert f"already runs on {run.data_dir} as pid {process.pid}" in (run.data_dir / "log" / "run.log").read_text().replace(
            "\n", ""
        )
        process.send_signal(signal.SIGTERM)
        assert process.wait(60) == 0
        assert not run.read("broker"), "the broker was drained, so it ended too"
        postgres = EmbeddedPostgres(run.data_dir / "pg")
        assert postgres.pid() is None
        again = start_run(run.data_dir)
        wait_ready(run, again)
        with Database(run.database_url(), size=1) as fresh, fresh.transaction() as tx:
            assert len(report.stored_seqs(tx)) == done["acked"]
        again.send_signal(signal.SIGTERM)
        assert again.wait(60) == 0
