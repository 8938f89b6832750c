"""The demo's own `citybrain run`: started as a child, waited for, stopped."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from functools import partial
from pathlib import Path
from typing import Any

import httpx

from citybrain.kernel.errors import UnavailableError
from citybrain.runtime.process import child_environment, signal_at_parents_end
from citybrain.runtime.rundir import RunDir

STOP_S = 40.0
"""longest wait for a clean end; the parts drain within 30 s"""


class Child:
    """One `citybrain run` on a data directory. Its output goes to `log/run.log` there."""

    def __init__(self, data_dir: Path) -> None:
        self._run = RunDir(data_dir).make()
        self.log = data_dir / "log" / "run.log"
        self._process: subprocess.Popen[bytes] | None = None

    def start(self, clock: str, **settings: object) -> None:
        """Start it with a clock and further settings."""
        given = {f"CITYBRAIN_{name.upper()}": str(value) for name, value in settings.items() if value is not None}
        with self.log.open("ab") as output:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "citybrain.cli", "run", "--data-dir", str(self._run.data_dir)],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                env=child_environment(**given, CITYBRAIN_CLOCK=clock),
                # Ctrl-C at the terminal is for the demo, which stops the child in its own time
                start_new_session=True,
                # a demo that is killed takes its city with it
                preexec_fn=partial(signal_at_parents_end, signal.SIGTERM),
            )

    def wait_ready(self, wait_s: float) -> str:
        """Wait until /readyz says yes; the URL of the API. Raises UnavailableError with what it said last."""
        deadline = time.monotonic() + wait_s
        said = "it did not start its HTTP server"
        while time.monotonic() < deadline:
            self.check()
            if port := self._run.read("http").get("port"):
                url = f"http://127.0.0.1:{port}"
                try:
                    answer = httpx.get(f"{url}/readyz", timeout=5)
                    if answer.status_code == httpx.codes.OK:
                        return url
                    checks = answer.json()["checks"]
                    said = "; ".join(f"{name} {one['detail']}" for name, one in checks.items() if not one["ok"])
                except (httpx.HTTPError, ValueError, KeyError) as error:
                    said = str(error)
            time.sleep(0.1)
        raise UnavailableError(f"citybrain run is not ready within {wait_s:g} s: {said}; see {self.log}")

    def check(self) -> None:
        """Raises UnavailableError when it has ended."""
        if self._process is None or self._process.poll() is not None:
            code = None if self._process is None else self._process.returncode
            raise UnavailableError(f"citybrain run has ended (exit code {code}); see {self.log}")

    def info(self) -> dict[str, Any]:
        """The run info: pid, mqtt, database, clock, http."""
        return self._run.read("run")

    def stop(self) -> None:
        """Ask it to end, and make it after a while."""
        if self._process is None or self._process.poll() is not None:
            return
        self._process.send_signal(signal.SIGTERM)
        try:
            self._process.wait(STOP_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
