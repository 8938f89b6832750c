"""What the services between Kafka and the database have in common: their beginning, their checks, their metrics."""

from __future__ import annotations

import socket
import threading
from typing import Any

from citybrain import clock as clocks
from citybrain.config import Settings
from citybrain.kernel.errors import CityBrainError, ConfigError
from citybrain.metrics import Metrics
from citybrain.runtime.cluster.drain import Drain
from citybrain.runtime.cluster.service import Probe, Service
from citybrain.store import gauges
from citybrain.store.db import Database
from citybrain.store.link import Link
from citybrain.store.migrate import migrate
from citybrain.store.moves import refuse_stranger
from citybrain.topics.client import servers
from citybrain.topics.consumer import Lag

CONNECT_S = 2.0
"""real seconds that a probe waits for a connection"""


def database_url(settings: Settings) -> str:
    """The database of the settings. Raises ConfigError: the services of a cluster have none of their own."""
    if settings.database_url is None:
        raise ConfigError(
            "the services of the cluster share one database: set CITYBRAIN_DATABASE_URL=postgresql://user:password@host/name",
            key="database_url",
        )
    return settings.database_url


def prepare(settings: Settings) -> None:
    """Bring the database to the schema of this program.

    Raises UnavailableError, ConfigError when its schema is newer, MovedError when its city is on its way in or has moved out.
    """
    with Database(database_url(settings), size=1, name="citybrain migrate") as db:
        migrate(db)
        with db.transaction() as tx:
            refuse_stranger(tx, cluster=True)


def database_probe(url: str, name: str) -> Probe:
    """Does the database answer? Over a connection of its own."""
    link, lock = Link(url, name), threading.Lock()

    def probe() -> tuple[bool, str]:
        with lock:
            try:
                with link.transaction() as tx:
                    gauges.ping(tx)
            except CityBrainError as error:
                return False, str(error)
        return True, "answers"

    return probe


def kafka_probe(settings: Settings) -> Probe:
    """Does one of the brokers take connections?"""

    def probe() -> tuple[bool, str]:
        failures = []
        for broker in servers(settings):
            host, _, port = broker.rpartition(":")
            try:
                socket.create_connection((host.strip("[]"), int(port)), timeout=CONNECT_S).close()
                return True, f"takes connections at {broker}"
            except OSError as error:
                failures.append(f"{broker}: {error}")
        return False, f"does not take connections: {'; '.join(failures)}"

    return probe


def lag_check(lag: dict[str, Lag], limit_s: float) -> tuple[bool, str]:
    """PURE: is the oldest record that waits younger than `limit_s` real seconds?"""
    worst = max((one.seconds for one in lag.values()), default=0.0)
    waiting = ", ".join(f"{one.records} in {topic}" for topic, one in sorted(lag.items()))
    return worst <= limit_s, f"records that wait: {waiting}; the oldest for {worst:.0f} s, {limit_s:g} s are well"


def watch(service: Service, drain: Drain[Any]) -> None:
    """The checks of /readyz: database, Kafka, whether records are taken, lag."""
    settings, consumer = service.settings, drain.consumer
    service.check("database", database_probe(database_url(settings), f"citybrain {service.id} probe"))
    service.check("kafka", kafka_probe(settings))
    service.check("records", lambda: (not drain.trouble, drain.trouble or f"{len(consumer.assigned)} partitions are ours"))
    service.check("lag", lambda: lag_check(consumer.lag, settings.ready_lag_s))


def tell(metrics: Metrics, drain: Drain[Any], stage: str) -> None:
    """The lag into the metrics: names without the prefix, and that of the stage in city seconds."""
    settings, lags = drain.consumer.settings, drain.consumer.lag
    for topic, lag in lags.items():
        metrics.kafka_lag.labels(topic.removeprefix(settings.kafka_prefix), drain.name).set(lag.records)
    waits_s = max((lag.seconds for lag in lags.values()), default=0.0)
    metrics.stage(stage).behind(waits_s / clocks.parse(settings.clock).real_s(1))
