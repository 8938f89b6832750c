"""What a persistent MQTT session asks for, in both versions of the protocol: its options, its filters."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from zlib import crc32

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


def filters_of(subscriptions: Sequence[str], shared: str | None) -> list[str]:
    """The filters to subscribe; with `shared` those that a group of workers has in common.

    Each filter is a group of its own: rumqttd knows a group by its name alone, so of several filters under one name only one
    would get messages, and the others none.
    """
    if shared is None:
        return list(subscriptions)
    return [f"$share/{shared}-{crc32(item.encode()):08x}/{item}" for item in subscriptions]
