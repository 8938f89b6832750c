"""Messages to the broker once more: a retry out of quarantine, a replay of a file."""

from __future__ import annotations

from collections.abc import Sequence

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion

from citybrain.kernel.errors import UnavailableError
from ingest.address import Address

_WAIT_S = 15.0
_UNDER_WAY = 100


def publish_again(address: Address, messages: Sequence[tuple[str, bytes]]) -> None:
    """Publish (topic, payload) pairs with QoS 1, in order; returns when the broker has acknowledged all.

    Raises UnavailableError. Some may have arrived then: trying again is safe, a repeated message is recognised.
    """
    client = mqtt.Client(CallbackAPIVersion.VERSION2, reconnect_on_failure=False)
    address.prepare(client)
    client.max_inflight_messages_set(_UNDER_WAY)
    try:
        client.connect(address.host, address.port)
    except OSError as error:
        raise UnavailableError(f"no broker at {address}: {error}") from error
    client.loop_start()
    try:
        for info in [client.publish(topic, payload, qos=1) for topic, payload in messages]:
            info.wait_for_publish(_WAIT_S)
            if not info.is_published():
                raise UnavailableError(f"the broker at {address} does not acknowledge")
    except (RuntimeError, ValueError) as error:
        raise UnavailableError(f"the broker at {address} did not take a message: {error}") from error
    finally:
        client.disconnect()
        client.loop_stop()
