"""The bridge: messages of an MQTT broker as deliveries, each acknowledged only after it is durable.

One thread owns the connection. It reads into a queue; the pipeline takes from it, makes a batch durable, and acknowledges. When
the queue is full the thread stops to read the socket, so the broker keeps what follows: memory is bounded on both ways. The
session is persistent (fixed client id, no clean start): what was not acknowledged is delivered again after a reconnect.

    UNCONNECTED --connect--> CONNECTED --CONNACK ok--> SUBSCRIBED --lost--> waits 1, 2, 4 … 60 s (with jitter) --> again
"""

from __future__ import annotations

import logging
import random
import ssl
import threading
from collections import deque
from collections.abc import Callable, Sequence
from time import monotonic

from citybrain.clock import parse as parse_clock
from citybrain.config import Settings
from citybrain.kernel.errors import ConfigError
from ingest.address import Address
from ingest.connection import CONNECT_S, Connection, Terms
from ingest.delivery import Delivery
from ingest.session import filters_of
from ingest.wire import Waiter, Wire

__all__ = ["Bridge", "Delivery"]
log = logging.getLogger(__name__)

_FIRST_WAIT_S, _LAST_WAIT_S = 1.0, 60.0
QUEUE_BYTES = 64 << 20
"""Most bytes that wait to be taken, about: packs are a thousand times as long as single readings."""


class Bridge:
    """A connection to the broker that keeps itself up. `start` it, `take` and `ack`, `stop` it."""

    def __init__(
        self,
        settings: Settings,
        *,
        client_id: str,
        subscriptions: Sequence[str],
        shared: str | None = None,
        queue_size: int | None = None,
        on_connect_metric: Callable[[], None] | None = None,
        now_ms: Callable[[], int] | None = None,
        wait_s: tuple[float, float] = (_FIRST_WAIT_S, _LAST_WAIT_S),
    ) -> None:
        """`shared` is the group of a shared subscription (MQTT 5): several bridges then get different messages.

        Raises ConfigError for a wrong URL, or for a group with MQTT 3.1.1.
        """
        v5 = settings.mqtt_protocol == "5"
        if shared is not None and not v5:
            raise ConfigError(
                "a shared subscription (several ingest workers) needs MQTT 5; set mqtt_protocol: '5'", key="mqtt_protocol"
            )
        filters = filters_of(subscriptions, shared)
        self._limit = queue_size if queue_size is not None else settings.queue_size
        self._terms = Terms(Address.of(settings), client_id, filters, v5, self._limit)
        self._count_connect = on_connect_metric or (lambda: None)
        self._now_ms = now_ms or parse_clock(settings.clock).now_ms
        self._first_wait_s, self._last_wait_s = wait_s
        self._queue: deque[Delivery] = deque()
        # each is written by one thread only: the connection's, and the one that takes
        self._bytes_in = self._bytes_out = 0
        self._arrived = threading.Condition()
        self._acks: deque[Sequence[int]] = deque()
        self._waiter = Waiter()
        self._stop = threading.Event()
        self._drain_until = 0.0
        self._thread = threading.Thread(target=self._run, name="ingest-bridge", daemon=True)
        self._number = 0
        self._now: Connection | None = None

    # --- for the pipeline: any thread -----------------------------------------------------------------------------

    def start(self) -> None:
        """Begin to connect; returns at once."""
        self._thread.start()

    def take(self, max_messages: int, wait_s: float) -> list[Delivery]:
        """Up to `max_messages` deliveries: waits up to `wait_s` for a first one, then gives what is there."""
        queue = self._queue
        if not queue:
            with self._arrived:
                if not queue:
                    self._arrived.wait(wait_s)
        was_full = self._full()
        count = min(max_messages, len(queue))
        taken = [queue.popleft() for _ in range(count)]
        self._bytes_out += sum([len(delivery.payload) for delivery in taken])
        if was_full:
            self._waiter.wake()
        return taken

    def ack(self, tokens: Sequence[int]) -> None:
        """Acknowledge deliveries that are durable. Those of an older connection are let go: the broker sends them again."""
        if tokens:
            self._acks.append(tokens)
            self._waiter.wake()

    def backlog(self) -> int:
        """Deliveries received and not yet taken."""
        return len(self._queue)

    @property
    def connected(self) -> bool:
        """Whether messages can flow: the broker accepted the subscriptions, now or in the session that it kept."""
        now = self._now
        return now is not None and now.up

    def stop(self, drain_s: float = 5.0) -> None:
        """Read no more, wait up to `drain_s` for the acknowledgement of what was taken, send it, and disconnect.

        What nobody took is not acknowledged, and is delivered again to the next session of this client id.
        """
        self._drain_until = monotonic() + drain_s
        self._stop.set()
        self._waiter.wake()
        if self._thread.is_alive():
            self._thread.join(drain_s + CONNECT_S + 1)
        self._waiter.close()

    # --- the thread of the connection -----------------------------------------------------------------------------

    def _run(self) -> None:
        wait_s = self._first_wait_s
        while not self._stop.is_set():
            try:
                if self._connection():
                    wait_s = self._first_wait_s
            except (OSError, ssl.SSLError, ValueError) as error:
                log.warning("no connection to the broker at %s: %s", self._terms.address, error)
            except Exception:
                log.exception("the connection to the broker at %s failed in an unforeseen way", self._terms.address)
            if self._stop.is_set():
                return
            # equal jitter: half of the wait is fixed, so that many clients neither come at once nor hammer
            self._stop.wait(wait_s * (0.5 + random.random() / 2))
            wait_s = min(wait_s * 2, self._last_wait_s)

    def _connection(self) -> bool:
        """One connection from its beginning to its end; whether it came so far that messages could flow."""
        self._number += 1
        now = self._now = Connection(self._terms, self._number, self._received, self._count_connect)
        reached = False
        try:
            wire = now.connect()
            while now.alive and self._turn(now, wire):
                reached = reached or now.up
        finally:
            self._waiter.forget()
            now.close()
            if (reached or now.refused) and not self._stop.is_set():
                why = f": {now.refused}" if now.refused else ""
                log.warning("connection to the broker at %s ended%s", self._terms.address, why)
        return reached

    def _turn(self, now: Connection, wire: Wire) -> bool:
        """One turn of the loop: acknowledge, write, wait, read. False ends the connection."""
        while self._acks:
            now.acknowledge(self._acks.popleft())
        now.write()
        stopping = self._stop.is_set()
        if stopping and (self._drained(now) or monotonic() >= self._drain_until):
            return False
        reading = not self._full() and not stopping
        if not (reading and wire.pending()):
            self._waiter.wait(wire, read=reading, seconds=0.05 if stopping else 1.0)
        if not reading:
            return now.stay()
        now.received_ms = self._now_ms()
        if not now.read(self._full):
            return False
        if self._queue:
            with self._arrived:
                self._arrived.notify_all()
        return now.housekeep()

    def _received(self, delivery: Delivery) -> None:
        self._bytes_in += len(delivery.payload)
        self._queue.append(delivery)

    def _full(self) -> bool:
        return len(self._queue) >= self._limit or self._bytes_in - self._bytes_out >= QUEUE_BYTES

    def _drained(self, now: Connection) -> bool:
        """Whether all that was taken is acknowledged and written."""
        return not self._acks and now.settled(self._queue)
