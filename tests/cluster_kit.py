"""Services of the cluster as processes, between a real Kafka and a real database; and records written as others write them."""

from __future__ import annotations

import itertools
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx

from citybrain.config import Settings
from citybrain.kernel.ids import shard_of
from citybrain.kernel.model import Reading
from citybrain.runtime.postgres import EmbeddedPostgres
from citybrain.runtime.process import child_environment, signal_at_parents_end
from citybrain.store import stream
from citybrain.store.db import Database
from citybrain.store.positions import positions
from citybrain.store.readings import total_messages
from citybrain.topics import admin
from citybrain.topics.producer import Producer, Sending, delivered
from citybrain.topics.records import Alert, Batch, encode, encode_alert
from citybrain.topics.spec import ALERTS, READINGS, alert_partition

_LISTENS = re.compile(r"health at http://[^:]+:(\d+)|the API is at http://[^:]+:(\d+)/")
NOW_MS = 1_781_000_000_000


def settings(kafka_url: str, db_url: str, **more: Any) -> Settings:
    """Settings with a prefix of their own: tests share one Kafka."""
    # a canary would be one record more than was written
    given = {"kafka_prefix": f"t{uuid.uuid4().hex[:10]}-", "http_port": 0, "canary_s": 0, **more}
    return Settings(kafka_url=kafka_url, database_url=db_url, **given)


@contextmanager
def own_postgres() -> Iterator[tuple[EmbeddedPostgres, str]]:
    """A database server of the test's own, which it may stop and start, and its URL."""
    folder = Path(tempfile.mkdtemp(prefix="citybrain-test-"))
    server = EmbeddedPostgres(folder / "pg")
    try:
        yield server, server.start()
    finally:
        server.stop()
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def city_topics(given: Settings) -> Iterator[Settings]:
    """The topics of the settings, for as long as the test lasts."""
    admin.apply(given)
    yield given


def reading(asset: str, n: int, kind: str = "manhole", **values: float | bool | str) -> Reading:
    """The n-th reading of an asset: one each second."""
    return Reading(
        asset, kind, f"dev-{asset}", NOW_MS + n * 1000, NOW_MS + n * 1000 + 7, dict(values) or {"tilt_deg": n / 10}, key=n
    )


def write_readings(producer: Producer, readings: Iterable[Reading], pack: int = 100) -> int:
    """Readings into their partitions as bridges do; how many records."""
    by_shard: dict[int, list[Reading]] = {}
    for one in readings:
        by_shard.setdefault(shard_of(one.asset), []).append(one)
    sent = []
    for shard, mine in sorted(by_shard.items()):
        for begin in range(0, len(mine), pack):
            sent.append(producer.send(READINGS, encode(Batch(mine[begin : begin + pack])), partition=shard))
    delivered(sent)
    return len(sent)


def write_alerts(producer: Producer, alerts: Iterable[Alert]) -> int:
    """Alerts as the rules write them; how many."""
    sent: list[Sending] = [
        producer.send(
            ALERTS, encode_alert(one), key=one.event.asset.encode(), partition=alert_partition(shard_of(one.event.asset))
        )
        for one in alerts
    ]
    delivered(sent)
    return len(sent)


def wait_until(holds: Callable[[], object], wait_s: float = 20, what: str = "it") -> float:
    """Wait until something holds; the seconds it took."""
    began = time.monotonic()
    while not holds():
        assert time.monotonic() - began < wait_s, f"{what} does not hold after {wait_s} s"
        time.sleep(0.05)
    return time.monotonic() - began


class Process:
    """One service as a process of its own; its log lines are in a file."""

    _numbers = itertools.count()

    def __init__(self, command: Sequence[str], given: Settings, folder: Path, **more: str) -> None:
        self.name = f"{command[0]}-{next(self._numbers)}"
        self.log = folder / f"{self.name}.log"
        self._command = [sys.executable, "-m", "citybrain.cli", *command]
        self._environment = child_environment(**environment(given), **more)
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> Process:
        """Start it (again)."""
        with self.log.open("ab") as output:
            self.process = subprocess.Popen(
                self._command, stdin=subprocess.DEVNULL, stdout=output, stderr=output, env=self._environment,
                preexec_fn=lambda: signal_at_parents_end(signal.SIGKILL),
            )  # fmt: skip
        return self

    @property
    def pid(self) -> int:
        """Its process id."""
        assert self.process is not None
        return self.process.pid

    def send(self, number: int) -> None:
        """Send it a signal."""
        assert self.process is not None
        self.process.send_signal(number)

    def kill(self) -> None:
        """Kill -9."""
        assert self.process is not None
        self.process.kill()
        self.process.wait(10)

    def stop(self, wait_s: float = 15) -> int:
        """Ask it to end; its exit code."""
        assert self.process is not None
        self.process.terminate()
        return self.process.wait(wait_s)

    def ensure(self) -> None:
        """Start it again when it ended, as whoever supervises it does."""
        if self.process is None or self.process.poll() is not None:
            self.start()

    def text(self) -> str:
        """All it said."""
        return self.log.read_text("utf-8", "replace") if self.log.exists() else ""

    def port(self, wait_s: float = 30) -> int:
        """Where it listens, once it does."""
        wait_until(lambda: _LISTENS.search(self.text()) or self._gone(), wait_s, f"{self.name} listens")
        found = _LISTENS.findall(self.text())
        assert found, self.text()
        return int(next(filter(None, found[-1])))

    def _gone(self) -> bool:
        return self.process is not None and self.process.poll() is not None

    def get(self, path: str) -> httpx.Response:
        """Ask its health server."""
        return httpx.get(f"http://127.0.0.1:{self.port()}{path}", timeout=10)

    def ready(self) -> bool:
        """Does it say that it is?"""
        try:
            return self.get("/readyz").status_code == 200
        except httpx.HTTPError:
            return False


def environment(given: Settings) -> Mapping[str, str]:
    """The environment that gives a process these settings."""
    plain = given.model_dump(mode="json", exclude_defaults=True)
    return {f"CITYBRAIN_{key.upper()}": str(value) for key, value in plain.items() if value is not None}


@contextmanager
def services(*all_: Process) -> Iterator[None]:
    """Start them; at the end they are killed, and what they said is shown when the test failed."""
    try:
        for one in all_:
            one.start()
        yield
    except BaseException:
        for one in all_:
            sys.stderr.write(f"---- {one.name}\n{one.text()[-6000:]}\n")
        raise
    finally:
        for one in all_:
            if one.process is not None and one.process.poll() is None:
                os.kill(one.pid, signal.SIGCONT)
                one.kill()


def stored(db: Database) -> int:
    """Readings in the archive."""
    with db.transaction() as tx:
        return total_messages(tx)


def counters(db: Database) -> dict[str, int]:
    """The durable counters."""
    with db.transaction() as tx:
        return stream.counters(tx)


def behind(db: Database, given: Settings, consumer: str, topic: str) -> int:
    """Records of a topic that a consumer has not in the database."""
    ends = admin.end_offsets(given, topic)
    with db.transaction() as tx:
        done = positions(tx, consumer, given.kafka_prefix + topic)
    return sum(max(0, end - done.get(partition, 0)) for partition, end in ends.items())
