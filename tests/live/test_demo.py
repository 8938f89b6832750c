"""The demo as a newcomer starts it: one command, nothing mocked; it must look after its city without a flaw."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

pytestmark = pytest.mark.live


@pytest.fixture
def folder() -> Iterator[Path]:
    """An empty folder that every user may enter: as root the embedded PostgreSQL runs as a user of its own, and pytest keeps
    its own temporary folders closed."""
    path = Path(tempfile.mkdtemp(prefix="citybrain-test-"))
    yield path
    shutil.rmtree(path, ignore_errors=True)


Start = Callable[..., subprocess.Popen[bytes]]


@pytest.fixture
def start(folder: Path) -> Iterator[Start]:
    """Starts a demo whose output goes to `out.txt`; ends it with the test."""
    started: list[subprocess.Popen[bytes]] = []

    def one(*arguments: str) -> subprocess.Popen[bytes]:
        with (folder / "out.txt").open("wb") as output:
            demo = subprocess.Popen(
                [sys.executable, "-m", "citybrain.cli", "demo", *arguments],
                stdout=output,
                stderr=subprocess.STDOUT,
                env={**os.environ, "TMPDIR": str(folder), "TERM": "dumb"},
            )
        started.append(demo)
        return demo

    yield one
    for demo in started:
        if demo.poll() is None:
            demo.terminate()
            demo.wait(60)


def _left_behind(folder: Path) -> list[str]:
    found = []
    for process in psutil.process_iter(["cmdline"]):
        line = " ".join(process.info["cmdline"] or ())
        if str(folder) in line:
            found.append(line)
    return found


def test_a_short_demo_loses_nothing_and_gives_each_fault_one_order(folder: Path, start: Start) -> None:
    out = folder / "out.json"
    began = time.monotonic()
    # so many that a feeder trips among them: in a smaller city there is no room for that beside the other faults
    demo = start("--seconds", "20", "--seed", "3", "--assets", "800", "--json", str(out))
    assert demo.wait(120) == 0, (folder / "out.txt").read_text()
    assert time.monotonic() - began < 80
    found = json.loads(out.read_text())
    assert found["quiet"] is True
    assert found["readings_published"] > 1000
    assert (found["readings_stored"], found["readings_lost"]) == (found["readings_published"], 0)
    assert found["duplicates_ignored"] > 0
    assert (found["orders_duplicate"], found["false_critical_alerts"]) == (0, 0)
    due = found["faults_detected"] + found["faults_missed"]
    assert due >= 5
    assert found["faults_detected"] >= 0.95 * due, found["faults"]
    assert found["orders_closed"] > 0
    assert found["publish_to_order_ms"]["p50"] > 0
    assert found["cases"] >= found["orders_opened"] > 0
    assert found["children_grouped"] > 0
    assert found["messages_sent"] >= found["orders_opened"]
    assert 0.5 < found["on_time_rate"] <= 1
    assert found["forecast_orders"] >= 4
    text = (folder / "out.txt").read_text()
    assert re.search(r"^1[5-9] s ", text, re.MULTILINE), text  # a line each five seconds, later on a busy machine
    assert "work orders opened" in text
    assert not list(folder.glob("citybrain-demo-*"))
    assert _left_behind(folder) == []


def test_ctrl_c_ends_an_endless_demo_with_its_figures(folder: Path, start: Start) -> None:
    demo = start("--assets", "100", "--language", "zh")
    deadline = time.monotonic() + 60
    while b"API" not in (folder / "out.txt").read_bytes() and "接口" not in (folder / "out.txt").read_text():
        assert demo.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.2)
    time.sleep(3)
    demo.send_signal(signal.SIGINT)
    assert demo.wait(60) == 0, (folder / "out.txt").read_text()
    assert "已发布读数" in (folder / "out.txt").read_text()
    assert _left_behind(folder) == []


def test_a_folder_that_holds_a_city_is_refused_in_words(folder: Path, start: Start) -> None:
    (folder / "city" / "pg").mkdir(parents=True)
    demo = start("--seconds", "1", "--data-dir", str(folder / "city"))
    assert demo.wait(30) == 1
    text = (folder / "out.txt").read_text()
    assert "Traceback" not in text
    assert "already" in text
