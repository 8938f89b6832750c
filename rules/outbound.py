"""What a rules worker writes: alerts and rejected readings, and which of them Kafka has not acknowledged yet."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

from citybrain.clock import Clock
from citybrain.kernel.ids import derived_id
from citybrain.kernel.trace import traceparent
from citybrain.topics.headers import headers
from citybrain.topics.producer import Producer, Sending, delivered
from citybrain.topics.records import Alert, encode_alert
from citybrain.topics.rejecting import reject
from citybrain.topics.spec import ALERTS, alert_partition


class Outbound:
    """Sends, and remembers by partition of topic `readings` what is under way. Used by one thread, `settle` by any."""

    def __init__(self, producer: Producer, clock: Clock, source: str) -> None:
        self._producer, self._clock, self._source = producer, clock, source
        self._pending: dict[int, list[Sending]] = defaultdict(list)
        self._sent: dict[int, int] = defaultdict(int)
        self._acked: dict[int, int] = defaultdict(int)
        """partition of readings -> alerts sent, and those of them that Kafka has"""
        self._until: dict[int, int] = {}
        """partition of readings -> offset behind the last alert that Kafka has of it"""

    def tell(self, number: int, alert: Alert) -> None:
        """Send an alert of partition `number`. It has the same id whenever the same record is judged again."""
        event = alert.event
        found = headers(
            "alert",
            id=derived_id(event.id, event.change, str(event.at_ms), event.reason, event.detail),
            source=self._source,
            at=self._clock.now(),
            traceparent=traceparent(alert.trace, "rules") if alert.trace else "",
        )
        future = self._producer.send(
            ALERTS, encode_alert(alert), key=event.asset.encode(), partition=alert_partition(number), headers=found
        )
        future.add_callback(self._acknowledged, number)
        self._pending[number].append(future)
        self._sent[number] += 1

    def _acknowledged(self, number: int, written: Any) -> None:
        # in the client's thread, which alone writes these
        self._until[number] = max(int(written.offset) + 1, self._until.get(number, 0))
        self._acked[number] += 1

    def knows(self, number: int) -> bool:
        """Whether this life has told an alert of the partition, or was given an offset for it."""
        return number in self._until or number in self._sent

    def begin_at(self, number: int, offset: int) -> None:
        """What was told of a partition before this life ends before this offset of its partition of `alerts`."""
        self._until.setdefault(number, offset)

    def told_until(self, number: int) -> int | None:
        """Offset behind the last alert of a partition in its partition of `alerts`; None while one is under way."""
        return self._until.get(number, 0) if self._sent[number] == self._acked[number] else None

    def reject(self, number: int, topic: str, payload: bytes, reason: str, detail: str) -> None:
        """Send what could not be read or judged, with its reason."""
        sending = reject(
            self._producer, partition=alert_partition(number), topic=topic, payload=payload, reason=reason, detail=detail,
            source=self._source, at=self._clock.now(),
        )  # fmt: skip
        self._pending[number].append(sending)

    def pending(self, number: int) -> list[Sending]:
        """What is under way for a partition; it is the caller's to `settle` now."""
        return self._pending.pop(number, [])

    def settle(self, pending: list[Sending]) -> None:
        """Wait until Kafka has all of it. Raises UnavailableError."""
        delivered(pending)
