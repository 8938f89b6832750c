"""The options of a persistent MQTT session, for both versions of the protocol."""

from __future__ import annotations

from typing import Any

from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

EXPIRY_S = 7 * 86400
"""A broker may forget the session (and what it holds for us) after we were away for so long."""
_MAX_INFLIGHT = 65_535


def session_options(v5: bool, queue_size: int) -> dict[str, Any]:
    """Arguments of paho's `connect`: MQTT 5 says there how long the session lives and how much may be unacknowledged."""
    if not v5:
        return {}
    properties: Any = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]  # paho has no types there
    properties.SessionExpiryInterval = EXPIRY_S
    properties.ReceiveMaximum = min(queue_size, _MAX_INFLIGHT)
    return {"clean_start": False, "properties": properties}
