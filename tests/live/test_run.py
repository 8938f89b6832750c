"""`citybrain run` from outside: own servers, a taken port, a new rulebook by SIGHUP, parts that die."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import paho.mqtt.client as paho
import psutil
import pytest
from paho.mqtt.enums import CallbackAPIVersion

from citybrain.clock import real_ms
from citybrain.runtime.bench import running, start_run, wait_ready
from citybrain.runtime.broker import EmbeddedBroker, free_port
from citybrain.runtime.rundir import RunDir
from citybrain.store import report, stream
from citybrain.store.db import Database

pytestmark = pytest.mark.live


def _publish(url: str, asset: str, tilt_deg: float) -> None:
    client = paho.Client(CallbackAPIVersion.VERSION2)
    host, port = url.removeprefix("mqtt://").split(":")
    client.connect(host, int(port))
    client.loop_start()
    payload = json.dumps({"ts": real_ms(), "values": {"tilt_deg": tilt_deg}})
    client.publish(f"city/demo/manhole/{asset}/telemetry", payload, qos=1).wait_for_publish(10)
    client.disconnect()
    client.loop_stop()


def _eventually(true: Callable[[], bool], what: str, seconds: float = 20) -> None:
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, what
        time.sleep(0.1)


def _raised(db: Database, asset: str) -> set[str]:
    with db.transaction() as tx:
        return {row["condition"] for row in report.episodes(tx) if row["asset"] == asset}


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder that PostgreSQL's own user can reach when the tests run as root: pytest's may be closed to it."""
    made = Path(tempfile.mkdtemp(prefix="citybrain-test-"))
    yield made
    shutil.rmtree(made, ignore_errors=True)


@pytest.fixture
def broker(folder: Path) -> Iterator[EmbeddedBroker]:
    """A broker that is somebody else's."""
    given = EmbeddedBroker(RunDir(folder / "theirs").make(), port=free_port())
    given.start()
    yield given
    given.stop()


def test_own_servers_are_used_and_left_alone(db: Database, db_url: str, broker: EmbeddedBroker, folder: Path) -> None:
    run = RunDir(folder / "city").make()
    process = start_run(run.data_dir, {"CITYBRAIN_DATABASE_URL": db_url, "CITYBRAIN_MQTT_URL": broker.url})
    try:
        wait_ready(run, process)
        assert run.read("run")["mqtt"] == broker.url
        _publish(broker.url, "MH-1", 120)
        _eventually(lambda: "MH-FLIP" in _raised(db, "MH-1"), "the alert is in the given database")
    finally:
        process.send_signal(signal.SIGTERM)
        assert process.wait(60) == 0
    assert broker.alive()
    assert not (run.data_dir / "pg").exists()


def test_another_port_is_taken_and_said(folder: Path) -> None:
    run = RunDir(folder / "city").make()
    with socket.socket() as theirs:
        theirs.bind(("127.0.0.1", 0))
        theirs.listen()
        port = theirs.getsockname()[1]
        process = start_run(run.data_dir, {}, mqtt_port=port)
        try:
            info = wait_ready(run, process)
            assert info["mqtt"] != f"mqtt://127.0.0.1:{port}"
            log = run.data_dir / "log" / "run.log"
            assert f"port {port} is taken" in log.read_text()
            _eventually(lambda: info["mqtt"] in log.read_text(), "people are told the port")
        finally:
            process.send_signal(signal.SIGTERM)
            assert process.wait(60) == 0


def test_a_new_rulebook_by_sighup_and_a_bad_one_changes_nothing(tmp_path: Path) -> None:
    rules = tmp_path / "rules.yml"
    rules.write_text("MH-FLIP: {severity: critical}\n")
    with running(10, env={"CITYBRAIN_RULEBOOK": str(rules)}) as (run, db, process):
        mqtt = run.read("run")["mqtt"]
        log = run.data_dir / "log" / "pipeline.log"
        rules.write_text("MH-FLIP: {detektor: threshold}\n")
        process.send_signal(signal.SIGHUP)
        _eventually(lambda: "rulebook not taken over" in log.read_text(), "the fault is named")
        assert f"{rules}:1" in log.read_text()
        _publish(mqtt, "G1", 120)
        _eventually(lambda: "MH-FLIP" in _raised(db, "G1"), "the old rules go on")
        rules.write_text("MH-FLIP: {params: {measure: tilt_deg, absolute: true, raise: 150, clear: 80}}\n")
        process.send_signal(signal.SIGHUP)
        _eventually(lambda: "rulebook taken" in log.read_text(), "the new rules are taken")
        _publish(mqtt, "G2", 120)
        _publish(mqtt, "G3", 160)
        _eventually(lambda: "MH-FLIP" in _raised(db, "G3"), "the new limit judges")
        assert "MH-FLIP" not in _raised(db, "G2")


def test_every_part_comes_back_and_the_api_says_so() -> None:
    with running(10) as (run, db, _):
        port = run.read("run")["http"]
        assert httpx.get(f"http://127.0.0.1:{port}/readyz").status_code == 200
        for part in ("cycle", "http", "pipeline"):
            old = run.read(part).get("pid") or _pid_of(part, run)
            os.kill(old, signal.SIGKILL)
            _eventually(lambda part=part, old=old: _pid_of(part, run) not in {0, old}, f"{part} runs again")
        wait_ready(run)

        def ready() -> bool:
            try:
                return httpx.get(f"http://127.0.0.1:{run.read('run')['http']}/readyz").status_code == 200
            except httpx.TransportError:
                return False

        _eventually(ready, "ready again")
        _publish(run.read("run")["mqtt"], "H1", 120)
        _eventually(lambda: "MH-FLIP" in _raised(db, "H1"), "readings flow again")
        with db.transaction() as tx:
            assert stream.counters(tx)["stored"] == 1


def _pid_of(part: str, run: RunDir) -> int:
    """Pid of a part's process on this data directory, 0 when there is none."""
    for process in psutil.process_iter(["cmdline"]):
        words = process.info["cmdline"] or []
        if "citybrain.runtime.parts" in words and part in words and str(run.data_dir) in words:
            return int(process.pid)
    return 0
