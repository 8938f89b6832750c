"""PURE: an envelope that was opened, and the small checks that all envelopes share."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from citybrain.kernel.errors import PayloadError
from ingest.topics import valid_id


@dataclass(slots=True)
class Opened:
    """One message without its wrapping."""

    devices: tuple[str, ...] = ()
    """Ids by which the register may know the device, the best first. Empty: the profile says where the id is."""
    object: Any = None
    """The decoded object, when the server decodes."""
    data: bytes | None = None
    """The bytes of the device, when the server hands them on."""
    facts: dict[str, Any] = field(default_factory=dict)
    """What paths with @ see: device, time, fport, seq, rssi, snr, session, topic1…"""
    brand: str | None = None
    models: tuple[str, ...] = ()
    """Names of the device model as the server has them."""
    profile: str | None = None
    """A profile that the device's tags name."""
    asset: str | None = None
    """An asset that the device's tags name."""
    simulated: bool = False
    position: tuple[float, float] | None = None
    """Latitude and longitude, when the server knows them."""
    dedupe: tuple[Any, ...] | None = None
    """What names the uplink, whatever gateway it came through and however often it was repeated."""
    parts: tuple[tuple[Any, dict[str, Any]], ...] = ()
    """When the message holds several objects with times of their own: each with the facts that differ."""
    ignored: str | None = None
    """Set when the message is no uplink; then nothing else is."""


def an_object(value: Any, what: str) -> dict[str, Any]:
    """The value when it is an object. Raises PayloadError missing_field or bad_field."""
    if isinstance(value, dict):
        return value
    raise PayloadError("missing_field" if value is None else "bad_field", f"{what} must be an object")


def maybe_object(value: Any) -> dict[str, Any]:
    """The value when it is an object, else an empty one, for fields that are nice to have."""
    return value if isinstance(value, dict) else {}


def objects(value: Any) -> list[dict[str, Any]]:
    """The objects in a list; what is none is passed over, for fields that are nice to have."""
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def text(value: Any) -> str | None:
    """A text that is not empty, or None."""
    return value if isinstance(value, str) and value else None


def an_eui(value: Any, what: str) -> str:
    """A device EUI in capital letters. Raises PayloadError."""
    if not isinstance(value, str) or not value:
        raise PayloadError("missing_field" if value is None else "bad_field", f"{what} must be a text")
    if not valid_id(value):
        raise PayloadError("bad_id", what)
    return value.upper()


def count(value: Any) -> int:
    """A counter whose zero a server leaves out: None is 0. Raises PayloadError bad_field."""
    if value is None:
        return 0
    if type(value) is not int or not 0 <= value < 2**63:
        raise PayloadError("bad_field", "a counter must be a whole number from 0")
    return value


def best_radio(gateways: Any, snr_key: str) -> dict[str, float]:
    """rssi and snr at the gateway that heard the device best."""
    best: dict[str, float] = {}
    for gateway in objects(gateways):
        rssi, snr = gateway.get("rssi"), gateway.get(snr_key)
        if isinstance(rssi, int | float) and not isinstance(rssi, bool) and rssi > best.get("rssi", -1000):
            best = {"rssi": rssi}
            # proto-JSON leaves a ratio of exactly 0 out
            snr = 0.0 if snr is None else snr
            if isinstance(snr, int | float) and not isinstance(snr, bool):
                best["snr"] = snr
    return best


def location(value: Any) -> tuple[float, float] | None:
    """Latitude and longitude of an object that has them and is not the (0, 0) of nobody knows."""
    if not isinstance(value, dict):
        return None
    parts = [
        float(part)
        for part in (value.get("latitude"), value.get("longitude"))
        if isinstance(part, int | float) and not isinstance(part, bool)
    ]
    if len(parts) != 2:
        return None
    lat, lon = parts
    return (lat, lon) if -90 <= lat <= 90 and -180 <= lon <= 180 and (lat, lon) != (0, 0) else None
