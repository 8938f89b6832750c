"""What every Kafka client of this program has in common: the servers, the names, the errors."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from kafka.errors import KafkaError

from citybrain.config import Settings, brokers
from citybrain.kernel.errors import CityBrainError, ConfigError, UnavailableError

BOOTSTRAP_MS = 10_000
REQUEST_MS = 10_000
"""An answer that takes longer is asked for again over a new connection: a cut network is noticed within this time."""
BACKOFF_MAX_MS = 1000
"""Longest wait between two attempts to connect: a broker that comes back is found at once."""


def servers(settings: Settings) -> list[str]:
    """The `host:port`s of the settings. Raises ConfigError when there are none."""
    if settings.kafka_url is None:
        raise ConfigError("this needs Kafka: set CITYBRAIN_KAFKA_URL=kafka://host:9092", key="kafka_url")
    return brokers(settings.kafka_url)


def topic_name(settings: Settings, name: str) -> str:
    """The topic of a name of `citybrain.topics.spec` in this city's Kafka."""
    return settings.kafka_prefix + name


def options(settings: Settings, client_id: str) -> dict[str, Any]:
    """Arguments that every client of kafka-python takes."""
    return {
        "bootstrap_servers": servers(settings),
        "client_id": client_id,
        "bootstrap_timeout_ms": BOOTSTRAP_MS,
        "request_timeout_ms": REQUEST_MS,
        "reconnect_backoff_max_ms": BACKOFF_MAX_MS,
    }


@contextmanager
def reaching(settings: Settings, what: str) -> Iterator[None]:
    """Errors of the client within become UnavailableError: `what` was tried, and at which servers."""
    try:
        yield
    except CityBrainError:
        raise
    except (KafkaError, OSError) as error:
        raise UnavailableError(
            f"kafka_url: {what} failed at {', '.join(servers(settings))}: {type(error).__name__}: {error}"
        ) from error
