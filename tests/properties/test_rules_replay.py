"""The same log gives the same events: however it is cut, ticked, batched or repeated."""

from __future__ import annotations

import random

from hypothesis import given, settings
from hypothesis import strategies as st

from citybrain.kernel.events import AlertChange, AlertPhase
from citybrain.kernel.model import Reading
from rules.engine import Fate
from rules.plan import Plan
from tests.properties.rules_town import GAUGE, MINUTE, RULEBOOK, START, TOWN, by_asset, engine, run, stream

SEEDS = st.integers(0, 10**9)
END = START + 12 * 60 * MINUTE


@settings(max_examples=40, deadline=None)
@given(SEEDS, st.data())
def test_checkpoint_anywhere_changes_nothing(seed: int, data: st.DataObject) -> None:
    readings = stream(seed, hours=6, repeats=0.1)
    whole = engine()
    expected = run(whole, readings, END)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(readings)), min_size=1, max_size=4)))
    judge, events, begin = engine(), [], 0
    newest = 0
    for cut in [*cuts, len(readings)]:
        for one in readings[begin:cut]:
            events += judge.step([one]).events
            newest = max(newest, one.observed_ms)
            events += judge.tick(newest - 1)
        begin = cut
        saved = judge.dump()
        judge = engine()
        judge.load(saved)
        assert judge.dump() == saved
    events += judge.tick(END)
    assert events == expected
    assert judge.dump() == whole.dump()


@settings(max_examples=40, deadline=None)
@given(SEEDS, SEEDS)
def test_ticks_come_when_they_like(seed: int, other: int) -> None:
    readings = stream(seed, hours=6)
    fine = run(engine(), readings, END)
    coarse, rng, events = engine(), random.Random(other), []
    for one in readings:
        if rng.random() < 0.05:
            events += coarse.tick(one.observed_ms - 1)
        events += coarse.step([one]).events
    events += coarse.tick(END)
    assert by_asset(events) == by_asset(fine)


@settings(max_examples=30, deadline=None)
@given(SEEDS, SEEDS)
def test_batches_come_as_they_like(seed: int, other: int) -> None:
    readings = stream(seed, hours=6)
    single = engine()
    expected = [event for one in readings for event in single.step([one]).events]
    judge, rng, events, begin = engine(), random.Random(other), [], 0
    while begin < len(readings):
        size = rng.randrange(1, 60)
        events += judge.step(readings[begin : begin + size]).events
        begin += size
    assert events == expected
    assert judge.dump() == single.dump()


@settings(max_examples=40, deadline=None)
@given(SEEDS, SEEDS)
def test_what_was_heard_before_changes_nothing(seed: int, other: int) -> None:
    readings = stream(seed, hours=6)
    expected = run(engine(), readings, END)
    rng, judge, events, heard = random.Random(other), engine(), [], []
    for one in readings:
        events += judge.step([one]).events
        heard.append(one)
        for again in rng.sample(heard[-8:], min(len(heard[-8:]), 3)) + rng.sample(heard, min(len(heard), 2)):
            fates, told = judge.step([again])
            assert fates[0] in (Fate.DUPLICATE, Fate.LATE, Fate.CONTEXT) or again.flags
            assert not told
    events += judge.tick(END)
    assert by_asset(events) == by_asset(expected)


@settings(max_examples=20, deadline=None)
@given(SEEDS)
def test_the_whole_log_again_changes_nothing(seed: int) -> None:
    readings = stream(seed, hours=4)
    judge = engine()
    judge.step(readings)
    judge.tick(readings[-1].observed_ms)
    assert judge.step(readings).events == []


@settings(max_examples=20, deadline=None)
@given(SEEDS, st.integers(0, 300))
def test_the_same_rulebook_and_register_again_change_nothing(seed: int, at: int) -> None:
    readings = stream(seed, hours=6)
    expected = run(engine(), readings, END)
    judge, events = engine(), []
    for number, one in enumerate(readings):
        if number == at:
            judge.use(RULEBOOK)
            judge.refresh(one.asset)
        events += judge.step([one]).events
    events += judge.tick(END)
    assert by_asset(events) == by_asset(expected)


@settings(max_examples=20, deadline=None)
@given(SEEDS)
def test_one_asset_may_move_house(seed: int) -> None:
    readings = stream(seed, hours=6)
    middle = len(readings) // 2
    judge = engine()
    judge.step(readings[:middle])
    other = engine()
    other.load(judge.dump())
    for asset in TOWN:
        other.adopt(asset, judge.dump_asset(asset))
    assert other.dump() == judge.dump()
    assert by_asset([*other.step(readings[middle:]).events, *other.tick(END)]) == by_asset(
        [*judge.step(readings[middle:]).events, *judge.tick(END)]
    )


@settings(max_examples=40, deadline=None)
@given(SEEDS)
def test_every_episode_has_a_beginning_and_an_order(seed: int) -> None:
    phases: dict[str, str] = {}
    for event in run(engine(), stream(seed, hours=12), END):
        before = phases.get(event.id)
        assert (before is None) == (event.change == AlertChange.RAISED)
        assert before != AlertPhase.RESOLVED
        assert event.at_ms >= event.onset_ms
        assert (event.end_ms is not None) == (event.phase == AlertPhase.RESOLVED)
        assert event.detail
        phases[event.id] = event.phase


def test_every_condition_of_the_town_is_seen() -> None:
    """Or the properties above would say little."""
    seen = {event.condition for seed in range(40) for event in run(engine(), stream(seed, hours=16), END)}
    assert seen == set(RULEBOOK.conditions)


def test_a_gauge_of_another_shard_is_context() -> None:
    fates = {one.asset: fate for seed in range(3) for one, fate in _fates(seed)}
    assert fates[GAUGE] is Fate.CONTEXT
    assert Plan("manhole", ()).judges == ()


def _fates(seed: int) -> list[tuple[Reading, Fate]]:
    readings = stream(seed, hours=2)
    return list(zip(readings, engine().step(readings).fates, strict=True))
