"""PURE: the canonical message, `city/{city}/{kind}/{asset}/telemetry` with {"ts": …, "values": {…}}: the hot path of ingest.

    {"ts": ISO 8601 with zone | epoch s | epoch ms, "values": {measure: value}, "seq": int, "device": id,
     "simulated": bool, "history": bool}

Only `values` must be there. Without `ts` the time of receipt stands in; the device's id defaults to the asset's. Other keys are
left alone. `device`, `simulated` and `history` decide what is done with the message, so a wrong type there refuses it; a wrong
`seq` or value is only left out.
"""

from __future__ import annotations

from hashlib import blake2b
from typing import Any

from citybrain.kernel.errors import PayloadError
from citybrain.kernel.model import Asset, Flag, Reading, Value
from ingest.moments import moment_ms
from ingest.payload import find_duplicate_key, parse_fast
from ingest.topics import valid_id
from ingest.values import Note, derive_levels, take_all

REDELIVERY_WINDOW_MS = 60_000
"""A message without a time that may have been delivered before, or has a number, is the same message within this time."""
_HISTORY = int(Flag.HISTORY)
_SIMULATED = int(Flag.SIMULATED)
_NO_TIME = int(Flag.NO_DEVICE_TIME)
_MAX_SEQ = 2**63 - 1


def read(
    asset: Asset,
    payload: bytes,
    *,
    received_ms: int,
    dup: bool,
    max_future_ms: float,
    max_age_ms: float,
) -> tuple[Reading, tuple[Note, ...]]:
    """The reading in a canonical message about an asset. Raises PayloadError."""
    message = parse_fast(payload)
    if type(message) is not dict:
        raise PayloadError("not_object", f"the message is {json_kind(message)}")
    given = values_of(message)
    # every colon of the text belongs to a key or to a string; if the counts differ a key may have come twice
    colons = payload.count(b":") - len(message) - len(given)
    stamp = message.get("ts")
    if type(stamp) is str:
        colons -= stamp.count(":")
    if colons or b"\\" in payload:
        find_duplicate_key(payload)
    return reading(
        asset,
        message,
        given,
        int.from_bytes(blake2b(payload, digest_size=8).digest(), "big", signed=True),
        received_ms,
        dup,
        max_future_ms,
        max_age_ms,
    )


def values_of(message: dict[str, Any]) -> dict[str, Any]:
    """The values in a message. Raises PayloadError missing_field or bad_field."""
    given = message.get("values")
    if type(given) is not dict:
        raise PayloadError(
            "missing_field" if given is None else "bad_field", 'give the readings as "values": {"measure": value}'
        )
    return given


def reading(
    asset: Asset,
    message: dict[str, Any],
    given: dict[str, Any],
    key: int,
    received_ms: int,
    dup: bool,
    max_future_ms: float,
    max_age_ms: float,
) -> tuple[Reading, tuple[Note, ...]]:
    """The reading in a parsed message with the values `given` and the dedupe key `key`. Raises PayloadError."""
    flags = window_ms = 0
    device: str = asset.id
    seq: int | None = None
    stamp: Any = message.get("ts")
    if stamp is None:
        observed_ms = received_ms
        flags = _NO_TIME
    else:
        observed_ms = stamp if type(stamp) is int and stamp >= 100_000_000_000 else moment_ms(stamp)
        check_time(observed_ms, received_ms, max_future_ms, max_age_ms)
    if len(message) > 2 or stamp is None:
        device = message.get("device", device)
        if device != asset.id and not valid_id(device):
            raise PayloadError("bad_id", "device")
        seq = message.get("seq")
        if _flag(message, "simulated"):
            flags |= _SIMULATED
        if _flag(message, "history"):
            flags |= _HISTORY
    values: dict[str, Value] = {}
    notes = take_all(given, values)
    if seq is not None and not (type(seq) is int and 0 <= seq <= _MAX_SEQ):
        seq = None
        notes = (*notes, Note("seq", "wrong_type"))
    if stamp is None and (dup or seq is not None):
        # the time of receipt cannot tell a repeat; a number of its own, or the broker's word, can
        window_ms = REDELIVERY_WINDOW_MS
    if not values:
        raise PayloadError("no_values", "; ".join(f"{note.name} {note.code}" for note in notes[:8]) or '"values" is empty')
    if asset.install_height_mm is not None or asset.depth_mm is not None:
        derive_levels(values, asset)
    return Reading(asset.id, asset.kind, device, observed_ms, received_ms, values, seq, key, window_ms, flags), notes


def check_time(observed_ms: int, received_ms: int, max_future_ms: float, max_age_ms: float) -> None:
    """Raises PayloadError time_in_future or time_too_old for what cannot be a reading of now."""
    if observed_ms - received_ms > max_future_ms:
        raise PayloadError("time_in_future", f"{(observed_ms - received_ms) / 1000:.0f} s ahead of the receipt")
    if received_ms - observed_ms > max_age_ms:
        raise PayloadError("time_too_old", f"{(received_ms - observed_ms) / 86_400_000:.0f} days before the receipt")


def _flag(message: dict[str, Any], key: str) -> bool:
    value = message.get(key)
    if value is None or value is False:
        return False
    if value is True:
        return True
    raise PayloadError("bad_field", f'"{key}" must be true or false')


def json_kind(value: object) -> str:
    """What kind of thing of JSON a value is, for a message."""
    return {list: "an array", str: "a text", bool: "a boolean", type(None): "null"}.get(type(value), "a number")
