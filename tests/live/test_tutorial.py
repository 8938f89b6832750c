"""The tutorial is run as it stands: its files are written, its commands are typed, and the order is closed at the end."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import NamedTuple

import httpx
import pytest

from tests.docs.markdown import ROOT

TUTORIAL = ROOT / "docs" / "tutorial" / "first-device.md"
SPEED = 60
"""The city's clock runs so fast here: the waits of the tutorial are minutes."""
_STEP = re.compile(r"(?:<!-- (file|run)(?:: ([\w.]+))? -->\n)?```(\w+)\n(.*?)```", re.S)


class Step(NamedTuple):
    """A block: a file to write, the program to start, or commands to type."""

    what: str
    file: str
    text: str


def steps() -> list[Step]:
    """The blocks between the environment and the section on real servers."""
    text = TUTORIAL.read_text(encoding="utf-8").split("## 1. ")[1].split("## With a real server")[0]
    found = [Step(what or language, file, block) for what, file, language, block in _STEP.findall(text)]
    assert [step.what for step in found].count("run") == 1
    return found


class Lesson:
    """The folder `first`, and a shell in it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.ports = {"1883": "1883", "8080": "8080"}
        self.env = {key: value for key, value in os.environ.items() if not key.startswith("CITYBRAIN_")}
        self.env |= {"PATH": f"{ROOT / '.venv' / 'bin'}:{os.environ['PATH']}", "HOME": str(folder), "COLUMNS": "160"}

    def here(self, text: str) -> str:
        """The text with the ports of this run, and shorter waits."""
        for said, used in self.ports.items():
            text = text.replace(said, used)
        return re.sub(r"sleep (\d\d+)", lambda found: f"sleep {int(found[1]) / SPEED + 1.5}", text)

    def shell(self, text: str) -> str:
        """Type commands; each must succeed."""
        done = subprocess.run(
            ["bash", "-euc", self.here(text)], cwd=self.folder, env=self.env, capture_output=True, text=True, timeout=120
        )
        assert done.returncode == 0, (text, done.stdout, done.stderr)
        return done.stdout

    @contextmanager
    def program(self, text: str) -> Iterator[None]:
        """The program of step 1 until the lesson is over."""
        env = self.env | {
            "CITYBRAIN_MQTT_PORT": "28831",
            "CITYBRAIN_HTTP_PORT": "28832",
            "CITYBRAIN_CLOCK": f"speed={SPEED},origin=2026-06-12T02:00:00+00:00",
        }
        with (self.folder / "run.log").open("wb") as log:
            running = subprocess.Popen(["bash", "-euc", f"exec env {text}"], cwd=self.folder, env=env, stdout=log, stderr=log)
        try:
            self._wait()
            yield
        finally:
            running.send_signal(signal.SIGTERM)
            running.wait(30)
        assert running.returncode == 0, (self.folder / "run.log").read_text()

    def _wait(self) -> None:
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            file = self.folder / "city" / "run" / "run.json"
            if file.is_file() and (run := json.loads(file.read_text())).get("http"):
                self.ports = {"1883": run["mqtt"].rsplit(":", 1)[1], "8080": str(run["http"])}
                with suppress(httpx.TransportError):
                    if httpx.get(f"http://127.0.0.1:{run['http']}/readyz").status_code == 200:
                        return
            time.sleep(0.3)
        raise AssertionError((self.folder / "run.log").read_text())


@pytest.mark.live
def test_the_tutorial_works_as_it_is_written(tmp_path: Path) -> None:
    lesson, before, after = Lesson(tmp_path), list[Step](), steps()
    while after[0].what != "run":
        before.append(after.pop(0))
    play(lesson, before)
    with lesson.program(after.pop(0).text):
        play(lesson, after)
        order = json.loads(lesson.shell("citybrain orders show 1 --data-dir ./city -o json"))
    assert (order["state"], order["unit"], order["asset"], order["condition"]) == ("closed", "drainage", "MH-1", "MH-OPEN")
    # on a busy machine the crew of this fast city may be reminded before it acknowledges; the moves are what the lesson tells
    moves = [event["event"] for event in order["events"] if event["from_state"] != event["to_state"]]
    assert moves == ["dispatch", "ack", "fix", "verify", "close"]


def play(lesson: Lesson, todo: list[Step]) -> None:
    """Do steps in their order, in one shell as a person would."""
    exported: dict[str, str] = {}
    for step in todo:
        if step.what == "file":
            (lesson.folder / step.file).write_text(lesson.here(step.text), encoding="utf-8")
        elif step.what == "sh":
            exported |= dict(re.findall(r'^export (\w+)="?([^"\n]*)"?$', step.text, re.M))
            lesson.env |= exported
            lesson.shell(step.text)
