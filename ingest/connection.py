"""One connection to the broker, from CONNECT to its end: what it received, what is acknowledged, and paho's callbacks."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion

from ingest.address import Address
from ingest.delivery import Delivery, acknowledgements, connection_of, make_token
from ingest.session import session_options
from ingest.wire import Wire, WireClient

log = logging.getLogger(__name__)

KEEPALIVE_S = 30
CONNECT_S = 5.0
BURST = 500
"""Packets read between two looks at acknowledgements to send."""
_REDELIVERED = 100
"""So many messages at the start of a resumed session may have come before: rumqttd redelivers its window without a dup flag."""


class Terms(NamedTuple):
    """What every connection of a bridge has in common."""

    address: Address
    client_id: str
    filters: Sequence[str]
    v5: bool
    limit: int
    """Deliveries that may wait to be taken."""


class Connection:
    """A connection. Used by one thread; `number` tells its tokens from those of others.

    `deliver` gets every message, `opened` is called once when messages can flow.
    """

    wire: Wire
    """There from `connect` on."""

    def __init__(self, terms: Terms, number: int, deliver: Callable[[Delivery], None], opened: Callable[[], None]) -> None:
        self.number = number
        self.up = False
        """The broker accepted the subscriptions, now or in the session that it kept."""
        self.refused = ""
        """Why the broker does not want us."""
        self.received_ms = 0
        """City time that is put on what is read next."""
        self._terms, self._deliver, self._opened = terms, deliver, opened
        self._unacked = self._again = 0
        self._client = self._made()

    def connect(self) -> Wire:
        """Reach the broker; the socket. Raises OSError (ssl.SSLError) or ValueError: then `close` is still due."""
        address = self._terms.address
        options = session_options(self._terms.v5, self._terms.limit)
        self._client.connect(address.host, address.port, KEEPALIVE_S, **options)
        if self._client.wire is None:
            raise OSError("no socket")
        self.wire = self._client.wire
        return self.wire

    def _made(self) -> WireClient:
        client = WireClient(
            CallbackAPIVersion.VERSION2,
            client_id=self._terms.client_id,
            clean_session=None if self._terms.v5 else False,
            protocol=mqtt.MQTTv5 if self._terms.v5 else mqtt.MQTTv311,
            manual_ack=True,
            reconnect_on_failure=False,
        )
        client.connect_timeout = CONNECT_S
        self._terms.address.prepare(client)
        client.on_connect = self._on_connect
        client.on_subscribe = self._on_subscribe
        client.on_message = self._on_message
        return client

    @property
    def alive(self) -> bool:
        """Whether there is anything to turn."""
        return self._client.is_connected() or self._client.socket() is not None

    def acknowledge(self, tokens: Iterable[int]) -> None:
        """Put the acknowledgements of this connection's messages into one piece of bytes; others are let go."""
        out = acknowledgements(tokens, self.number)
        self._unacked -= len(out) // 4
        self.wire.send(out)

    def write(self) -> None:
        """Write what the socket takes now."""
        if self._client.want_write():
            self._client.loop_write()
        self.wire.flush()

    def read(self, full: Callable[[], bool]) -> bool:
        """Read until nothing is there, enough was read, or it is `full`. False ends the connection."""
        for _ in range(BURST):
            if self._client.loop_read() != mqtt.MQTT_ERR_SUCCESS:
                return False
            if not self.wire.pending() or full():
                break
        return True

    def housekeep(self) -> bool:
        """Pings and timeouts. False ends the connection."""
        return self._client.loop_misc() == mqtt.MQTT_ERR_SUCCESS and not self.refused

    def stay(self) -> bool:
        """Stay connected without reading. False ends the connection."""
        self._client.keep_alive_unheard(KEEPALIVE_S)
        return self._client.socket() is not None

    def settled(self, waiting: Iterable[Delivery]) -> bool:
        """Whether all that was taken is acknowledged and written; `waiting` was not taken yet."""
        still = sum(1 for delivery in waiting if connection_of(delivery.token) == self.number and delivery.qos)
        return not self.wire.unsent() and self._unacked <= still

    def close(self) -> None:
        """Say goodbye, if somebody still listens."""
        self.up = False
        if self._client.socket() is not None:
            self._client.disconnect()
            if self._client.wire is not None:
                _quietly(self._client.wire.flush)
                _quietly(self._client.wire.close)

    # --- paho's callbacks -----------------------------------------------------------------------------------------

    def _on_connect(self, client: mqtt.Client, userdata: Any, flags: mqtt.ConnectFlags, reason: Any, properties: Any) -> None:
        if reason.is_failure:
            self.refused = f"the broker refuses the connection: {reason}"
            return
        kept = "old session" if flags.session_present else "new session"
        log.info("connected to %s as %s, %s", self._terms.address, self._terms.client_id, kept)
        # a session that the broker knows has its subscriptions and flows at once. The answer to the subscription below may then
        # wait: rumqttd sends it behind a full window of redelivered messages, which only acknowledgements can move.
        if flags.session_present:
            self._again = _REDELIVERED
            self._open()
        # on every connect, also when the broker knows the session: the filters may be others than last time
        client.subscribe([(item, 1) for item in self._terms.filters])

    def _on_subscribe(self, client: mqtt.Client, userdata: Any, mid: int, reasons: list[Any], properties: Any) -> None:
        pairs = zip(self._terms.filters, reasons, strict=False)
        failed = [f"{name} ({reason})" for name, reason in pairs if reason.is_failure]
        if failed:
            self.refused = f"the broker refuses to subscribe {', '.join(failed)}"
            return
        self._open()

    def _open(self) -> None:
        """Messages can flow."""
        if not self.up:
            self.up = True
            self._opened()

    def _on_message(self, client: mqtt.Client, userdata: Any, message: mqtt.MQTTMessage) -> None:
        try:
            topic = message.topic
        except UnicodeDecodeError:
            # MQTT forbids it, a broker may let it pass: it becomes a name that no topic matches, so it ends in quarantine
            topic = "\ufffd"
        qos = message.qos
        if qos:
            self._unacked += 1
        token = make_token(self.number, message.mid, qos)
        again = bool(message.dup)
        if self._again:
            self._again -= 1
            again = again or qos > 0
        self._deliver(Delivery(token, topic, bytes(message.payload), qos, bool(message.retain), again, self.received_ms))


def _quietly(action: Callable[[], object]) -> None:
    """Closing what may be closed already."""
    try:
        action()
    except OSError as error:
        log.debug("while closing: %s", error)
