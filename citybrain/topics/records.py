"""PURE: what a record of the topics `readings` and `alerts` holds, as JSON that any Kafka tool can read.

    readings  {"v": 1, "readings": [[asset, kind, device, observed_ms, received_ms, {measure: value}, seq, key, window_ms,
               flags], …],
               "tick": [at_ms, real_ms, bridge, leaving] | absent, "assets": [{…}], "devices": [{…}]}
    alerts    {"v": 1, "event": {…}, "trace": "…", "offset": n}

Readings are arrays because tens of thousands pass a second; `docs/asyncapi.yml` names the places.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any, Final, NamedTuple

import orjson

from citybrain.kernel.errors import PayloadError
from citybrain.kernel.events import AlertEvent, Evidence
from citybrain.kernel.model import Asset, Device, Reading

VERSION: Final = 1


class Tick(NamedTuple):
    """The time (city ms) up to which a bridge has handed on all it got, and the machine's time when it said so."""

    at_ms: int
    real_ms: int
    bridge: str
    leaving: bool = False
    """The bridge ends: time goes on without it."""


class Batch(NamedTuple):
    """One record of `readings`. Order: assets and devices that made themselves known, then the readings, then the tick."""

    readings: Sequence[Reading] = ()
    tick: Tick | None = None
    assets: Sequence[Asset] = ()
    devices: Sequence[Device] = ()


def encode(batch: Batch) -> bytes:
    """The record's value."""
    plain: dict[str, Any] = {"v": VERSION, "readings": [tuple(reading) for reading in batch.readings]}
    if batch.tick is not None:
        plain["tick"] = tuple(batch.tick)
    if batch.assets:
        plain["assets"] = [asset_plain(asset) for asset in batch.assets]
    if batch.devices:
        plain["devices"] = [device_plain(device) for device in batch.devices]
    return orjson.dumps(plain)


def decode(value: bytes) -> Batch:
    """The batch in a record's value. Raises PayloadError `bad_record` for what is none."""
    try:
        plain = orjson.loads(value)
        _known(plain)
        tick = plain.get("tick")
        return Batch(
            [Reading(*fields) for fields in plain["readings"]],
            None if tick is None else Tick(*tick),
            [asset_of(one) for one in plain.get("assets", ())],
            [device_of(one) for one in plain.get("devices", ())],
        )
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise PayloadError("bad_record", f"not a record of readings: {type(error).__name__}: {error}") from error


class Alert(NamedTuple):
    """One record of `alerts`: a change, and the trace id of the message behind it ("" when only time was)."""

    event: AlertEvent
    trace: str = ""
    offset: int = -1
    """of the record of `readings` that it came of, in the partition of its asset's shard; -1: of none"""


def encode_alert(alert: Alert) -> bytes:
    """The record's value."""
    event = alert.event
    plain = {**event._asdict(), "evidence": [tuple(one) for one in event.evidence]}
    return orjson.dumps({"v": VERSION, "event": plain, "trace": alert.trace, "offset": alert.offset})


def decode_alert(value: bytes) -> Alert:
    """The alert in a record's value. Raises PayloadError `bad_record` for what is none."""
    try:
        plain = orjson.loads(value)
        _known(plain)
        fields = plain["event"]
        evidence = tuple(Evidence(*one) for one in fields.pop("evidence"))
        return Alert(AlertEvent(**fields, evidence=evidence), plain.get("trace", ""), int(plain.get("offset", -1)))
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise PayloadError("bad_record", f"not a record of alerts: {type(error).__name__}: {error}") from error


def _known(plain: Mapping[str, Any]) -> None:
    if plain.get("v") != VERSION:
        raise PayloadError("bad_record", f"version {plain.get('v')!r}, this program reads {VERSION}")


def asset_plain(asset: Asset) -> dict[str, Any]:
    """An asset without what is empty."""
    found = {name: value for name, value in _fields(asset).items() if value is not None and value != "" and value is not False}
    if not asset.attributes:
        found.pop("attributes", None)
    return found


def _fields(asset: Asset) -> dict[str, Any]:
    fields = {name: getattr(asset, name) for name in Asset.__dataclass_fields__}
    fields["attributes"] = dict(asset.attributes)
    return fields


def asset_of(plain: Mapping[str, Any]) -> Asset:
    """The asset of `asset_plain`. Raises TypeError for a field that this program does not know."""
    return Asset(**plain)


def device_plain(device: Device) -> dict[str, Any]:
    """A device without what is empty; times in ISO 8601."""
    found = asdict(device)
    for name in ("valid_from", "valid_to"):
        found[name] = found[name].isoformat() if found[name] is not None else None
    return {name: value for name, value in found.items() if value is not None}


def device_of(plain: Mapping[str, Any]) -> Device:
    """The device of `device_plain`."""
    times = {name: datetime.fromisoformat(plain[name]) for name in ("valid_from", "valid_to") if name in plain}
    return Device(**{**plain, **times})
