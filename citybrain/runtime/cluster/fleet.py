"""Services of the cluster as processes of one machine: started, watched, started again when they die, ended in order.

What an init system or a container runtime does elsewhere; for measuring, for tests, for a look at a small cluster.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Mapping
from pathlib import Path

from citybrain.kernel.errors import UnavailableError
from citybrain.runtime.broker import free_port
from citybrain.runtime.process import child_environment, signal_at_parents_end

RESTART_S = 0.5
"""pause before a service that died is started again, real seconds"""
ORDER = ("ingest", "rules", "archive", "dispatch", "console")
"""the order in which the services end: from the first that gets a reading to the last that tells of it"""


class Member:
    """One process of a service, under a fixed name."""

    def __init__(self, name: str, command: str, folder: Path, env: Mapping[str, str]) -> None:
        self.name, self.command, self.port = name, command, free_port()
        self.process: subprocess.Popen[bytes] | None = None
        self.log = folder / f"{name}.log"
        self.starts = 0
        self._env = {"CITYBRAIN_SERVICE_ID": name, "CITYBRAIN_HTTP_PORT": str(self.port), **env}
        self._again = 0.0

    def ensure(self) -> None:
        """Start it when it does not run and its pause is over."""
        if self.process is not None and self.process.poll() is not None:
            self.process, self._again = None, time.monotonic() + RESTART_S
        if self.process is None and time.monotonic() >= self._again:
            self.starts += 1
            with self.log.open("ab") as output:
                self.process = subprocess.Popen(
                    [sys.executable, "-m", "citybrain.cli", self.command],
                    stdin=subprocess.DEVNULL,
                    stdout=output,
                    stderr=output,
                    env=child_environment(**self._env),
                    preexec_fn=_with_parent,
                )

    def ready(self) -> bool:
        """Whether it says so."""
        return self.answer("/readyz") is not None

    def answer(self, path: str) -> bytes | None:
        """What it answers with 200; None otherwise."""
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}{path}", timeout=5) as found:
                return bytes(found.read())
        except (OSError, urllib.error.URLError):
            return None

    def metric(self, name: str) -> float:
        """The sum of a metric over its labels; 0 when it is not there. `name` as it stands in the text, `…_total` and so on."""
        total = 0.0
        for line in (self.answer("/metrics") or b"").decode().splitlines():
            if line.startswith((name + " ", name + "{")):
                total += float(line.rsplit(" ", 1)[1])
        return total

    def complaint(self) -> str:
        """What is not ready, in its own words, or the end of its log."""
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/readyz", timeout=5):
                return ""
        except urllib.error.HTTPError as error:
            checks = json.loads(error.read()).get("checks", {})
            return "; ".join(f"{name}: {check['detail']}" for name, check in checks.items() if not check["ok"])
        except OSError:
            tail = self.log.read_text("utf-8", "replace").strip().splitlines()[-3:] if self.log.exists() else []
            return " | ".join(tail)


def _with_parent() -> None:
    signal_at_parents_end(signal.SIGKILL)


class Fleet:
    """Some members, e.g. {"rules-1": "rules", "rules-2": "rules"}; `env` is for all of them, `own` by name on top."""

    def __init__(
        self,
        folder: Path,
        services: Mapping[str, str],
        env: Mapping[str, str],
        own: Mapping[str, Mapping[str, str]] | None = None,
    ) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.members = {
            name: Member(name, command, folder, {**env, **(own or {}).get(name, {})}) for name, command in services.items()
        }
        self._held: set[str] = set()
        self._stop = threading.Event()
        self._keeper = threading.Thread(target=self._keep, name="fleet", daemon=True)
        # a child that is bound to its parent is bound to the thread that made it: this one lives as long as the fleet
        self._changes = threading.Lock()

    def start(self, wait_s: float = 60) -> Fleet:
        """Start all, and wait until each is ready. Raises UnavailableError with what the first says that is not."""
        self._keeper.start()
        self.wait_ready(wait_s)
        return self

    def wait_ready(self, wait_s: float = 60) -> None:
        """Wait until all that should run are ready."""
        deadline = time.monotonic() + wait_s
        for member in self.members.values():
            while member.name not in self._held and not member.ready():
                if time.monotonic() > deadline:
                    raise UnavailableError(f"{member.name} is not ready after {wait_s:g} s: {member.complaint()}")
                time.sleep(0.1)

    def kill(self, name: str, number: int = signal.SIGKILL) -> None:
        """Send a member a signal; it is started again when it ends."""
        process = self.members[name].process
        if process is not None:
            process.send_signal(number)

    def hold(self, name: str) -> None:
        """Do not start a member (again) until `release`."""
        self._held.add(name)

    def release(self, name: str) -> None:
        """Start it (again) from now on."""
        self._held.discard(name)

    def _keep(self) -> None:
        while not self._stop.is_set():
            with self._changes:
                for member in self.members.values():
                    if member.name not in self._held and not self._stop.is_set():
                        member.ensure()
            self._stop.wait(0.05)

        # the thread that made the children must outlive them, or they are killed with it
        for member in self.members.values():
            if member.process is not None:
                member.process.wait()

    def stop(self, wait_s: float = 30) -> dict[str, int | None]:
        """SIGTERM in order, then SIGKILL for whoever does not end; exit codes by name."""
        with self._changes:
            self._stop.set()
        codes: dict[str, int | None] = {}
        for command in (*ORDER, ""):
            ending = [one for one in self.members.values() if one.command == command or (not command and one.name not in codes)]
            for member in ending:
                if member.process is not None and member.process.poll() is None:
                    member.process.terminate()
            for member in ending:
                codes[member.name] = _ended(member.process, wait_s)
        self._keeper.join(wait_s)
        return codes


def _ended(process: subprocess.Popen[bytes] | None, wait_s: float) -> int | None:
    if process is None:
        return None
    try:
        return process.wait(wait_s)
    except subprocess.TimeoutExpired:
        os.kill(process.pid, signal.SIGKILL)
        return process.wait()
