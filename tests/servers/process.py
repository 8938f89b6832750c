"""A server process of a test: started, asked to stop, killed; it dies with the test run, and its output is kept."""

from __future__ import annotations

import os
import random
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Self

from citybrain.kernel.errors import UnavailableError
from citybrain.runtime.process import signal_at_parents_end

_spawner = ThreadPoolExecutor(1, thread_name_prefix="servers")
"""Linux ends a child when the *thread* that started it ends, and tests restart servers from threads of their own:
so all are started by this one, which lives as long as the process."""

_given: set[int] = set()


def free_port() -> int:
    """A free port below those that the system gives to outgoing connections, and never the same one twice.

    A server that is killed must get its port back: no other connection may take it meanwhile, and a client that tries
    again and again must not be connected to itself, which TCP allows on a port of that range.
    """
    for _ in range(1000):
        port = random.randrange(20_000, 32_000)
        if port in _given:
            continue
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
        _given.add(port)
        return port
    raise UnavailableError("no free port between 20000 and 32000")


def answers(port: int) -> bool:
    """True when something accepts connections there."""
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=1):
            return True
    except OSError:
        return False


class ServerProcess:
    """One program with its arguments. Output is added to `log` at each start."""

    def __init__(self, name: str, command: Sequence[str | Path], log: Path, env: Mapping[str, str] | None = None) -> None:
        self.name, self.log = name, log
        self._command = [str(word) for word in command]
        self._env = {**os.environ, **(env or {})}
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int | None:
        """Its process id; None when it does not run."""
        return self._process.pid if self._process is not None and self._process.poll() is None else None

    def start(self) -> None:
        """Start it, unless it runs."""
        if self.pid is None:
            self._process = _spawner.submit(self._spawn).result()

    def _spawn(self) -> subprocess.Popen[bytes]:
        with self.log.open("ab") as output:
            return subprocess.Popen(
                self._command,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                env=self._env,
                start_new_session=True,
                preexec_fn=partial(signal_at_parents_end, signal.SIGKILL),
            )

    def wait_until(self, ready: Callable[[], bool], wait_s: float) -> None:
        """Wait until `ready`. Raises UnavailableError with the end of the log when it ends or the time is over."""
        deadline = time.monotonic() + wait_s
        while not ready():
            if self.pid is None:
                code = None if self._process is None else self._process.returncode
                raise UnavailableError(f"{self.name} has ended (exit code {code}):\n{self.tail()}")
            if time.monotonic() > deadline:
                raise UnavailableError(f"{self.name} is not ready within {wait_s:g} s:\n{self.tail()}")
            time.sleep(0.05)

    def wait(self, wait_s: float = 60) -> int:
        """Wait until it ends by itself; its exit code."""
        assert self._process is not None, f"{self.name} was not started"
        return self._process.wait(wait_s)

    def tail(self, lines: int = 30) -> str:
        """The last lines that it wrote."""
        text = self.log.read_text(errors="replace") if self.log.exists() else ""
        return "\n".join(text.splitlines()[-lines:])

    def signal(self, number: int) -> None:
        """Send it a signal; nothing when it does not run."""
        if self._process is not None and self.pid is not None:
            self._process.send_signal(number)

    def kill(self) -> None:
        """SIGKILL, and wait until it is gone."""
        self.signal(signal.SIGKILL)
        if self._process is not None:
            self._process.wait()

    def stop(self, wait_s: float = 10) -> None:
        """SIGTERM; SIGKILL when it is still there after `wait_s`."""
        self.signal(signal.SIGTERM)
        if self._process is not None:
            try:
                self._process.wait(wait_s)
            except subprocess.TimeoutExpired:
                self.kill()


class Held:
    """A server that lives as long as a `with` block. Whoever is one has `start` and `remove`."""

    def start(self) -> str:
        raise NotImplementedError

    def remove(self) -> None:
        raise NotImplementedError

    def __enter__(self) -> Self:
        try:
            self.start()
        except BaseException:
            self.remove()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.remove()


class OneProcess(Held):
    """A server of one process, in a folder of its own."""

    folder: Path
    _process: ServerProcess

    @property
    def pid(self) -> int | None:
        """Its process id; None when it does not run."""
        return self._process.pid

    def tail(self) -> str:
        """What it said last."""
        return self._process.tail()

    def kill(self) -> None:
        """SIGKILL."""
        self._process.kill()

    def stop(self) -> None:
        """End it in order; its data stays."""
        self._process.stop()

    def remove(self) -> None:
        """End it and delete its folder."""
        self.kill()
        shutil.rmtree(self.folder, ignore_errors=True)
