"""Follows the compacted topic `register` from its beginning, without a group: everybody reads everything."""

from __future__ import annotations

import logging
import time
from typing import Any

from kafka import KafkaConsumer, TopicPartition

from citybrain.config import Settings
from citybrain.kernel.errors import PayloadError, UnavailableError
from citybrain.topics.changes import Changed, read
from citybrain.topics.client import options, reaching, topic_name
from citybrain.topics.spec import REGISTER

log = logging.getLogger(__name__)

CATCH_UP_S = 60.0
_AT_ONCE = 5000
"""records of one poll"""


class Follower:
    """One reader of the topic. Not thread-safe: one thread calls it. Raises UnavailableError when there is no such topic."""

    def __init__(self, settings: Settings, client_id: str = "citybrain-follower") -> None:
        self._settings = settings
        name = topic_name(settings, REGISTER)
        self._at = TopicPartition(name, 0)
        self.published = -1
        """version of the register that was told as a whole; -1: none ever was"""
        with reaching(settings, "connecting"):
            self._client = KafkaConsumer(
                **options(settings, client_id),
                group_id=None,
                enable_auto_commit=False,
                auto_offset_reset="earliest",
                max_poll_records=_AT_ONCE,
                allow_auto_create_topics=False,
                metrics_enabled=False,
            )
            if not self._client.partitions_for_topic(name):
                self._client.close()
                raise UnavailableError(f"there is no topic {name}; `citybrain topics apply` makes it")
            self._client.assign([self._at])
            self._client.seek_to_beginning(self._at)

    def catch_up(self, timeout_s: float = CATCH_UP_S) -> list[Changed]:
        """Everything up to the end of the topic as it is now. Raises UnavailableError when that takes longer."""
        until = time.monotonic() + timeout_s
        found: list[Changed] = []
        with reaching(self._settings, "reading topic register"):
            end = self._client.end_offsets([self._at])[self._at]
            while self._client.position(self._at) < end:
                if time.monotonic() > until:
                    raise UnavailableError(f"topic {self._at.topic} could not be read to its end within {timeout_s:.0f} s")
                found += self.poll(0.2)
        return found

    def poll(self, wait_s: float = 0.0) -> list[Changed]:
        """What is new; waits up to `wait_s` for a first record. A record that cannot be read is logged and passed over."""
        with reaching(self._settings, "reading topic register"):
            batches = self._client.poll(timeout_ms=round(wait_s * 1000))
        return [change for records in batches.values() for record in records if (change := self._read(record)) is not None]

    def _read(self, record: Any) -> Changed | None:
        if record.value is None:
            return None  # nothing ever disappears from the register
        try:
            change = read(record.key or b"", record.value)
        except PayloadError as error:
            log.error("topic %s, offset %d, key %r: %s", record.topic, record.offset, record.key, error)
            return None
        if change.asset is None and change.devices is None and change.rulebook is None:
            self.published = max(self.published, change.version)
        return change

    def close(self) -> None:
        """Disconnect."""
        self._client.close()
