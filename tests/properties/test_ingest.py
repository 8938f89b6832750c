"""Whatever arrives: the decoder gives readings that can be stored, or a named reason, and nothing else."""

from __future__ import annotations

import base64
from typing import Any

import orjson
from hypothesis import given, settings
from hypothesis import strategies as st

from citybrain.kernel.errors import PayloadError
from citybrain.kernel.measures import MEASURES
from citybrain.kernel.model import Asset, Device
from citybrain.kernel.register import Register
from ingest.decode import Decoded, Decoder
from ingest.decoders import DECODERS
from ingest.quarantine import IGNORED, NOTES, REASONS
from ingest.registry import load_profiles
from ingest.values import MAX_VALUES

_PROFILES = load_profiles()
_NOW = 1_772_450_466_000
_TOPICS = (
    "city/demo/drain/D-1/telemetry",
    "city/demo/manhole/NEW/telemetry",
    "application/7/device/24e124136b000001/event/up",
    "v3/city/devices/cover-1/up",
    "senml/manhole/a",
    "icra/A/up",
    "fiware/streetlight/x",
    "exedra/x/state",
    "milesight/em400-mud/x/up",
)
_NAMES = sorted(
    {"ts", "values", "seq", "device", "simulated", "history", "time", "deviceInfo", "devEui", "deviceProfileName", "tags"}
    | {"profile", "asset", "object", "data", "fCnt", "fPort", "rxInfo", "rssi", "snr", "uplink_message", "end_device_ids"}
    | {"device_id", "dev_eui", "decoded_payload", "frm_payload", "received_at", "version_ids", "model_id", "devEUI"}
    | {"objectJSON", "bn", "bt", "n", "u", "v", "vb", "t", "id", "sn", "recvTime", "payload", "endDevice", "metering"}
    | {"level", "distance", "position", "history", "timestamp", "value", "unit", "consumption", "address", "powerState"}
    | set(list(MEASURES)[:12])
)
_LEAVES = (
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**64 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=20)
    | st.sampled_from(
        ["em410-rdl", "dc413", "dc410", "ul2020", "wts506", "1700 mm", "22 ℃", "on", "2026-03-02T11:20:00Z", "AQ==", "n/a"]
    )
    | st.integers(_NOW - 10**6, _NOW + 10**6)
)
_JSON = st.recursive(
    _LEAVES,
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(_NAMES) | st.text(max_size=8), inner, max_size=6)
    ),
    max_leaves=25,
)
_MAPS = st.dictionaries(st.sampled_from(_NAMES), _JSON, max_size=8)


def _decoder() -> Decoder:
    register = Register(assets={"D-1": Asset("D-1", "drain", install_height_mm=3000, depth_mm=3200)})
    register.devices["24e124136b000001"] = [Device("24e124136b000001", "D-1", "milesight_em410_rdl")]
    return Decoder(_PROFILES, register, city="demo", auto_register=True, max_future_s=600, max_age_s=366 * 86400)


def _decode(topic: str, payload: bytes) -> Decoded | None:
    try:
        return _decoder().decode(topic, payload, received_ms=_NOW)
    except PayloadError as error:
        fault = error
    assert fault.reason in REASONS
    assert fault.reason != "internal"
    assert len(str(fault)) < 1000
    return None


def _can_be_stored(found: Decoded) -> None:
    if found.ignored is not None:
        assert found.ignored in IGNORED
        assert not found.readings
        return
    assert found.readings
    assert {note.code for note in found.notes} <= set(NOTES)
    for reading in found.readings:
        assert 0 < len(reading.values) <= MAX_VALUES
        assert -(2**63) <= reading.key < 2**63
        assert _NOW - 366 * 86_400_000 <= reading.observed_ms <= _NOW + 600_000
        assert reading.seq is None or 0 <= reading.seq < 2**63
        assert "\x00" not in orjson.dumps([reading.asset, reading.device, reading.values]).decode()
        assert "\\u0000" not in orjson.dumps([reading.asset, reading.device, reading.values]).decode()
        for name, value in reading.values.items():
            measure = MEASURES.get(name)
            assert isinstance(value, bool | int | float | str)
            if measure is not None:
                assert not isinstance(value, str)
                assert measure.low <= value <= measure.high


@settings(max_examples=300, deadline=None)
@given(topic=st.sampled_from(_TOPICS) | st.text(max_size=40), payload=st.binary(max_size=300))
def test_any_bytes(topic: str, payload: bytes) -> None:
    found = _decode(topic, payload)
    if found is not None:
        _can_be_stored(found)


@settings(max_examples=500, deadline=None)
@given(topic=st.sampled_from(_TOPICS), document=_JSON | _MAPS | st.lists(_MAPS, max_size=4))
def test_any_json(topic: str, document: Any) -> None:
    found = _decode(topic, orjson.dumps(document, option=orjson.OPT_NON_STR_KEYS))
    if found is not None:
        _can_be_stored(found)


@settings(max_examples=300, deadline=None)
@given(values=st.dictionaries(st.sampled_from(sorted(MEASURES)) | st.text(max_size=8), _LEAVES, max_size=10), extra=_MAPS)
def test_any_canonical_values(values: dict[str, Any], extra: dict[str, Any]) -> None:
    found = _decode(_TOPICS[0], orjson.dumps({**extra, "ts": _NOW, "values": values}))
    if found is not None:
        _can_be_stored(found)


@settings(max_examples=300, deadline=None)
@given(
    profile=st.sampled_from(sorted(_PROFILES)),
    content=_MAPS,
    time=_LEAVES,
    fcnt=_LEAVES,
    data=st.binary(max_size=20),
    tags=_MAPS,
)
def test_any_object_of_any_profile(
    profile: str, content: dict[str, Any], time: Any, fcnt: Any, data: bytes, tags: dict[str, Any]
) -> None:
    document = {
        "time": time,
        "fCnt": fcnt,
        "data": base64.b64encode(data).decode(),
        "object": content,
        "deviceInfo": {"devEui": "0102030405060708", "tags": {**tags, "profile": profile}},
    }
    found = _decode(_TOPICS[2], orjson.dumps(document))
    if found is not None:
        _can_be_stored(found)


@settings(max_examples=300, deadline=None)
@given(
    name=st.sampled_from(sorted(DECODERS)),
    data=st.binary(max_size=200) | st.text('{}[]:,"a1 .-e\\', max_size=60).map(str.encode),
)
def test_decoders_take_any_bytes(name: str, data: bytes) -> None:
    reason = ""
    found: object = None
    try:
        found = DECODERS[name](data)
    except PayloadError as error:
        reason = error.reason
    assert reason == "undecodable" or isinstance(found, dict)


@settings(max_examples=200, deadline=None)
@given(payload=st.binary(max_size=80), received=st.integers(_NOW, _NOW + 5000))
def test_the_same_message_has_the_same_key(payload: bytes, received: int) -> None:
    message = orjson.dumps({"ts": _NOW, "values": {"note": payload.hex()[:100] or "-"}})
    first = _decoder().decode(_TOPICS[0], message, received_ms=_NOW).readings[0]
    again = _decoder().decode(_TOPICS[0], message, received_ms=received, dup=True).readings[0]
    assert (first.key, first.observed_ms, first.device) == (again.key, again.observed_ms, again.device)
