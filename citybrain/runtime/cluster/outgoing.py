"""What a bridge has under way to Kafka: packs and refused messages sent, and the messages that are done when they are safe.

The main thread sends and settles. The client's thread only notes what was acknowledged, and that something failed.
"""

from __future__ import annotations

import logging
import time
from collections import deque
from collections.abc import Callable, Sequence
from typing import NamedTuple
from zlib import crc32

from citybrain.clock import Clock, real_ms
from citybrain.kernel.errors import UnavailableError
from citybrain.kernel.times import from_ms
from citybrain.kernel.trace import trace_of, traceparent
from citybrain.metrics import Metrics
from citybrain.topics.headers import headers
from citybrain.topics.packing import Packed, Ticket, halves
from citybrain.topics.producer import Producer, Sending
from citybrain.topics.records import encode
from citybrain.topics.rejecting import reject
from citybrain.topics.spec import ALERT_PARTITIONS, MAX_RECORD_BYTES, READINGS, REJECTED

log = logging.getLogger(__name__)
KEEP_BYTES = 1 << 20
"""So much of a refused message is handed on; quarantine keeps less."""
_SPARE = 16 * 1024
"""headers of a record"""


class _Sent(NamedTuple):
    tickets: Sequence[Ticket]
    size: int
    at: float


class Outgoing:
    """Records under way. `fail` is called (in any thread) when one cannot be delivered: the process has to end then."""

    def __init__(
        self,
        producer: Producer,
        source: str,
        clock: Clock,
        metrics: Metrics,
        fail: Callable[[BaseException], object],
        *,
        most_record_bytes: int = MAX_RECORD_BYTES - _SPARE,
    ) -> None:
        self._producer, self._source, self._clock, self._metrics, self._fail = producer, source, clock, metrics, fail
        self._most = most_record_bytes
        self._safe: deque[tuple[_Sent, float]] = deque()
        """records that are safe, and since when"""
        self._free: list[int] = []
        self._life, self._number = f"{real_ms():x}", 0
        self.messages = 0
        """messages that were given a ticket and are not done"""
        self.records = 0
        self.size = 0
        """records under way, and their bytes"""
        self.heard = time.monotonic()
        """when Kafka last acknowledged something, or nothing was under way"""

    def ticket(self, token: int) -> Ticket:
        """The ticket of a message that was taken; `settle` gives its token back when all of it is safe."""
        self.messages += 1
        return Ticket(token)

    def release(self, ticket: Ticket) -> None:
        """Nothing came of a message: the next `settle` gives its token back."""
        self._free.append(ticket.token)

    def send(self, packed: Packed) -> None:
        """Hand a pack to Kafka, or as several records when it is too large for one."""
        value = encode(packed.batch)
        if len(value) > self._most:
            parts = halves(packed)
            if parts is not None:
                for part in parts:
                    self.send(part)
                return
            # one reading that fills a record: nobody could carry it
            (reading,) = packed.batch.readings
            detail = f"a reading of {len(value)} bytes, a record has at most {self._most}"
            self._refuse(packed.tickets, f"reading/{reading.asset}", value, "too_large", detail, reading.received_ms)
            return
        batch = packed.batch
        if batch.readings:
            first = batch.readings[0]
            trace = traceparent(trace_of(first.asset, first.device, first.observed_ms, first.key), "ingest")
        else:
            trace = ""
        self._number += 1
        found = headers(
            "readings" if batch.readings or batch.assets or batch.devices else "tick",
            id=f"{self._life}-{self._number:x}",
            source=self._source,
            at=self._clock.now(),
            traceparent=trace,
        )
        self._watch(
            READINGS,
            self._producer.send(READINGS, value, partition=packed.partition, headers=found),
            packed.tickets,
            len(value),
        )

    def refuse(self, ticket: Ticket, topic: str, payload: bytes, reason: str, detail: str, received_ms: int) -> None:
        """Hand a message, or a part of one, to topic `rejected`."""
        ticket.left += 1
        self._refuse((ticket,), topic, payload, reason, detail, received_ms)

    def _refuse(
        self, tickets: Sequence[Ticket], topic: str, payload: bytes, reason: str, detail: str, received_ms: int
    ) -> None:
        sending = reject(
            self._producer,
            partition=crc32(topic.encode("utf-8", "replace")) % ALERT_PARTITIONS,
            topic=topic,
            payload=payload[:KEEP_BYTES],
            reason=reason,
            detail=detail,
            source=self._source,
            at=from_ms(received_ms),
        )
        self._watch(REJECTED, sending, tickets, min(len(payload), KEEP_BYTES))

    def _watch(self, topic: str, sending: Sending, tickets: Sequence[Ticket], size: int) -> None:
        sent = _Sent(tickets, size, time.monotonic())
        self.records += 1
        self.size += size
        self._metrics.kafka_records.labels(topic).inc()
        self._metrics.kafka_bytes.labels(topic).inc(size)
        sending.add_callback(lambda _: self._safe.append((sent, time.monotonic())))
        sending.add_errback(self._failed)

    def _failed(self, error: BaseException) -> None:
        self._fail(UnavailableError(f"Kafka did not take a record: {type(error).__name__}: {error}"))

    def settle(self) -> list[int]:
        """The tokens of messages that are done since the last call: everything of them is safe."""
        done, self._free = self._free, []
        while self._safe:
            sent, at = self._safe.popleft()
            self.heard = at
            self.records -= 1
            self.size -= sent.size
            self._metrics.kafka_ack_seconds.observe(at - sent.at)
            for ticket in sent.tickets:
                ticket.left -= 1
                if not ticket.left:
                    done.append(ticket.token)
        if not self.records:
            self.heard = time.monotonic()
        self.messages -= len(done)
        self._metrics.kafka_in_flight.set(self.records)
        return done
