"""The publisher of the simulated city: MQTT, QoS 1, few messages in flight at once, acknowledgements counted exactly."""

from __future__ import annotations

import logging
import queue
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable
from typing import Protocol
from urllib.parse import unquote, urlsplit

from paho.mqtt.client import Client, ConnectFlags, DisconnectFlags, MQTTMessageInfo
from paho.mqtt.enums import CallbackAPIVersion, MQTTErrorCode, MQTTProtocolVersion
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

from citybrain.clock import Clock, real_ms
from citybrain.kernel.errors import CityBrainError, UnavailableError
from simulators.ledger import Ledger
from simulators.world import Emission

log = logging.getLogger(__name__)

INFLIGHT = 500
"""messages that may wait for their acknowledgement; more would only hide a broker that does not keep up"""
_PAUSE_S = 0.002


class Publisher:
    """One MQTT client. Use it from one thread; the network has a thread of its own.

    `on_publish` of paho runs in the network thread and only notes the number; the account is kept by the calling thread, so
    that no acknowledgement can come before its message is written down.
    """

    def __init__(self, url: str, ledger: Ledger, *, client_id: str, inflight: int = INFLIGHT) -> None:
        parts = urlsplit(url)
        self._host, self._port = parts.hostname or "127.0.0.1", parts.port or (8883 if parts.scheme == "mqtts" else 1883)
        self.ledger, self._inflight = ledger, inflight
        self._acks: deque[int] = deque()
        self._up = threading.Event()
        # a session that stays lets the broker know a message that is sent again after a lost connection
        self._client = Client(
            CallbackAPIVersion.VERSION2, client_id=client_id, clean_session=False, protocol=MQTTProtocolVersion.MQTTv311
        )
        self._client.max_inflight_messages_set(inflight)
        self._client.max_queued_messages_set(0)
        self._client.reconnect_delay_set(1, 5)
        if parts.username:
            self._client.username_pw_set(unquote(parts.username), unquote(parts.password or "") or None)
        if parts.scheme == "mqtts":
            self._client.tls_set()
        self._client.on_connect = self._on_connect
        self._client.on_disconnect = self._on_disconnect
        self._client.on_publish = self._on_publish

    def start(self, wait_s: float = 10) -> None:
        """Connect. Raises UnavailableError after `wait_s` real seconds."""
        self._client.connect_async(self._host, self._port, keepalive=30)
        self._client.loop_start()
        if not self._up.wait(wait_s):
            self._client.loop_stop()
            raise UnavailableError(f"no MQTT broker at {self._host}:{self._port} within {wait_s:g} s")

    def publish(self, emission: Emission) -> None:
        """Send one message; waits while too many are in flight."""
        self.settle()
        while self.ledger.in_flight >= self._inflight:
            time.sleep(_PAUSE_S)
            self.settle()
        sent_ms = real_ms()
        info: MQTTMessageInfo = self._client.publish(emission.topic, emission.payload, qos=1)
        if info.rc not in {MQTTErrorCode.MQTT_ERR_SUCCESS, MQTTErrorCode.MQTT_ERR_NO_CONN}:
            raise UnavailableError(f"the MQTT client refused a message: {info.rc!r}")
        self.ledger.sending(info.mid, emission, sent_ms)

    def settle(self) -> None:
        """Write down the acknowledgements that came."""
        acks = self._acks
        while acks:
            self.ledger.acknowledged(acks.popleft())

    def drain(self, wait_s: float) -> int:
        """Wait until everything is acknowledged; how many messages are not after `wait_s` real seconds."""
        deadline = time.monotonic() + wait_s
        self.settle()
        while self.ledger.in_flight and time.monotonic() < deadline:
            time.sleep(0.01)
            self.settle()
        return self.ledger.in_flight

    def stop(self) -> None:
        """Disconnect."""
        self._client.disconnect()
        self._client.loop_stop()

    def _on_connect(
        self, _client: Client, _data: object, _flags: ConnectFlags, reason: ReasonCode, _properties: Properties | None
    ) -> None:
        if reason.is_failure:
            log.warning("the MQTT broker refuses us: %s", reason)
        else:
            self._up.set()

    def _on_disconnect(
        self, _client: Client, _data: object, _flags: DisconnectFlags, reason: ReasonCode, _properties: Properties | None
    ) -> None:
        if reason.is_failure:
            log.warning("connection to the MQTT broker lost: %s; trying again", reason)

    def _on_publish(
        self, _client: Client, _data: object, mid: int, _reason: ReasonCode, _properties: Properties | None
    ) -> None:
        self._acks.append(mid)


class LivingWorld(Protocol):
    """What the player needs of a world."""

    def advance(self, to_ms: int) -> list[Emission]:
        """Let the time pass; what the devices sent."""
        ...

    def repair(self, asset: str, at_ms: int) -> bool:
        """Put an asset right."""
        ...


class Player:
    """Plays a world in city time: lets it advance to the clock's time and publishes what its devices send.

    The world is touched by the thread of `run` only; repairs come through a queue.
    """

    def __init__(
        self,
        world: LivingWorld,
        clock: Clock,
        send: Callable[[Emission], None],
        settle: Callable[[], None],
        *,
        on_step: Callable[[int], None] = lambda now_ms: None,
    ) -> None:
        """`send` publishes one message, `settle` books acknowledgements; `on_step(now_ms)` is called before each step."""
        self._world, self._clock, self._send, self._settle, self._on_step = world, clock, send, settle, on_step
        self._repairs: queue.SimpleQueue[tuple[str, int]] = queue.SimpleQueue()
        self._stop = threading.Event()
        self.behind_s = 0.0
        """How far publishing was behind the clock at the last step, city seconds."""
        self.world_ms = 0
        """To which time of the city the world has come."""
        self.failure: CityBrainError | None = None
        """What ended `run` before `stop`."""

    def repair(self, asset: str, at_ms: int) -> None:
        """Put an asset right at a time of the city. May be called from any thread."""
        self._repairs.put((asset, at_ms))

    def stop(self) -> None:
        """Let `run` return after the message in hand."""
        self._stop.set()

    def step(self) -> int:
        """Let the world advance to now and publish; how many messages."""
        while True:
            try:
                asset, at_ms = self._repairs.get_nowait()
            except queue.Empty:
                break
            self._world.repair(asset, at_ms)
        now = self._clock.now_ms()
        self._on_step(now)
        number = self._publish(self._world.advance(now))
        self.world_ms = now
        self.behind_s = (self._clock.now_ms() - now) / 1000
        return number

    def _publish(self, emissions: Iterable[Emission]) -> int:
        number = 0
        for emission in emissions:
            if self._stop.is_set():
                break
            self._send(emission)
            number += 1
        return number

    def run(self, *, pause_s: float = 0.01) -> None:
        """Step until `stop`; sleeps `pause_s` real seconds between steps."""
        try:
            while not self._stop.is_set():
                self.step()
                self._settle()
                self._stop.wait(pause_s)
        except CityBrainError as error:
            self.failure = error
