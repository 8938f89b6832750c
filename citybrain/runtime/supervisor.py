"""`citybrain run`: starts broker, database and parts, restarts what dies, stops in the opposite order."""

from __future__ import annotations

import logging
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from citybrain import clock as clocks
from citybrain.apitoken import ensure_token
from citybrain.config import Settings
from citybrain.runtime.broker import EmbeddedBroker
from citybrain.runtime.parts import DRAIN_S, PARTS
from citybrain.runtime.postgres import EmbeddedPostgres
from citybrain.runtime.process import Signals, child_environment
from citybrain.runtime.rundir import RunDir
from citybrain.runtime.sources import client_id
from citybrain.store import moves
from citybrain.store.db import Database, Tx
from citybrain.store.migrate import migrate
from ingest.registry import load_profiles

log = logging.getLogger(__name__)
BACKOFF_S = (0.1, 0.3, 1.0, 2.0)
"""waits before a part that died is started again; the last one repeats"""
HEALTHY_S = 3.0
"""a part that ran so long had a healthy start"""


class Part:
    """One child process that must always run."""

    def __init__(self, name: str, data_dir: Path) -> None:
        self.name, self._data_dir = name, data_dir
        self.process: subprocess.Popen[bytes] | None = None
        self._deaths, self._started, self._next = 0, 0.0, 0.0

    def ensure(self) -> None:
        """Start it when it does not run and its wait is over."""
        now = time.monotonic()
        if self.process is not None:
            code = self.process.poll()
            if code is None:
                return
            self._deaths = 1 if now - self._started > HEALTHY_S else self._deaths + 1
            wait = BACKOFF_S[min(self._deaths, len(BACKOFF_S)) - 1]
            log.warning("%s ended (%s), starts again in %.1f s%s", self.name, _how(code), wait, self._last_words(code))
            self.process, self._next = None, now + wait
        if now >= self._next:
            self._started = now
            output = (self._data_dir / "log" / f"{self.name}.log").open("ab")
            with output:
                self.process = subprocess.Popen(
                    [sys.executable, "-m", "citybrain.runtime.parts", self.name, str(self._data_dir), str(os.getpid())],
                    stdin=subprocess.DEVNULL,
                    stdout=output,
                    stderr=output,
                    env=child_environment(),
                    # an interrupt at the terminal is for us; we stop the parts in order
                    start_new_session=True,
                )

    def _last_words(self, code: int) -> str:
        """What it said when it ended by itself: few people look into its log."""
        if code <= 0:
            return ""
        try:
            with (self._data_dir / "log" / f"{self.name}.log").open("rb") as file:
                file.seek(max(0, file.seek(0, os.SEEK_END) - 2000))
                lines = file.read().decode("utf-8", "replace").strip().splitlines()
        except OSError:
            return ""
        return f"; it said: {lines[-1][-400:]}" if lines else ""

    def send(self, number: int) -> None:
        """Send it a signal, if it runs."""
        if self.process is not None and self.process.poll() is None:
            self.process.send_signal(number)

    def stop(self, wait_s: float) -> bool:
        """Ask it to end, and make it after a while; True when it ended by itself with success."""
        if self.process is None:
            return False
        self.send(signal.SIGTERM)
        try:
            return self.process.wait(wait_s) == 0
        except subprocess.TimeoutExpired:
            log.warning("%s does not end within %.0f s: killed", self.name, wait_s)
            self.process.kill()
            self.process.wait()
            return False


class Supervisor:
    """All of one data directory."""

    def __init__(self, settings: Settings, *, force: bool = False) -> None:
        """`force`: the city lives here, even if a move has carried it, or a part of it, elsewhere."""
        self._settings, self._force = settings, force
        self._run = RunDir(settings.data_dir).make()
        self._parts = {name: Part(name, settings.data_dir) for name in PARTS}
        self._postgres: EmbeddedPostgres | None = None
        self._broker: EmbeddedBroker | None = None
        self._told: dict[str, dict[str, Any]] = {}
        """run files by name: the settings of the parts, and what others want to know"""

    def run(self, ready: Callable[[RunDir], None] = lambda run: None) -> int:
        """Run until SIGTERM or SIGINT; 0. Raises StateError when another program has the data directory."""
        self._run.lock()
        signals = Signals()
        announced = False
        with ExitStack() as stack:
            stack.callback(self._run.unlock)
            self._open_database(stack)
            self._open_broker(stack)
            self._announce()
            stack.callback(self._stop_parts)
            while not signals.stop:
                self._watch()
                if not announced and self._run.read("run").get("http"):
                    announced = True
                    ready(self._run)
                if signals.take_reload():
                    for part in self._parts.values():
                        part.send(signal.SIGHUP)
                time.sleep(0.1)
            log.info("stopping")
        return 0

    def _open_database(self, stack: ExitStack) -> None:
        if self._settings.database_url is None:
            self._postgres = EmbeddedPostgres(self._settings.data_dir / "pg")
            self._url = self._postgres.start()
            stack.callback(self._postgres.stop)
        else:
            self._url = self._settings.database_url
        with Database(self._url, size=1, name="citybrain supervisor") as db:
            applied = migrate(db)
            with db.transaction() as tx:
                self._refuse_stranger(tx)
        if applied:
            log.info("%d migrations applied", applied)

    def _refuse_stranger(self, tx: Tx) -> None:
        """A city that moved away must not run here as well. Raises MovedError."""
        move = moves.move_of(tx)
        if self._force and move is not None and move.direction == "out":
            log.warning("the move to %s is forgotten: from now on the city lives here, and must not run there", move.peer)
            moves.forget(tx)
        moves.refuse_stranger(tx, cluster=False)

    def _open_broker(self, stack: ExitStack) -> None:
        if self._settings.mqtt_url is None:
            self._broker = EmbeddedBroker(self._run, port=self._settings.mqtt_port, session=self._session())
            self._mqtt = self._broker.start()
            stack.callback(self._close_broker, self._broker)
        else:
            self._mqtt = self._settings.mqtt_url

    def _session(self) -> tuple[str, list[str]] | None:
        """The pipeline's session: the broker has it before the pipeline comes, so that nothing published meanwhile is dropped.

        Workers that share a subscription make their own a moment later.
        """
        if self._settings.ingest_workers > 1 or self._settings.mqtt_protocol != "3.1.1":
            return None
        return client_id(self._settings), load_profiles(self._settings.profiles).subscriptions(self._settings.city)

    def _close_broker(self, broker: EmbeddedBroker) -> None:
        """The broker ends with us only when it holds nothing: its sessions are in memory."""
        if self._run.read("drained").get("drained", False):
            broker.stop()
        else:
            log.warning(
                "messages still come in: the MQTT broker (pid %d) stays, keeps them for the next start, "
                "and is ended by `citybrain stop --data-dir %s`", broker.pid, self._settings.data_dir,
            )  # fmt: skip

    def _announce(self) -> None:
        """Write the run folder: settings with URLs for the parts, and what others want to know."""
        token = ensure_token(self._settings.api_token, self._settings.data_dir)
        clock = clocks.parse(self._settings.clock)
        # a scaled clock is fixed here: all parts must have the same beginning
        spec = str(clock) if isinstance(clock, clocks.ScaledClock) else "system"
        full = self._settings.model_copy(
            update={"database_url": self._url, "mqtt_url": self._mqtt, "api_token": token, "clock": spec}
        )
        if self._broker is not None and (full.ingest_workers > 1 or full.mqtt_protocol == "5"):
            full = full.model_copy(update={"mqtt_url": self._broker.url5, "mqtt_protocol": "5"})
        self._run.remove("drained")
        self._run.remove("http")
        self._told = {
            "settings": full.model_dump(mode="json"),
            "run": {
                "pid": os.getpid(),
                "mqtt": self._mqtt,
                "mqtt5": self._broker.url5 if self._broker else None,
                "database": self._url,
                "clock": spec,
                "city": full.city,
                "http": None,
            },
        }
        self._tell()

    def _tell(self) -> None:
        """Write what others read of us, where it is not there as it should be."""
        for name, content in self._told.items():
            if self._run.read(name) != content:
                self._run.write(name, content, secret=True)

    def _watch(self) -> None:
        if self._postgres is not None and self._postgres.pid() is None:
            log.warning("the database is gone: starting it again")
            url = self._postgres.start()
            if url != self._url:
                self._url = url
                self._announce()
        if self._broker is not None and not self._broker.alive():
            log.warning("the MQTT broker is gone: starting it again (what it held in memory is lost)")
            self._mqtt = self._broker.start()
        self._told["run"]["http"] = self._run.read("http").get("port") or self._told["run"]["http"]
        self._tell()
        for part in self._parts.values():
            part.ensure()

    def _stop_parts(self) -> None:
        """The pipeline drains first; the cycle sends what it made; the API goes last."""
        for name, wait_s in (("pipeline", DRAIN_S + 20), ("cycle", 10), ("http", 5)):
            self._parts[name].stop(wait_s)
        self._run.remove("run")


def _how(code: int) -> str:
    return f"killed by {signal.Signals(-code).name}" if code < 0 else f"exit code {code}"
