"""What of a batch of records is new, what its records hold, and when a service is behind."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from citybrain.kernel import canary
from citybrain.kernel.errors import CityBrainError, InputError, StateError, UnavailableError
from citybrain.kernel.events import AlertEvent
from citybrain.kernel.ids import shard_of
from citybrain.kernel.model import Asset, Device, Reading
from citybrain.runtime.cluster.archive import unpack
from citybrain.runtime.cluster.dispatch import read
from citybrain.runtime.cluster.drain import choose, without
from citybrain.runtime.cluster.watching import lag_check
from citybrain.store.db import ConstraintError
from citybrain.store.link import refuses
from citybrain.topics.consumer import Lag, Place, Record
from citybrain.topics.records import Alert, Batch, encode, encode_alert

AT: Place = ("readings", 3)


def record(offset: int, value: bytes = b"", topic: str = "readings", partition: int = 3, **headers: str) -> Record:
    return Record(topic, partition, offset, 0, None, value, [(key, text.encode()) for key, text in headers.items()])


def some(first: int, last: int) -> dict[Place, list[Record]]:
    return {AT: [record(offset) for offset in range(first, last)]}


def test_what_follows_on_the_position_is_taken() -> None:
    found = choose(some(5, 8), {AT: 5}, {})
    assert [one.offset for one in found.records] == [5, 6, 7]
    assert found.next_offsets == {AT: 8}
    assert found.astray == []


def test_what_lies_below_the_position_is_left_out() -> None:
    found = choose(some(5, 8), {AT: 7}, {})
    assert [one.offset for one in found.records] == [7]
    assert found.next_offsets == {AT: 8}


def test_a_batch_of_known_records_is_astray_and_moves_nothing() -> None:
    # a zombie's, or those of a log that began anew: where to go on is asked again
    assert choose(some(5, 8), {AT: 8}, {}) == ([], {}, [AT])


def test_a_batch_that_leaves_records_out_is_astray() -> None:
    assert choose(some(5, 8), {AT: 4}, {}) == ([], {}, [AT])
    assert choose(some(5, 8), {}, {}) == ([], {}, [AT])


def test_records_that_were_deleted_before_anybody_took_them_are_not_waited_for() -> None:
    assert choose(some(5, 8), {AT: 4}, {AT: 5}).next_offsets == {AT: 8}
    assert choose(some(5, 8), {AT: 4}, {AT: 4}).astray == [AT]


@given(st.lists(st.tuples(st.integers(0, 40), st.integers(0, 12)), max_size=30))
def test_however_batches_come_each_record_is_taken_once_and_in_order(batches: list[tuple[int, int]]) -> None:
    held: dict[Place, int] = {}
    taken: list[int] = []
    for first, count in batches:
        if count:
            found = choose(some(first, first + count), held, {})
            taken += [one.offset for one in found.records]
            held |= found.next_offsets
    assert taken == list(range(len(taken)))
    assert held.get(AT, 0) == len(taken)


def test_partitions_that_come_too_early_are_left_for_later() -> None:
    other: Place = ("alerts", 1)
    found = choose({AT: [record(0)], other: [record(0, topic="alerts", partition=1)]}, {}, {})
    left = without(found, {AT})
    assert [(one.topic, one.partition) for one in left.records] == [other]
    assert left.next_offsets == {other: 1}
    assert left.astray == [AT]


def reading(asset: str, kind: str = "manhole") -> Reading:
    return Reading(asset, kind, "dev", 1000, 1001, {"tilt_deg": 1.0})


def test_readings_of_rain_are_unpacked_in_their_own_shard_only() -> None:
    rain, cover = reading("rg-1", "rain_gauge"), reading("mh-1")
    for shard in range(32):
        found = unpack([record(0, encode(Batch([rain, cover])), partition=shard)])
        assert found.readings == ([rain, cover] if shard == shard_of("rg-1") else [cover])


def test_what_made_itself_known_is_unpacked_with_its_readings() -> None:
    batch = Batch([reading("mh-1")], assets=[Asset("mh-1", "manhole", provisional=True)], devices=[Device("d", "mh-1")])
    found = unpack([record(0, encode(batch)), record(1, encode(batch))])
    assert list(found.assets) == ["mh-1"]
    assert [device.id for device in found.devices] == ["d", "d"]
    assert len(found.readings) == 2


def test_a_rejected_message_keeps_its_bytes_and_what_its_headers_say() -> None:
    sent = record(0, b"\xff{", topic="x-rejected", topic_="", reason="not_json", detail="why")
    named = sent._replace(headers=[*sent.headers, ("topic", b"city/demo/a")])
    assert unpack([named], "x-").rejected == [("city/demo/a", b"\xff{", "not_json", "why")]
    bare = record(9, b"{", topic="x-rejected")
    assert unpack([bare], "x-").rejected == [("rejected/3/9", b"{", "internal", "")]


def test_a_record_that_cannot_be_read_is_rejected_by_its_place() -> None:
    ((topic, payload, reason, detail),) = unpack([record(7, b"{", topic="x-readings")], "x-").rejected
    assert (topic, payload, reason) == ("readings/3/7", b"{", "bad_record")
    assert "JSON" in detail


def alert(change: str, at: int) -> AlertEvent:
    return AlertEvent("id-1", change, "firing", "mh-1", "manhole", "MH-OPEN", "critical", 1, at, "because")


def test_the_trace_of_an_alert_is_that_of_what_raised_it() -> None:
    changes = [("clearing", "a"), ("raised", "b"), ("refired", "c")]
    told = read([record(n, encode_alert(Alert(alert(change, n), trace))) for n, (change, trace) in enumerate(changes)])
    assert [event.change for event in told.events] == ["clearing", "raised", "refired"]
    assert told.traces == {"id-1": "b"}
    assert read([record(0, encode_alert(Alert(alert("refired", 1), "c")))]).traces == {"id-1": "c"}


def test_an_alert_that_cannot_be_read_is_told_apart() -> None:
    told = read([record(0, b"[]"), record(1, encode_alert(Alert(alert("raised", 1), "b")))])
    assert [(one.offset, error.reason) for one, error in told.bad] == [(0, "bad_record")]
    assert len(told.events) == 1


def test_a_canary_passes_archive_and_dispatch_and_is_kept_by_none() -> None:
    beat = canary.read(canary.message(5_000, "me"), 1_000)
    assert beat is not None
    found = unpack([record(0, encode(Batch([beat, reading("mh-1")])), partition=canary.SHARD)])
    assert (found.canaries, [one.asset for one in found.readings]) == ([5_000], ["mh-1"])
    told = read([record(0, encode_alert(Alert(canary.event(5_000, 1_000))))])
    assert (told.canaries, told.events, told.traces) == ([5_000], [], {})


def test_lag_is_judged_by_the_oldest_record_that_waits() -> None:
    ok, words = lag_check({"readings": Lag(500, 2.0), "rejected": Lag()}, 30)
    assert ok
    assert "500 in readings" in words
    assert lag_check({"readings": Lag(1, 2.0), "rejected": Lag(1, 31.0)}, 30)[0] is False
    assert lag_check({}, 30)[0]


def test_only_a_fault_of_the_record_itself_is_held_against_it() -> None:
    for fault in (InputError("a NUL"), ConstraintError("c", "d"), StateError("m", "s", "e"), TypeError("x"), KeyError("y")):
        assert refuses(fault)
    for outage in (UnavailableError("gone"), CityBrainError("database error 42P01: no table"), MemoryError()):
        assert not refuses(outage)
