"""Records of `readings` and `alerts`: there and back, in a form that any tool can read, and refused when they are none."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from citybrain.kernel.errors import PayloadError
from citybrain.kernel.events import AlertEvent, Evidence
from citybrain.kernel.model import Asset, Device, Reading
from citybrain.topics.headers import TYPES, headers, value_of
from citybrain.topics.records import Alert, Batch, Tick, decode, decode_alert, encode, encode_alert
from citybrain.topics.spec import ALERT_PARTITIONS, TOPICS, alert_partition

_INT = st.integers(-(2**63), 2**63 - 1)
_TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
_ID = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=20)
_READINGS = st.builds(
    Reading,
    _TEXT,
    st.sampled_from(["drain", "manhole"]),
    _TEXT,
    _INT,
    _INT,
    st.dictionaries(_TEXT, st.floats(allow_nan=False, allow_infinity=False) | st.booleans() | _TEXT, max_size=4),
    st.none() | st.integers(0, 2**63 - 1),
    _INT,
    st.integers(0, 10**9),
    st.integers(0, 7),
)
_ASSETS = st.builds(Asset, _ID, _ID, lat=st.none() | st.floats(-90, 90), provisional=st.booleans(), name=_TEXT)
_DEVICES = st.builds(Device, _ID, _ID, st.none() | _TEXT, st.none() | st.datetimes(timezones=st.just(UTC)))
_TICKS = st.builds(Tick, _INT, _INT, _TEXT, st.booleans())


@given(
    st.builds(
        Batch,
        st.lists(_READINGS, max_size=4),
        st.none() | _TICKS,
        st.lists(_ASSETS, max_size=2),
        st.lists(_DEVICES, max_size=2),
    )
)
def test_a_batch_comes_back_as_it_went(batch: Batch) -> None:
    assert decode(encode(batch)) == batch


def test_an_alert_comes_back_as_it_went() -> None:
    event = AlertEvent(
        "id", "raised", "open", "level_high", "D-1", "drain", "major", 5, 6, "level_high", "1 > 0",
        evidence=(Evidence("level_mm", 1200.0, 5),), rulebook="abc",
    )  # fmt: skip
    assert decode_alert(encode_alert(Alert(event, "t" * 32))) == Alert(event, "t" * 32)


@pytest.mark.parametrize("decoder", [decode, decode_alert])
@pytest.mark.parametrize(
    "value",
    [b"", b"x", b"[]", b"7", b"null", b'{"v":2}', b"{}", b'{"v":1}', b'{"v":1,"readings":[[1]],"event":{"evidence":[]}}',
     b'{"v":1,"readings":[],"tick":[1],"event":7}', b'{"v":1,"readings":[],"assets":[{"colour":"red"}],"event":null}'],
)  # fmt: skip
def test_what_is_no_record_has_a_reason(decoder: Any, value: bytes) -> None:
    with pytest.raises(PayloadError, match="bad_record"):
        decoder(value)


def test_headers_are_those_of_cloudevents() -> None:
    at = datetime(2026, 3, 2, 11, 21, 6, 123456, UTC)
    found = headers(
        "rejected", id="7", source="citybrain/ingest/b1", at=at, traceparent="00-a-b-01", reason="empty", detail="ü\ud800"
    )
    assert dict(found) == {
        "ce_specversion": b"1.0",
        "ce_id": b"7",
        "ce_source": b"citybrain/ingest/b1",
        "ce_type": b"city.rejected.v1",
        "ce_time": b"2026-03-02T11:21:06.123+00:00",
        "content-type": b"application/json",
        "schema": b"1",
        "traceparent": b"00-a-b-01",
        "reason": b"empty",
        "detail": "ü?".encode(),
    }
    assert value_of(found, "reason") == "empty"
    assert value_of(found, "nothing") == value_of(None, "reason") == ""
    assert "traceparent" not in dict(headers("tick", id="7", source="x", at=at))
    assert {name.split(".")[1] for name in TYPES.values()} == {"readings", "tick", "alert", "rejected", "register"}


def test_topics_keep_what_must_be_kept() -> None:
    by_name = {topic.name: topic for topic in TOPICS}
    assert by_name["readings"].partitions == 32
    assert by_name["register"].config()["cleanup.policy"] == "compact"
    assert "retention.ms" not in by_name["register"].config()
    assert by_name["readings"].config()["retention.ms"] == str(7 * 86_400_000)
    # with three replicas a record is on two disks before it counts; with one or two a broker may be away
    assert [by_name["alerts"].config(n)["min.insync.replicas"] for n in (1, 2, 3)] == ["1", "1", "2"]
    assert {alert_partition(shard) for shard in range(32)} == set(range(ALERT_PARTITIONS))
    assert orjson.loads(encode(Batch())) == {"v": 1, "readings": []}
