"""A city that runs already, such as the cluster: the demo's devices and crews act in it as real ones would."""

from __future__ import annotations

import logging
import time
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx

from citybrain import clock as clocks
from citybrain.apitoken import known_token
from citybrain.clock import Clock
from citybrain.config import Settings
from citybrain.kernel.errors import ConfigError, UnavailableError
from citybrain.kernel.register import Register
from citybrain.runtime.cluster.watching import database_url
from citybrain.runtime.demo.pace import Pace
from citybrain.runtime.demo.stage import save
from citybrain.store.db import Database
from citybrain.store.published import published
from citybrain.store.register import current_version
from citybrain.topics.client import topic_name
from citybrain.topics.spec import REGISTER

log = logging.getLogger(__name__)

READY_S = 120.0
"""longest wait for the API and for the register to be published (real seconds)"""
FOLLOW_S = 2.0
"""Whoever follows the register looks at least once a second, and is given this long to take it over (real seconds)."""
APART_S = 5.0
"""So far (real seconds) our clock and that of the city may differ."""


class RunningCity:
    """A `Scene` that was started by somebody else: `settings` say where its database and its broker are, `url` its API."""

    def __init__(self, settings: Settings, url: str) -> None:
        if settings.mqtt_url is None:
            raise ConfigError("name the broker of the city: --mqtt-url or CITYBRAIN_MQTT_URL", key="mqtt_url")
        self._settings, self.url, self.mqtt = settings, url.rstrip("/"), settings.mqtt_url
        self._database = database_url(settings)
        self.clock: Clock = clocks.parse(settings.clock)
        self.start = _whole(self.clock.now())
        self.token = known_token(settings.api_token, settings.data_dir)
        self._stack = ExitStack()

    @property
    def speed(self) -> float:
        """City seconds a real second."""
        return 1 / self.clock.real_s(1)

    @property
    def folder(self) -> Path | None:
        """None: its data is kept elsewhere."""
        return None

    def __enter__(self) -> RunningCity:
        return self

    def __exit__(self, *_exc: object) -> None:
        self._stack.close()

    def open(self, register: Register, pace: Pace) -> Database:
        """Wait for the city, have the register in its database and, in a cluster, told to all services; the open database.

        The devices begin when that is done. Raises UnavailableError, and ConfigError when the city has another time than we.
        """
        self._wait_ready()
        db = self._stack.enter_context(Database(self._database, size=4, name="citybrain simulate"))
        save(db, register)
        if self._settings.kafka_url is not None:
            self._wait_published(db)
        time.sleep(FOLLOW_S)
        self.start = _whole(self.clock.now())
        return db

    def check(self) -> None:
        """Services of a cluster end and are started again: that is no reason to stop."""

    def _wait_ready(self) -> None:
        deadline, said = time.monotonic() + READY_S, ""
        while True:
            try:
                asked = time.monotonic()
                answer = httpx.get(f"{self.url}/api/stats", headers={"Authorization": f"Bearer {self.token}"}, timeout=10)
                if answer.status_code == httpx.codes.OK:
                    return self._same_time(answer.json()["now"], time.monotonic() - asked)
                said = f"HTTP {answer.status_code}"
            except (httpx.HTTPError, ValueError, KeyError) as error:
                said = str(error)
            if time.monotonic() > deadline:
                raise UnavailableError(f"no city answers at {self.url} within {READY_S:g} s: {said}")
            time.sleep(0.5)

    def _same_time(self, theirs: str, took_s: float) -> None:
        now = self.clock.now()
        apart_s = self.clock.real_s(abs((now - datetime.fromisoformat(theirs)).total_seconds()))
        if apart_s > APART_S + took_s:
            raise ConfigError(
                f"the city has {theirs}, we have {now.isoformat()}: give the clock of the city's services, with its start",
                key="clock",
            )

    def _wait_published(self, db: Database) -> None:
        deadline, topic = time.monotonic() + READY_S, topic_name(self._settings, REGISTER)
        with db.transaction() as tx:
            version = current_version(tx)
        while True:
            with db.transaction() as tx:
                told = published(tx, topic)
            if told is not None and told >= version:
                break
            if time.monotonic() > deadline:
                raise UnavailableError(
                    f"register version {version} is not published within {READY_S:g} s: does `citybrain dispatch` run?"
                )
            time.sleep(0.2)
        log.info("register version %d is published", version)


def _whole(now: datetime) -> datetime:
    """The next whole second."""
    return now.astimezone(UTC).replace(microsecond=0) + timedelta(seconds=1)
