"""Records of one partition read again, outside of any group: for a state that must be rebuilt, and for what people look up."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

from kafka import KafkaConsumer, TopicPartition

from citybrain.config import Settings
from citybrain.kernel.errors import UnavailableError
from citybrain.topics.client import options, reaching, topic_name

WAIT_S = 30.0
"""real seconds without a record after which reading gives up"""


@contextmanager
def _reader(settings: Settings) -> Iterator[KafkaConsumer]:
    with reaching(settings, "reading records again"):
        consumer = KafkaConsumer(
            **options(settings, "citybrain-fetch"), enable_auto_commit=False, auto_offset_reset="none", max_poll_records=500
        )
        try:
            yield consumer
        finally:
            consumer.close()


def fetch(settings: Settings, topic: str, partition: int, start: int, end: int) -> list[tuple[int, bytes]]:
    """Offset and value of the records in [start, end) of a topic (its short name). Raises UnavailableError."""
    found: list[tuple[int, bytes]] = []
    if start >= end:
        return found
    with _reader(settings) as consumer:
        where = TopicPartition(topic_name(settings, topic), partition)
        consumer.assign([where])
        consumer.seek(where, start)
        last = time.monotonic()
        while True:
            for record in consumer.poll(500).get(where, ()):
                if record.offset >= end:
                    return found
                found.append((record.offset, record.value))
                last = time.monotonic()
            if consumer.position(where) >= end:
                return found
            if time.monotonic() - last > WAIT_S:
                raise UnavailableError(f"{where.topic}/{partition}: no record for {WAIT_S:g} s at {consumer.position(where)}")


def bounds(settings: Settings, topic: str, partition: int) -> tuple[int, int]:
    """Offset of the oldest record that is kept, and of the next that will be written. Raises UnavailableError."""
    with _reader(settings) as consumer:
        where = TopicPartition(topic_name(settings, topic), partition)
        return consumer.beginning_offsets([where])[where], consumer.end_offsets([where])[where]
