"""Records into Kafka: a send counts when every replica that must have it has it, and a retry writes nothing twice."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

from kafka import KafkaProducer

from citybrain.config import Settings
from citybrain.kernel.errors import UnavailableError
from citybrain.topics.client import options, reaching, topic_name
from citybrain.topics.headers import Headers
from citybrain.topics.spec import MAX_RECORD_BYTES

DELIVERY_S = 30.0
"""A record that is not acknowledged after this fails its future."""
BLOCK_S = 5.0
"""Longest wait for a topic's partitions, real seconds."""
_BATCH_BYTES = 256 * 1024
_OVERHEAD = 16 * 1024
"""headers and framing, on top of the largest record"""


class Sending(Protocol):
    """What becomes of a record. Callbacks run in the client's thread: keep them short."""

    def add_callback(self, f: Callable[..., object], *args: object) -> object: ...
    def add_errback(self, f: Callable[..., object], *args: object) -> object: ...
    def get(self, timeout: float | None = None) -> Any: ...


class Producer:
    """One connection for all topics. Thread-safe. Raises UnavailableError when there is no Kafka."""

    def __init__(self, settings: Settings, client_id: str) -> None:
        self._settings = settings
        with reaching(settings, "connecting"):
            self._client = KafkaProducer(
                **options(settings, client_id),
                acks="all",
                enable_idempotence=True,
                compression_type="lz4",
                linger_ms=0,
                batch_size=_BATCH_BYTES,
                delivery_timeout_ms=DELIVERY_S * 1000,
                max_block_ms=BLOCK_S * 1000,
                max_request_size=MAX_RECORD_BYTES + _OVERHEAD,
                allow_auto_create_topics=False,
                metrics_enabled=False,
            )

    def send(
        self,
        topic: str,
        value: bytes | None,
        *,
        key: bytes | None = None,
        partition: int | None = None,
        headers: Headers | None = None,
    ) -> Sending:
        """Hand a record to the client; `topic` without the prefix of the settings. Returns at once.

        Without a partition it is that of the key. Raises UnavailableError when the topic is not there or not in reach,
        ValueError when it has no such partition.
        """
        with reaching(self._settings, f"sending to topic {topic} (made by `citybrain topics apply`)"):
            sending: Sending = self._client.send(
                topic_name(self._settings, topic), value, key=key, partition=partition, headers=headers
            )
            return sending

    def partitions(self, topic: str) -> int:
        """How many partitions a topic has. Raises UnavailableError when it is not there."""
        with reaching(self._settings, f"looking for topic {topic} (made by `citybrain topics apply`)"):
            return len(self._client.partitions_for(topic_name(self._settings, topic)))

    def flush(self, timeout_s: float = DELIVERY_S + BLOCK_S) -> None:
        """Wait until all that was sent is acknowledged or has failed. Raises UnavailableError when time runs out."""
        with reaching(self._settings, "flushing"):
            self._client.flush(timeout_s)

    def close(self, timeout_s: float = BLOCK_S) -> None:
        """Send what waits, for so long, and disconnect."""
        with reaching(self._settings, "closing"):
            self._client.close(timeout_s)


def delivered(sendings: list[Sending], timeout_s: float = DELIVERY_S + BLOCK_S) -> None:
    """Wait for some records. Raises UnavailableError for the first that failed."""
    for sending in sendings:
        try:
            sending.get(timeout_s)
        except Exception as error:  # whatever the client says, the record is not known to be there
            raise UnavailableError(f"Kafka did not take a record: {type(error).__name__}: {error}") from error
