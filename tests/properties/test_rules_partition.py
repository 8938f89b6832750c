"""A partition of the log: cut anywhere, killed anywhere, with records that come twice — the same alerts, the same state."""

from __future__ import annotations

import random

from hypothesis import given, settings
from hypothesis import strategies as st

from citybrain.kernel.register import Register
from citybrain.topics.records import Alert, Batch, Tick, decode, decode_alert, encode, encode_alert
from rules.partition import Partition, Snapshot
from tests.properties.rules_town import MINUTE, RULEBOOK, SHARD, START, TOWN, by_asset, engine, stream

SEEDS = st.integers(0, 10**9)
END = START + 12 * 60 * MINUTE


def _partition() -> Partition:
    return Partition(SHARD, RULEBOOK, Register(assets=dict(TOWN)))


def _log(seed: int, bridges: int = 1) -> list[bytes]:
    """Records as bridges write them: packs of a few readings, and ticks that never run ahead of a reading under way."""
    rng = random.Random(seed)
    readings = stream(seed, hours=6, repeats=0.1)
    records, begin, newest = [], 0, START
    while begin < len(readings):
        size = rng.randrange(1, 12)
        pack = readings[begin : begin + size]
        records.append(encode(Batch(pack)))
        newest = max(newest, *(one.observed_ms for one in pack))
        if rng.random() < 0.5:
            records.append(encode(Batch(tick=Tick(newest - 1, newest, f"bridge-{rng.randrange(bridges)}"))))
        begin += size
    records += [encode(Batch(tick=Tick(END, newest, f"bridge-{number}"))) for number in range(bridges)]
    return records


def _run(part: Partition, records: list[bytes], start: int = 0) -> list[Alert]:
    return [alert for offset, value in enumerate(records, start) for alert in part.apply(offset, decode(value)).alerts]


@settings(max_examples=30, deadline=None)
@given(SEEDS)
def test_the_same_events_as_the_engine_alone(seed: int) -> None:
    records = _log(seed)
    alone, expected = engine(), []
    for value in records:
        batch = decode(value)
        expected += alone.step(batch.readings).events
        if batch.tick is not None:
            expected += alone.tick(batch.tick.at_ms)
    part = _partition()
    assert [alert.event for alert in _run(part, records)] == expected
    assert part.dump().state == alone.dump()


@settings(max_examples=30, deadline=None)
@given(SEEDS, st.data())
def test_killed_anywhere_and_replayed_from_the_last_snapshot(seed: int, data: st.DataObject) -> None:
    records = _log(seed, bridges=2)
    whole = _partition()
    expected = _run(whole, records)
    saves = sorted(data.draw(st.lists(st.integers(0, len(records)), max_size=4)))
    part, told, snapshot, committed = _partition(), [], None, 0
    for cut in [*saves, len(records)]:
        # some more records are judged and told, then the process dies without saving them
        alive = data.draw(st.integers(cut, len(records)))
        told += _run(part, records[part.next : alive], part.next)
        part = _partition()
        if snapshot is not None:
            part.load(snapshot)
        # the committed offset may be behind the saved state, never ahead: records that come again are passed over
        for offset in range(committed, cut):
            if offset >= part.next:
                told += part.apply(offset, decode(records[offset])).alerts
        committed, snapshot = min(committed, part.next), part.dump()
        assert Snapshot(*snapshot) == part.dump()
    assert part.dump() == whole.dump()
    # what was told twice has the same bytes, so the same id; nothing else was told
    assert {encode_alert(one) for one in told} == {encode_alert(one) for one in expected}
    assert all(decode_alert(encode_alert(one)) == one for one in expected)


@settings(max_examples=20, deadline=None)
@given(SEEDS)
def test_carefully_is_the_same_when_nothing_fails(seed: int) -> None:
    records = _log(seed)
    part, careful = _partition(), _partition()
    for offset, value in enumerate(records):
        assert part.apply(offset, decode(value)) == careful.apply(offset, decode(value), careful=True)
    assert part.dump() == careful.dump()


@settings(max_examples=20, deadline=None)
@given(SEEDS)
def test_alerts_of_readings_have_a_trace(seed: int) -> None:
    for alert in _run(_partition(), _log(seed)):
        assert alert.trace == "" or len(alert.trace) == 32
    raised = [alert for alert in _run(_partition(), _log(seed)) if alert.event.change == "raised" and alert.trace]
    assert len({alert.trace for alert in raised}) <= len(raised)
    assert by_asset([alert.event for alert in raised]).keys() <= TOWN.keys()
