"""What could not be read or judged, into the topic `rejected`: as it came, with the reason. The archive quarantines it."""

from __future__ import annotations

from datetime import datetime

from citybrain.kernel.ids import derived_id
from citybrain.kernel.times import to_ms
from citybrain.topics.headers import headers
from citybrain.topics.producer import Producer, Sending
from citybrain.topics.spec import REJECTED

_DETAIL = 500


def reject(
    producer: Producer, *, partition: int, topic: str, payload: bytes, reason: str, detail: str, source: str, at: datetime
) -> Sending:  # fmt: skip
    """Send it (see `producer.delivered`). `topic` says where it came from; `at` is when, city time."""
    found = headers(
        "rejected",
        id=derived_id(topic, reason, payload.hex()[:64]),
        source=source,
        at=at,
        content_type=b"application/octet-stream",
        reason=reason,
        detail=detail[:_DETAIL],
        topic=topic,
        received_ms=str(to_ms(at)),
    )
    return producer.send(REJECTED, payload, partition=partition, headers=found)
