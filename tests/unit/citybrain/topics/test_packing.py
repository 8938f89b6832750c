"""Readings on their way into records: where they go, when a record is full, which messages have something in it."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from citybrain.kernel.ids import SHARDS, shard_of
from citybrain.kernel.model import Asset, Device, Reading
from citybrain.topics.packing import Packed, Packer, Ticket, halves
from citybrain.topics.records import Tick

TICK = Tick(5000, 6000, "b1")


def _reading(asset: str, seq: int = 0, kind: str = "drain") -> Reading:
    return Reading(asset, kind, asset, 1000 + seq, 2000, {"level_mm": 5.0}, seq)


def _asset_in(shard: int, start: int = 0) -> str:
    return next(f"D-{n}" for n in range(start, 10_000) if shard_of(f"D-{n}") == shard)


def test_readings_go_to_the_shard_of_their_asset_in_their_order() -> None:
    packer, ticket = Packer(), Ticket(1)
    readings = [_reading(f"D-{n % 50}", n) for n in range(200)]
    assert packer.add(ticket, readings) == []
    assert packer.waiting == 200
    found = packer.flush()
    assert packer.waiting == 0
    assert packer.flush() == []
    assert {packed.partition for packed in found} == {shard_of(f"D-{n}") for n in range(50)}
    for packed in found:
        assert list(packed.batch.readings) == [one for one in readings if shard_of(one.asset) == packed.partition]
        assert packed.tickets == [ticket]
        assert packed.batch.tick is None
    assert ticket.left == len(found)


def test_a_rain_gauge_goes_everywhere_and_so_does_its_asset() -> None:
    packer, ticket = Packer(), Ticket(1)
    packer.add(ticket, [_reading("R-1", kind="rain_gauge")], [Asset("R-1", "rain_gauge")], [Device("r", "R-1")])
    found = packer.flush()
    assert [packed.partition for packed in found] == list(range(SHARDS))
    assert ticket.left == SHARDS
    assert all(len(one.batch.readings) == len(one.batch.assets) == len(one.batch.devices) == 1 for one in found)


def test_what_made_itself_known_rides_in_the_record_of_its_reading() -> None:
    packer, ticket = Packer(), Ticket(1)
    packer.add(ticket, [_reading("D-1"), _reading("D-2")], [Asset("D-1", "drain")], [Device("d", "D-1")])
    found = {packed.partition: packed.batch for packed in packer.flush()}
    assert [asset.id for asset in found[shard_of("D-1")].assets] == ["D-1"]
    assert [device.id for device in found[shard_of("D-1")].devices] == ["d"]
    assert list(found[shard_of("D-2")].assets) == []


def test_a_record_is_full_by_number_and_its_message_goes_on_in_the_next() -> None:
    packer, first, second = Packer(most_readings=3), Ticket(1), Ticket(2)
    name = _asset_in(4)
    full = packer.add(first, [_reading(name, n) for n in range(7)]) + packer.add(second, [_reading(name, 7)])
    assert [len(packed.batch.readings) for packed in full] == [3, 3]
    (rest,) = packer.flush()
    assert [reading.seq for reading in rest.batch.readings] == [6, 7]
    assert rest.tickets == [first, second]
    assert (first.left, second.left) == (3, 1)


def test_a_record_is_full_by_bytes() -> None:
    packer = Packer(most_bytes=1000)
    name = _asset_in(4)
    assert packer.add(Ticket(1), [_reading(name)], size=600) == []
    assert len(packer.add(Ticket(2), [_reading(name)], size=600)) == 1


def test_a_tick_goes_to_every_partition_behind_its_readings() -> None:
    packer, ticket = Packer(), Ticket(1)
    packer.add(ticket, [_reading("D-1")])
    found = packer.flush(TICK)
    assert [packed.partition for packed in found] == list(range(SHARDS))
    assert all(packed.batch.tick == TICK for packed in found)
    assert [len(packed.batch.readings) for packed in found if packed.partition == shard_of("D-1")] == [1]
    assert ticket.left == 1


def test_a_record_that_is_too_large_becomes_two() -> None:
    packer, ticket = Packer(), Ticket(1)
    name = _asset_in(4)
    packer.add(ticket, [_reading(name, n) for n in range(5)], [Asset(name, "drain")])
    packed = next(one for one in packer.flush(TICK) if one.partition == 4)
    parts = halves(packed)
    assert parts is not None
    assert [[reading.seq for reading in part.batch.readings] for part in parts] == [[0, 1], [2, 3, 4]]
    assert [len(part.batch.assets) for part in parts] == [1, 0]
    assert [part.batch.tick for part in parts] == [None, TICK]
    assert ticket.left == 2
    one = Packed(4, packed.batch._replace(readings=packed.batch.readings[:1]), [ticket])
    assert halves(one) is None
    assert ticket.left == 2


@settings(max_examples=200, deadline=None)
@given(
    messages=st.lists(
        st.lists(st.tuples(st.integers(0, 40), st.sampled_from(["drain", "drain", "drain", "rain_gauge"])), max_size=12),
        max_size=20,
    ),
    most=st.integers(1, 9),
    flush_every=st.integers(1, 5),
)
def test_nothing_is_lost_and_every_message_is_done_exactly_when_its_records_are(
    messages: Sequence[Sequence[tuple[int, str]]], most: int, flush_every: int
) -> None:
    packer = Packer(most_readings=most)
    tickets, records = [], list[Packed]()
    wanted: dict[int, list[int]] = {}
    seq = 0
    for number, items in enumerate(messages):
        ticket = Ticket(number)
        tickets.append(ticket)
        readings = []
        for asset, kind in items:
            seq += 1
            readings.append(_reading(f"{kind}-{asset}", seq, kind))
            for shard in range(SHARDS) if kind == "rain_gauge" else (shard_of(f"{kind}-{asset}"),):
                wanted.setdefault(shard, []).append(seq)
        records += packer.add(ticket, readings)
        if number % flush_every == 0:
            records += packer.flush()
    records += packer.flush()
    assert packer.waiting == 0
    found: dict[int, list[int | None]] = {}
    for packed in records:
        assert 0 < len(packed.batch.readings) <= most
        found.setdefault(packed.partition, []).extend(reading.seq for reading in packed.batch.readings)
    assert found == wanted
    for ticket in tickets:
        assert ticket.left == sum(one is ticket for packed in records for one in packed.tickets)


@pytest.mark.parametrize("size", [0, 5])
def test_a_message_without_readings_has_nothing_left(size: int) -> None:
    packer, ticket = Packer(), Ticket(1)
    assert packer.add(ticket, (), size=size) == []
    assert ticket.left == 0
