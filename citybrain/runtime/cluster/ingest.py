"""`citybrain ingest`: messages of the MQTT broker into Kafka, each acknowledged when all that came of it is safe there.

    1. take messages (nothing is acknowledged yet); none while too much is under way, so that the broker keeps the rest
    2. decode them; what cannot be read goes to topic `rejected`
    3. gather readings by partition: a record goes when it has 500 of them, or after some milliseconds
    4. now and then a tick into every partition, behind all readings that were taken before it
    5. acknowledge the messages whose records Kafka has

A record that Kafka does not take ends the process: the broker delivers again what was not acknowledged. Several bridges share
one subscription; each has a session of its own under a fixed name, so that what was on its way to a dead one comes when it is
back.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Sequence

from citybrain.clock import Clock, real_ms
from citybrain.kernel import canary
from citybrain.kernel.errors import PayloadError
from citybrain.kernel.model import Reading
from citybrain.runtime.cluster.outgoing import Outgoing
from citybrain.runtime.cluster.service import Service
from citybrain.runtime.sources import Source
from citybrain.runtime.ticker import Ticker
from citybrain.topics.follower import Follower
from citybrain.topics.following import follow
from citybrain.topics.packing import Packer, Ticket
from citybrain.topics.producer import Producer
from citybrain.topics.records import Tick
from citybrain.tracing import NoSpans, Spans
from ingest.bridge import Delivery
from ingest.decode import Decoder
from ingest.decoded import Decoded, Refused

log = logging.getLogger(__name__)

NAME = "ingest"
MOST_BYTES = 64 << 20
"""Most bytes of records under way: the memory of a bridge whose Kafka is slow."""
DRAIN_S = 10.0
"""longest wait at the end for what is under way, real seconds"""
FOLLOW_S = 0.5
"""how often the bridge looks whether the register has changed, real seconds"""
UNTOLD_S = 15.0
"""So long without news the bridge waits for a register that nobody has published, real seconds; then it goes on without."""
ALIVE_S = 1.0
"""real seconds between two ticks of a bridge that cannot take anything"""
SILENT_S = 10.0
"""Kafka that acknowledges nothing for so long, while something is under way, is called not ready (real seconds)."""
RECORDS_PER_S = 640
"""Records that a bridge makes about, whatever comes: each costs a quarter of a millisecond on its way, over all services,
while a reading in it costs a fiftieth of that."""
MOST_WAIT_S = 0.05
"""longest time in which a record is gathered, real seconds"""
_STEP_S = 0.002
_ACK_S = 0.005
_IDLE_S = 0.05


class Ingest:
    """One bridge. Not thread-safe: one thread turns it."""

    def __init__(
        self,
        service: Service,
        source: Source,
        decoder: Decoder,
        follower: Follower,
        producer: Producer,
        clock: Clock,
        spans: Spans | None = None,
    ) -> None:
        settings, self._spans = service.settings, spans or NoSpans()
        self._service, self._source, self._decoder, self._follower = service, source, decoder, follower
        self._producer, self._clock, self._metrics = producer, clock, service.metrics
        self._outgoing = Outgoing(producer, f"citybrain/ingest/{service.id}", clock, service.metrics, service.fail)
        self._packer = Packer()
        self._ticker = Ticker(speed=1 / max(clock.real_s(1), 1e-6))
        self._canary, self._beats = canary.topic(settings.city), 0
        self._most, self._batch, self._pack_s = settings.queue_size, settings.batch_size, settings.pack_ms / 1000
        self._wait_s = self._pack_s
        self._pack_at = self._follow_at = self._ticked = 0.0
        self._stage = service.metrics.stage(NAME)
        self._told, self._news = False, time.monotonic()
        service.check("mqtt", lambda: (source.connected, "connected" if source.connected else "no connection to the broker"))
        service.check("kafka", self._kafka)
        service.check("register", lambda: (self._told, f"version {follower.published}" if self._told else "not published yet"))
        service.check("backlog", lambda: (source.backlog() < self._most, f"{source.backlog()} messages wait"))

    def turn(self) -> None:
        """Take what is there, hand on what is due, acknowledge what is safe."""
        self._follow()
        self._acknowledge()
        if (held := self._held()) or self._packer.waiting:
            time.sleep(_STEP_S)
        wait_s = 0.0 if self._packer.waiting else _ACK_S if self._outgoing.records else _IDLE_S
        deliveries = [] if held else self._source.take(min(self._batch, self._most - self._outgoing.messages), wait_s)
        began, began_ms = time.monotonic(), real_ms()
        readings = self._taken(deliveries, began)
        if self._packer.waiting and began >= self._pack_at:
            self._flush()
        self._tick(readings, held=held, now=began)
        if deliveries and self._spans.on:
            self._spans.batch(NAME, began_ms, real_ms(), items=len(deliveries))
        self._measure(deliveries, readings, time.monotonic() - began)

    def _tick(self, readings: Sequence[Reading], *, held: bool, now: float) -> None:
        """Show the time when it is due, behind all readings that were taken before.

        While messages wait here and are not taken, it must not go on over their heads. Then the same time is told again: who
        says nothing is taken for gone, and time goes on without it.
        """
        shown = self._ticker.shown_ms
        if not held:
            tick = self._ticker.due(self._clock.now_ms(), readings, connected=self._source.connected)
        else:
            tick = shown if shown and now >= self._ticked + ALIVE_S else None
        if tick is not None:
            self._ticked = now
            self._flush(Tick(tick, real_ms(), self._service.id))

    def _follow(self) -> None:
        """Take over what changed in the register."""
        now = time.monotonic()
        if now < self._follow_at:
            return
        self._follow_at = now + FOLLOW_S
        changes = self._follower.poll()
        if changes:
            self._news = now
            changed = follow(self._decoder.register, changes).assets
            log.info("register version %d: %d assets changed", self._decoder.register.version, len(changed))
        if not self._told:
            self._told = self._follower.published >= 0
            if not self._told and now - self._news > UNTOLD_S:
                log.warning("topic register is empty: `citybrain dispatch` publishes it, and does not run; going on without")
                self._told = True

    def _held(self) -> bool:
        """Whether no message can be taken now."""
        return not self._told or self._outgoing.messages >= self._most or self._outgoing.size >= MOST_BYTES

    def _taken(self, deliveries: Sequence[Delivery], now: float) -> list[Reading]:
        """Decode messages and put them on their way; their readings."""
        taken: list[Reading] = []
        if deliveries and not self._packer.waiting:
            self._pack_at = now + self._wait_s
        for delivery in deliveries:
            ticket = self._outgoing.ticket(delivery.token)
            if delivery.topic == self._canary and (beat := canary.read(delivery.payload, delivery.received_ms)) is not None:
                for packed in self._packer.add(ticket, (beat,)):
                    self._outgoing.send(packed)
                self._metrics.canary(NAME, int(beat.values["sent_ms"]), real_ms())
                self._beats += 1
                continue
            try:
                found = self._decoder.decode(
                    delivery.topic,
                    delivery.payload,
                    received_ms=delivery.received_ms,
                    retained=delivery.retained,
                    dup=delivery.dup,
                )
            except PayloadError as error:
                self._refuse(ticket, delivery, Refused(delivery.payload, error.reason, error.detail))
                continue
            taken += found.readings
            self._hand_on(ticket, delivery, found)
        return taken

    def _hand_on(self, ticket: Ticket, delivery: Delivery, found: Decoded) -> None:
        register = self._decoder.register
        for asset in found.new_assets:
            register.assets.setdefault(asset.id, asset)
        for device in found.new_devices:
            register.devices.setdefault(device.id, []).append(device)
        for note in found.notes:
            self._metrics.values_dropped.labels(note.code).inc()
        for refused in found.refused:
            self._refuse(ticket, delivery, refused)
        size = len(delivery.payload)
        for packed in self._packer.add(ticket, found.readings, found.new_assets, found.new_devices, size):
            self._outgoing.send(packed)
        if not ticket.left:
            self._outgoing.release(ticket)  # it was understood, and is no reading

    def _refuse(self, ticket: Ticket, delivery: Delivery, refused: Refused) -> None:
        self._outgoing.refuse(ticket, delivery.topic, *refused, delivery.received_ms)
        self._metrics.quarantined.labels(refused.reason).inc()
        self._stage.failed()

    def _flush(self, tick: Tick | None = None) -> None:
        """Everything that is gathered, with a tick behind it."""
        records = self._packer.flush(tick)
        for packed in records:
            self._outgoing.send(packed)
        if tick is None and self._pack_s:
            # a quiet city is served at once; a busy one fills its records instead of sending more of them
            self._wait_s = max(self._pack_s, min(MOST_WAIT_S, len(records) / RECORDS_PER_S))

    def _acknowledge(self) -> None:
        done = self._outgoing.settle()
        if done:
            self._source.ack(done)

    def _measure(self, deliveries: Sequence[Delivery], readings: Sequence[Reading], seconds: float) -> None:
        now_ms, backlog = self._clock.now_ms(), self._source.backlog()
        self._metrics.queue.set(backlog)
        self._stage.filled(min(1.0, max(backlog, self._outgoing.messages) / self._most))
        if self._ticker.shown_ms:
            self._metrics.tick_lag.set(self._clock.real_s((now_ms - self._ticker.shown_ms) / 1000))
        if deliveries:
            messages, self._beats = len(deliveries) - self._beats, 0
            self._metrics.messages.inc(messages)
            self._metrics.batch_seconds.observe(seconds)
            self._stage.worked(messages, seconds)
        if readings:
            self._stage.behind(self._clock.real_s((now_ms - max(reading.observed_ms for reading in readings)) / 1000))
        elif not backlog:
            self._stage.behind(0.0)

    def _kafka(self) -> tuple[bool, str]:
        silent_s = time.monotonic() - self._outgoing.heard
        return silent_s < SILENT_S, f"{self._outgoing.records} records under way, heard {silent_s:.1f} s ago"

    def close(self) -> None:
        """Hand on what was taken, acknowledge it, and say that time goes on without this bridge."""
        deadline = time.monotonic() + DRAIN_S
        self._flush()
        self._wait_for_kafka(deadline)
        # the time of the last tick: whoever leaves does not move it
        self._flush(Tick(self._ticker.shown_ms, real_ms(), self._service.id, leaving=True))
        self._wait_for_kafka(deadline)
        self._source.stop(max(1.0, deadline - time.monotonic()))
        if self._outgoing.messages:
            log.warning("%d messages were taken and not handed on: they come again", self._outgoing.messages)
        self._follower.close()
        self._producer.close()
        self._spans.close()

    def _wait_for_kafka(self, deadline: float) -> None:
        while self._outgoing.records and not self._service.failed and time.monotonic() < deadline:
            self._acknowledge()
            time.sleep(_STEP_S)
        self._acknowledge()
