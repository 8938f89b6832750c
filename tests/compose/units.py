"""Containers as this machine has them: a process, Kafka, the database."""

from __future__ import annotations

import signal
import subprocess
import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Protocol

from citybrain.runtime.process import child_environment
from tests.compose.database import Database
from tests.servers.kafka import KafkaCluster
from tests.servers.process import ServerProcess


class Unit(Protocol):
    """One container."""

    name: str

    def start(self) -> None:
        """Start it (again)."""
        ...

    def ended(self) -> int | None:
        """Its exit code; None while it runs."""
        ...

    def ask(self) -> None:
        """Ask it to end, as `docker stop` does."""
        ...

    def end(self, wait_s: float) -> int:
        """Wait for its end, make it after `wait_s`; the exit code."""
        ...

    def tail(self) -> str:
        """What it said last."""
        ...


class Process:
    """A container that is one process, in an empty folder of its own where it has nothing to write."""

    def __init__(self, name: str, words: Sequence[str], environment: Mapping[str, str], folder: Path) -> None:
        self.name, self.words, self.environment = name, list(words), dict(environment)
        self.folder = folder / "cwd" / name
        self.folder.mkdir(parents=True)
        self.log = folder / f"{name}.log"
        self._process = ServerProcess(name, ["env", "-C", self.folder, *words], self.log, child_environment(**environment))

    @property
    def pid(self) -> int | None:
        """Its process id; None when it does not run."""
        return self._process.pid

    def start(self) -> None:
        self._process.start()

    def ended(self) -> int | None:
        try:
            return self._process.wait(0)
        except subprocess.TimeoutExpired:
            return None

    def kill(self) -> None:
        """SIGKILL, as the kernel does for want of memory."""
        self._process.kill()

    def ask(self) -> None:
        self._process.signal(signal.SIGTERM)

    def end(self, wait_s: float) -> int:
        with suppress(subprocess.TimeoutExpired):
            # it was asked once already: a second signal could meet an interpreter that no longer listens
            return self._process.wait(wait_s)
        self._process.kill()
        return self._process.wait(0)

    def tail(self) -> str:
        return self._process.tail(60)


class _Beside:
    """A server that takes seconds to start: beside the others. Its health check says when it is there."""

    def __init__(self, start: Callable[[], object]) -> None:
        self._start = start
        self._thread: threading.Thread | None = None
        self.failure = ""

    def start(self) -> None:
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        try:
            self._start()
        except Exception as error:  # told by whoever waits for it
            self.failure = str(error)

    def starting(self) -> bool:
        """Whether `start` is still at work."""
        return self._thread is not None and self._thread.is_alive()

    def join(self) -> None:
        """Wait until `start` is done."""
        if self._thread is not None:
            self._thread.join()


class Kafka:
    """Apache Kafka with the settings of the file, except for who and where it is."""

    name = "kafka"

    def __init__(self, properties: Mapping[str, str]) -> None:
        self.cluster = KafkaCluster(properties=properties)
        self._beside = _Beside(self.cluster.start)

    def start(self) -> None:
        self._beside.start()

    def ended(self) -> int | None:
        return None if self._beside.starting() or (self.cluster.pids[1] is not None and not self._beside.failure) else 1

    def ask(self) -> None:
        """Nothing: `end` does both."""

    def end(self, wait_s: float) -> int:
        self._beside.join()
        self.cluster.stop()
        return 0

    def tail(self) -> str:
        log = self.cluster.folder / "node-1.log"
        return self._beside.failure + (log.read_text(errors="replace")[-3000:] if log.exists() else "")


class Postgres:
    """PostgreSQL in the place of TimescaleDB."""

    name = "timescaledb"

    def __init__(self, database: Database) -> None:
        self._database = database
        self._beside = _Beside(database.start)

    def start(self) -> None:
        self._beside.start()

    def ended(self) -> int | None:
        return None if self._beside.starting() or (self._database.running() and not self._beside.failure) else 1

    def ask(self) -> None:
        """Nothing: `end` does both."""

    def end(self, wait_s: float) -> int:
        self._beside.join()
        return self._database.stop()

    def tail(self) -> str:
        log = self._database.log
        return self._beside.failure + (log.read_text(errors="replace")[-3000:] if log.exists() else "")
