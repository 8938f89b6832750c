"""PURE: a message from the broker, and the token that acknowledges it.

A token holds the number of the connection, a bit that says whether there is anything to acknowledge (QoS 1), and the packet id.
Packet ids are used anew by every connection, so an acknowledgement that comes too late must not meet a new message.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

_ACKNOWLEDGE = 0x10000
_PUBACK = b"\x40\x02"
"""The same four bytes acknowledge in MQTT 3.1.1 and, with the reason "success" left out, in MQTT 5."""


class Delivery(NamedTuple):
    """One message from the broker. `token` acknowledges it; `received_ms` is city time, ms since the epoch."""

    token: int
    topic: str
    payload: bytes
    qos: int
    retained: bool
    dup: bool
    received_ms: int


def make_token(connection: int, packet_id: int, qos: int) -> int:
    """The token of a message of a connection."""
    return connection << 17 | (_ACKNOWLEDGE | packet_id if qos else 0)


def connection_of(token: int) -> int:
    """The number of the connection on which a message came."""
    return token >> 17


def acknowledgements(tokens: Iterable[int], connection: int) -> bytes:
    """The PUBACK packets for the tokens of a connection; those of another connection give none."""
    out = bytearray()
    for token in tokens:
        if token >> 17 == connection and token & _ACKNOWLEDGE:
            out += _PUBACK + (token & 0xFFFF).to_bytes(2, "big")
    return bytes(out)
