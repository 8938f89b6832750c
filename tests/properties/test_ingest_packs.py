"""A pack is as good as its readings singly: the same readings, the same refusals, the same keys wherever it is sent again."""

from __future__ import annotations

import json
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from citybrain.kernel.errors import PayloadError
from citybrain.kernel.model import Asset
from citybrain.kernel.register import Register
from ingest.decode import Decoder
from ingest.decoded import Decoded
from ingest.payload import find_duplicates_in
from ingest.registry import load_profiles
from tests.properties.test_ingest import _JSON, _LEAVES, _can_be_stored

_PROFILES = load_profiles()
_NOW = 1_772_450_466_000
_PACK = "city/demo/gateway/G-1/pack"
_VALUES = st.dictionaries(st.sampled_from(["level_mm", "tilt_deg", "note", "battery_low"]), _LEAVES, max_size=4)
_TIMES = st.integers(_NOW - 10**6, _NOW + 10**6) | st.sampled_from(["2026-03-02T11:20:00Z", "never", None])
_READING = st.fixed_dictionaries(
    {"asset": st.sampled_from(["D-1", "MH-1", "N:1", "N-2"]), "kind": st.sampled_from(["drain", "manhole"]), "values": _VALUES},
    optional={"ts": _TIMES, "seq": _LEAVES, "device": _LEAVES, "simulated": _LEAVES, "history": st.booleans(), "more": _JSON},
)


def _decoder() -> Decoder:
    assets = {"D-1": Asset("D-1", "drain", install_height_mm=3000, depth_mm=3200), "MH-1": Asset("MH-1", "manhole")}
    return Decoder(_PROFILES, Register(assets=assets), city="demo", auto_register=True, max_future_s=600, max_age_s=366 * 86400)


def _pack(texts: list[bytes]) -> bytes:
    return b'{"readings":[' + b",".join(texts) + b"]}"


def _decode(payload: bytes) -> Decoded:
    return _decoder().decode(_PACK, payload, received_ms=_NOW)


@settings(max_examples=300, deadline=None)
@given(readings=st.lists(_READING, min_size=1, max_size=8), dup=st.booleans())
def test_a_pack_is_its_readings(readings: list[dict[str, Any]], dup: bool) -> None:
    one_by_one = _decoder()
    singly: list[tuple[Any, ...] | str] = []
    for reading in readings:
        name = reading["asset"]
        payload = orjson.dumps({key: value for key, value in reading.items() if key not in {"asset", "kind"}})
        try:
            found = one_by_one.decode(f"city/demo/{reading['kind']}/{name}/telemetry", payload, received_ms=_NOW, dup=dup)
        except PayloadError as error:
            singly.append(error.reason)
            continue
        one_by_one.register.assets.update({asset.id: asset for asset in found.new_assets})
        singly.append(found.readings[0]._replace(key=0))
    packed = _decoder().decode(_PACK, orjson.dumps({"readings": readings}), received_ms=_NOW, dup=dup)
    assert [reading._replace(key=0) for reading in packed.readings] == [one for one in singly if not isinstance(one, str)]
    assert [one.reason for one in packed.refused] == [one for one in singly if isinstance(one, str)]
    assert {asset.id for asset in packed.new_assets} == set(one_by_one.register.assets) - {"D-1", "MH-1"}


@settings(max_examples=300, deadline=None)
@given(items=st.lists(_READING | _JSON, min_size=1, max_size=5))
def test_any_pack(items: list[Any]) -> None:
    found = _decode(orjson.dumps({"readings": items}, option=orjson.OPT_NON_STR_KEYS))
    assert len(found.readings) + len(found.refused) == len(items)
    assert "internal" not in {one.reason for one in found.refused}
    assert all(len(one.detail) < 1000 for one in found.refused)
    if found.readings:
        _can_be_stored(found)
    for one in found.refused:
        # what lies in quarantine can be tried again as a message of its own, and is refused for the same reason; what is said
        # of a stranger depends on the readings before it
        if b'"asset":"N' in one.payload:
            continue
        (again,) = _decode(one.payload).refused
        assert (again.payload, again.reason) == (one.payload, one.reason)


@settings(max_examples=200, deadline=None)
@given(readings=st.lists(_READING, min_size=1, max_size=6), order=st.randoms())
def test_a_reading_keeps_its_key_in_another_pack(readings: list[dict[str, Any]], order: Any) -> None:
    # of known assets: what becomes of a stranger depends on who comes first
    texts = [orjson.dumps({**reading, "asset": "D-1", "kind": "drain"}) for reading in readings]
    first = _decode(_pack(texts))
    order.shuffle(texts)
    second = _decode(_pack(texts))
    assert sorted(one.key for one in first.readings) == sorted(one.key for one in second.readings)


_PAIRS = st.recursive(
    st.sampled_from(["1", '"a:b"', '"[{\\",:"', "null"]),
    lambda inner: (
        st.lists(inner, max_size=3).map(lambda items: "[" + ",".join(items) + "]")
        | st.lists(st.tuples(st.sampled_from(['"a"', '"b"', '"readings"', '"\\u0061"']), inner), max_size=4).map(
            lambda pairs: "{" + ",".join(f"{key}:{value}" for key, value in pairs) + "}"
        )
    ),
    max_leaves=12,
)


def _twice(text: str) -> bool:
    """Whether a key stands twice in an object of a text, by a parser that keeps all pairs."""
    found = False

    def look(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        nonlocal found
        found = found or len({key for key, _ in pairs}) < len(pairs)
        return dict(pairs)

    json.loads(text, object_pairs_hook=look)
    return found


@settings(max_examples=500, deadline=None)
@given(items=st.lists(_PAIRS, max_size=5), outside=_PAIRS)
def test_duplicate_keys_are_found_where_they_are(items: list[str], outside: str) -> None:
    text = '{"x":' + outside + ', "readings" : [' + " , ".join(items) + "]}"
    if _twice(outside):
        with pytest.raises(PayloadError, match="duplicate_key"):
            find_duplicates_in(text.encode(), "readings")
        return
    found = find_duplicates_in(text.encode(), "readings")
    assert sorted(found) == [place for place, item in enumerate(items) if _twice(item)]
    assert all(found[place][1].decode() == items[place] for place in found)
