"""The canary's sender: every few seconds a test message to the broker, from a process other than the one that takes it."""

from __future__ import annotations

import logging
import threading

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion, MQTTErrorCode, MQTTProtocolVersion
from paho.mqtt.reasoncodes import ReasonCode

from citybrain.clock import real_ms
from citybrain.config import Settings
from citybrain.kernel import canary
from citybrain.metrics import Metrics
from ingest.address import Address

log = logging.getLogger(__name__)


class Canary:
    """A client of the broker in threads of its own. `start` it, `stop` it. With `canary_s` 0 it does nothing.

    `sender` is the client id: one sender of a name at a time. What cannot be sent now is not sent later: an old test message
    would say nothing.
    """

    def __init__(self, settings: Settings, metrics: Metrics, sender: str) -> None:
        self._every_s, self._topic, self._sent = settings.canary_s, canary.topic(settings.city), metrics.canary_sent
        self._address, self._sender = Address.of(settings), sender
        self._up, self._end = threading.Event(), threading.Event()
        v5 = settings.mqtt_protocol == "5"
        self._client = paho.Client(
            CallbackAPIVersion.VERSION2,
            client_id=sender,
            clean_session=None if v5 else True,
            protocol=MQTTProtocolVersion.MQTTv5 if v5 else MQTTProtocolVersion.MQTTv311,
        )
        self._address.prepare(self._client)
        self._client.reconnect_delay_set(1, 30)
        self._client.on_connect = self._on_connect
        self._client.on_disconnect = self._on_disconnect
        self._thread = threading.Thread(target=self._run, name="canary", daemon=True)

    def start(self) -> Canary:
        """Begin to connect and to send; returns at once."""
        if self._every_s > 0:
            self._client.connect_async(self._address.host, self._address.port, keepalive=30)
            self._client.loop_start()
            self._thread.start()
        return self

    def stop(self) -> None:
        """Send no more."""
        self._end.set()
        if self._thread.is_alive():
            self._thread.join(2)
            self._client.disconnect()
            self._client.loop_stop()

    def _run(self) -> None:
        self._up.wait(self._every_s)
        while not self._end.is_set():
            if self._up.is_set():
                done = self._client.publish(self._topic, canary.message(real_ms(), self._sender), qos=1)
                if done.rc == MQTTErrorCode.MQTT_ERR_SUCCESS:
                    self._sent.inc()
            self._end.wait(self._every_s)

    def _on_connect(self, _client: object, _data: object, _flags: object, reason: ReasonCode, _more: object) -> None:
        if reason.is_failure:
            log.warning("the broker at %s refuses the canary: %s", self._address, reason)
        else:
            self._up.set()

    def _on_disconnect(self, _client: object, _data: object, _flags: object, reason: ReasonCode, _more: object) -> None:
        self._up.clear()
        if reason.is_failure:
            log.warning("the canary lost the broker at %s: %s", self._address, reason)
