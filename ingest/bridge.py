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
from typing import Any

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion

from citybrain.clock import parse as parse_clock
from citybrain.config import Settings
from citybrain.kernel.errors import ConfigError
from ingest.address import Address
from ingest.delivery import Delivery, acknowledgements, connection_of, make_token
from ingest.session import session_options
from ingest.wire import Waiter, Wire, WireClient

__all__ = ["Bridge", "Delivery"]
log = logging.getLogger(__name__)

KEEPALIVE_S = 30
_CONNECT_S = 5.0
_FIRST_WAIT_S, _LAST_WAIT_S = 1.0, 60.0
_REDELIVERED = 100
"""So many messages at the start of a resumed session may have come before: rumqttd redelivers its window without a dup flag."""
_BURST = 500
"""Packets read between two looks at acknowledgements to send."""


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
        self._address = Address.of(settings)
        self._v5 = settings.mqtt_protocol == "5"
        if shared is not None and not self._v5:
            raise ConfigError(
                "a shared subscription (several ingest workers) needs MQTT 5; set mqtt_protocol: '5'", key="mqtt_protocol"
            )
        self._client_id = client_id
        self._filters = [f"$share/{shared}/{item}" if shared else item for item in subscriptions]
        self._limit = queue_size if queue_size is not None else settings.queue_size
        self._count_connect = on_connect_metric
        self._now_ms = now_ms or parse_clock(settings.clock).now_ms
        self._first_wait_s, self._last_wait_s = wait_s
        self._queue: deque[Delivery] = deque()
        self._arrived = threading.Condition()
        self._acks: deque[Sequence[int]] = deque()
        self._waiter = Waiter()
        self._stop = threading.Event()
        self._drain_until = 0.0
        self._thread = threading.Thread(target=self._run, name="ingest-bridge", daemon=True)
        self._generation = 0
        self._unacked = 0
        self._received_ms = 0
        self._again = 0
        self._subscribed = False
        self._refused = ""

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
        was_full = len(queue) >= self._limit
        count = min(max_messages, len(queue))
        taken = [queue.popleft() for _ in range(count)]
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
        return self._subscribed

    def stop(self, drain_s: float = 5.0) -> None:
        """Read no more, wait up to `drain_s` for the acknowledgement of what was taken, send it, and disconnect.

        What nobody took is not acknowledged, and is delivered again to the next session of this client id.
        """
        self._drain_until = monotonic() + drain_s
        self._stop.set()
        self._waiter.wake()
        if self._thread.is_alive():
            self._thread.join(drain_s + _CONNECT_S + 1)
        self._waiter.close()

    # --- the thread of the connection -----------------------------------------------------------------------------

    def _run(self) -> None:
        wait_s = self._first_wait_s
        while not self._stop.is_set():
            try:
                if self._connection():
                    wait_s = self._first_wait_s
            except (OSError, ssl.SSLError, ValueError) as error:
                log.warning("no connection to the broker at %s: %s", self._address, error)
            except Exception:
                log.exception("the connection to the broker at %s failed in an unforeseen way", self._address)
            if self._stop.is_set():
                return
            # equal jitter: half of the wait is fixed, so that many clients neither come at once nor hammer
            self._stop.wait(wait_s * (0.5 + random.random() / 2))
            wait_s = min(wait_s * 2, self._last_wait_s)

    def _connection(self) -> bool:
        """One connection from its beginning to its end; whether it came so far that messages could flow."""
        client = self._client()
        self._generation += 1
        self._unacked, self._refused, self._again = 0, "", 0
        self._subscribed = False
        reached = False
        try:
            client.connect(self._address.host, self._address.port, KEEPALIVE_S, **session_options(self._v5, self._limit))
            wire = client.wire
            if wire is None:
                raise OSError("no socket")
            while client.is_connected() or client.socket() is not None:
                if not self._turn(client, wire):
                    break
                reached = reached or self._subscribed
        finally:
            self._subscribed = False
            self._waiter.forget()
            if client.socket() is not None:
                client.disconnect()
                if client.wire is not None:
                    _quietly(client.wire.flush)
                sock = client.wire
                if sock is not None:
                    _quietly(sock.close)
            if (reached or self._refused) and not self._stop.is_set():
                log.warning("connection to the broker at %s ended%s", self._address, self._refused and f": {self._refused}")
        return reached

    def _turn(self, client: WireClient, wire: Wire) -> bool:
        """One turn of the loop: acknowledge, write, wait, read. False ends the connection."""
        self._send_acks(wire)
        if client.want_write():
            client.loop_write()
        wire.flush()
        stopping = self._stop.is_set()
        if stopping and (self._drained(wire) or monotonic() >= self._drain_until):
            return False
        full = len(self._queue) >= self._limit
        reading = not full and not stopping
        if not (reading and wire.pending()):
            self._waiter.wait(wire, read=reading, seconds=0.05 if stopping else 1.0)
        if reading:
            self._received_ms = self._now_ms()
            limit = self._limit
            for _ in range(_BURST):
                if client.loop_read() != mqtt.MQTT_ERR_SUCCESS:
                    return False
                if not wire.pending() or len(self._queue) >= limit:
                    break
            if self._queue:
                with self._arrived:
                    self._arrived.notify_all()
            return client.loop_misc() == mqtt.MQTT_ERR_SUCCESS and not self._refused
        return self._keep_alive(client)

    def _keep_alive(self, client: WireClient) -> bool:
        """While nothing is read, answers to pings are not seen: ping without waiting for them."""
        now = monotonic()
        if now - client._last_msg_out >= KEEPALIVE_S / 2:
            client._send_pingreq()
            client._last_msg_out = now
        client._ping_t = 0.0
        client._last_bytes_received = now
        return client.socket() is not None

    def _send_acks(self, wire: Wire) -> None:
        """Put the acknowledgements of this connection into one piece of bytes."""
        acks = self._acks
        while acks:
            out = acknowledgements(acks.popleft(), self._generation)
            self._unacked -= len(out) // 4
            wire.send(out)

    def _drained(self, wire: Wire) -> bool:
        """Whether all that was taken is acknowledged and written."""
        waiting = sum(1 for delivery in self._queue if connection_of(delivery.token) == self._generation and delivery.qos)
        return not self._acks and not wire.unsent() and self._unacked <= waiting

    # --- paho's callbacks: in the same thread ---------------------------------------------------------------------

    def _client(self) -> WireClient:
        client = WireClient(
            CallbackAPIVersion.VERSION2,
            client_id=self._client_id,
            clean_session=None if self._v5 else False,
            protocol=mqtt.MQTTv5 if self._v5 else mqtt.MQTTv311,
            manual_ack=True,
            reconnect_on_failure=False,
        )
        client.connect_timeout = _CONNECT_S
        self._address.prepare(client)
        client.on_connect = self._on_connect
        client.on_subscribe = self._on_subscribe
        client.on_message = self._on_message
        return client

    def _on_connect(self, client: mqtt.Client, userdata: Any, flags: mqtt.ConnectFlags, reason: Any, properties: Any) -> None:
        if reason.is_failure:
            self._refused = f"the broker refuses the connection: {reason}"
            return
        log.info(
            "connected to %s as %s, %s",
            self._address,
            self._client_id,
            "old session" if flags.session_present else "new session",
        )
        # a session that the broker knows has its subscriptions and flows at once. The answer to the subscription below may then
        # wait: rumqttd sends it behind a full window of redelivered messages, which only acknowledgements can move.
        if flags.session_present:
            self._again = _REDELIVERED
            self._opened()
        # on every connect, also when the broker knows the session: the filters may be others than last time
        client.subscribe([(item, 1) for item in self._filters])

    def _on_subscribe(self, client: mqtt.Client, userdata: Any, mid: int, reasons: list[Any], properties: Any) -> None:
        failed = [f"{name} ({reason})" for name, reason in zip(self._filters, reasons, strict=False) if reason.is_failure]
        if failed:
            self._refused = f"the broker refuses to subscribe {', '.join(failed)}"
            return
        self._opened()

    def _opened(self) -> None:
        """Messages can flow."""
        if not self._subscribed:
            self._subscribed = True
            if self._count_connect is not None:
                self._count_connect()

    def _on_message(self, client: mqtt.Client, userdata: Any, message: mqtt.MQTTMessage) -> None:
        try:
            topic = message.topic
        except UnicodeDecodeError:
            # MQTT forbids it, a broker may let it pass: it becomes a name that no topic matches, so it ends in quarantine
            topic = "\ufffd"
        qos = message.qos
        if qos:
            self._unacked += 1
        token = make_token(self._generation, message.mid, qos)
        again = bool(message.dup)
        if self._again:
            self._again -= 1
            again = again or qos > 0
        self._queue.append(Delivery(token, topic, bytes(message.payload), qos, bool(message.retain), again, self._received_ms))


def _quietly(action: Callable[[], object]) -> None:
    """Closing what may be closed already."""
    try:
        action()
    except OSError as error:
        log.debug("while closing: %s", error)
