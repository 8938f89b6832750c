"""What must hold of any simulated city, whatever its seed, faults and steps."""

from __future__ import annotations

from datetime import UTC, datetime
from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from simulators.score import score
from simulators.truth import dumps, loads
from simulators.world import Emission, World, plan
from tests.scenarios.world_run import Brain

START = datetime(2026, 3, 2, 15, tzinfo=UTC)
HOUR = 3_600_000
SEEDS = st.integers(0, 2**31)


@settings(max_examples=15, deadline=None, derandomize=True)
@given(seed=SEEDS, steps=st.lists(st.integers(1, 2 * HOUR), min_size=1, max_size=12))
def test_cutting_time_changes_nothing(seed: int, steps: list[int]) -> None:
    whole, cut = World(seed, 120, START), World(seed, 120, START)
    for world in (whole, cut):
        world.inject(plan(seed, world, START, 4, 3))
    end = whole.now_ms + sum(steps)
    parts: list[Emission] = []
    for step in steps:
        parts += cut.advance(cut.now_ms + step)
    assert parts == whole.advance(end)
    assert all(one.at_ms <= two.at_ms for one, two in pairwise(parts))


@settings(max_examples=15, deadline=None, derandomize=True)
@given(seed=SEEDS, size=st.integers(50, 3000), hours=st.floats(1, 48), rate=st.floats(0.1, 4))
def test_plans_keep_faults_apart_and_within_their_time(seed: int, size: int, hours: float, rate: float) -> None:
    world = World(seed, size, START)
    faults = plan(seed, world, START, hours, rate)
    touched: set[str] = set()
    for fault in faults:
        assert world.now_ms < fault.from_ms <= world.now_ms + 1000 + hours * HOUR
        assert fault.detect_by_ms >= fault.from_ms
        own = {fault.asset} if fault.name == "storm_surge" else {fault.asset, *fault.assets, *fault.side_assets}
        assert not own & touched
        touched |= own
    assert loads(dumps(faults)) == faults


@settings(max_examples=6, deadline=None, derandomize=True)
@given(seed=SEEDS, tick_s=st.sampled_from([10, 97, 600]))
def test_alerts_do_not_depend_on_how_often_the_clock_ticks(seed: int, tick_s: int) -> None:
    told = []
    for tick_ms in (60_000, tick_s * 1000):
        world = World(seed, 150, START)
        world.inject(plan(seed, world, START, 3, 4))
        brain = Brain(world)
        brain.run(world.now_ms + 6 * HOUR, tick_ms=tick_ms)
        told.append(sorted(alert[:6] for alert in brain.rows()))
        assert score(world.truth(), brain.rows(), (), world.now_ms).false_critical == ()
    assert told[0] == told[1]
