"""Late readings: after re-judging, the order of arrival has left no trace."""

from __future__ import annotations

import random

from hypothesis import example, given, settings
from hypothesis import strategies as st

from tests.properties.rules_archive import Archive
from tests.properties.rules_town import MINUTE, START, TOWN, engine, in_order, shuffled, stream

SEEDS = st.integers(0, 10**9)
END = START + 12 * 60 * MINUTE


def ordered(readings: list) -> list[tuple[str, str, int, int, str]]:
    archive = Archive(engine(), TOWN)
    for one in in_order(readings):
        archive.take([one])
        archive.note(archive.engine.tick(one.observed_ms - 1))
    archive.note(archive.engine.tick(END))
    assert not archive.late
    return archive.episodes()


@settings(max_examples=60, deadline=None)
@given(SEEDS, SEEDS)
@example(121897702, 3)  # an asset first heard of by a test uplink whose repeat came before it
@example(2956, 17)  # an episode whose end lies before the oldest late reading, and its last change behind it
def test_shuffled_within_ten_minutes_ends_the_same(seed: int, other: int) -> None:
    readings = stream(seed, hours=8, repeats=0.1)
    archive, newest, rng = Archive(engine(), TOWN), 0, random.Random(other)
    for one in shuffled(readings, other, 10 * MINUTE):
        archive.take([one])
        newest = max(newest, one.observed_ms)
        archive.note(archive.engine.tick(newest))
        if rng.random() < 0.02:
            archive.rejudge(newest)
    archive.note(archive.engine.tick(END))
    archive.rejudge(END)
    assert archive.episodes() == ordered(readings)


@settings(max_examples=30, deadline=None)
@given(SEEDS, SEEDS)
def test_back_fill_after_hours_ends_the_same(seed: int, other: int) -> None:
    """An outage of a gateway: all of an asset's readings of some hours come at once, later. Rain is heard in time."""
    readings = stream(seed, hours=8)
    rng = random.Random(other)
    asset = rng.choice(["mh-1", "mh-2", "sl-1", "dr-1", "dr-2"])
    begin = START + rng.randrange(6 * 60) * MINUTE
    end = begin + rng.randrange(30, 180) * MINUTE
    held = [one for one in readings if one.asset == asset and begin <= one.observed_ms < end]
    archive, released = Archive(engine(), TOWN), False
    for one in readings:
        if not released and one.observed_ms >= end:
            released = True
            archive.take(rng.sample(held, len(held)))
            archive.rejudge(one.observed_ms - 1)
        if one not in held:
            archive.note(archive.engine.tick(one.observed_ms - 1))
            archive.take([one])
    if not released:
        archive.take(held)
    archive.note(archive.engine.tick(END))
    archive.rejudge(END)
    assert archive.episodes() == ordered(readings)


@settings(max_examples=30, deadline=None)
@given(SEEDS)
def test_judging_again_without_need_tells_nothing(seed: int) -> None:
    readings = stream(seed, hours=8)
    archive = Archive(engine(), TOWN)
    for one in readings:
        archive.take([one])
    archive.note(archive.engine.tick(END))
    before = {name: archive.engine.dump_asset(name) for name in archive.readings}
    alerts = dict(archive.alerts)
    archive.late = {one.asset: START for one in readings if archive.engine.dump_asset(one.asset)}
    archive.rejudge(END)
    assert archive.alerts == alerts
    assert {name: archive.engine.dump_asset(name) for name in archive.readings} == before
