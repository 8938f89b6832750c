"""The simulated city against the real rules with the shipped rulebook, scored by the truth: quality as a number."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from simulators.score import Score, score
from simulators.world import Options, World, demo, plan
from simulators.world import city as places
from tests.scenarios.world_run import Brain

START = datetime(2026, 3, 2, 15, tzinfo=UTC)
HOUR = 3_600_000


def judged(world: World, brain: Brain) -> Score:
    return score(world.truth(), brain.rows(), (), world.now_ms)


@pytest.mark.parametrize("seed", [11, 12])
def test_a_healthy_city_is_calm(seed: int) -> None:
    world = World(seed, 600, START, options=Options(showers_per_day=2.0))
    brain = Brain(world)
    brain.run(world.now_ms + 36 * HOUR)
    assert list(brain.rows()) == []
    assert sum(brain.fates.values()) > 60_000


@pytest.mark.parametrize("seed", [7, 8])
def test_the_demo_is_noticed_as_a_whole_and_in_time(seed: int) -> None:
    world = World(seed, 2000, START)
    world.inject(demo(seed, world, START, 10))
    brain = Brain(world)
    brain.run(world.now_ms + 12 * HOUR)
    result = judged(world, brain)
    assert result.injected >= 20
    assert result.missed == result.late == result.pending == ()
    assert result.false == ()


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_a_day_of_varied_faults(seed: int) -> None:
    world = World(seed, 1000, START)
    world.inject(plan(seed, world, START, 18, 2))
    brain = Brain(world)
    brain.run(world.now_ms + 24 * HOUR)
    result = judged(world, brain)
    assert result.injected >= 20
    assert result.recall >= 0.95, result.missed
    assert result.false_critical == ()
    assert len(result.false) <= 1, result.false


def test_what_is_repaired_goes_away_and_does_not_come_back() -> None:
    world = World(4, 1000, START)
    world.inject(fault for fault in plan(4, world, START, 18, 1.5) if fault.name not in {"cycling", "settling"})
    brain = Brain(world)
    brain.run(world.now_ms + 36 * HOUR, repair_after_ms=HOUR)
    result = judged(world, brain)
    assert result.missed == ()
    assert result.false == ()
    assert all(alert.end_ms is not None for alert in brain.rows())


def test_slow_faults_show_within_days() -> None:
    world = World(9, 120, START)
    day = 24 * HOUR
    covers, drains = world.city.of_kind(places.MANHOLE), world.city.of_kind(places.DRAIN)
    world.inject(
        [
            world.make("settling", covers[3], world.now_ms + day),
            world.make("sensor_stuck", covers[9], world.now_ms + HOUR),
            world.make("sensor_stuck", drains[3], world.now_ms + 2 * HOUR),
            world.make("battery_end", covers[20], world.now_ms + HOUR),
        ]
    )
    brain = Brain(world)
    brain.run(world.now_ms + 8 * day, tick_ms=600_000)
    result = judged(world, brain)
    assert len(result.detected) == 4
    assert result.late == ()
    assert result.false == ()


def test_a_dead_gateway_and_a_dead_feeder_are_seen_at_the_parent_first() -> None:
    world = World(9, 1000, START)
    gateway, cabinet = world.city.of_kind(places.GATEWAY)[0], world.city.of_kind(places.CABINET)[-1]
    world.inject(
        [world.make("gateway_out", gateway, world.now_ms + HOUR), world.make("feeder_trip", cabinet, world.now_ms + HOUR)]
    )
    brain = Brain(world)
    brain.run(world.now_ms + 4 * HOUR)
    assert judged(world, brain).false == ()
    first = {alert.asset: alert.raised_ms for alert in sorted(brain.rows(), key=lambda alert: -alert.raised_ms)}
    for fault in world.truth():
        children = [asset for asset in (*fault.assets, *fault.side_assets) if asset[:2] in {"SL", "MH", "DR"}]
        assert len(children) > 20
        assert all(first[child] > first[fault.asset] for child in children)
