"""The simulated city against the shipped rulebook: in whatever order its messages come, the same episodes remain."""

from __future__ import annotations

import random
from datetime import UTC, datetime
from functools import cache

from hypothesis import given, settings
from hypothesis import strategies as st

from citybrain.kernel.ids import message_key
from citybrain.kernel.model import Reading
from rules.engine import Engine
from rules.load import load
from simulators.world import World, plan
from tests.properties.rules_archive import Archive
from tests.scenarios.world_run import reading_of

START = datetime(2026, 3, 2, 15, tzinfo=UTC)
HOUR, MINUTE = 3_600_000, 60_000
RULEBOOK = load(None)
Episodes = list[tuple[str, str, int, int, str]]


@cache
def city(seed: int) -> tuple[World, tuple[Reading, ...]]:
    """Ten hours of a small city with faults, as the messages left it."""
    world = World(seed, 120, START)
    world.inject(plan(seed, world, START, 8, 3))
    register = world.register()
    emissions = world.advance(world.now_ms + 10 * HOUR)
    return world, tuple(reading_of(register, one) for one in emissions)


@cache
def ordered(seed: int) -> Episodes:
    """What remains when every message comes in order."""
    _, readings = city(seed)
    return played(seed, sorted(readings, key=lambda one: (one.observed_ms, message_key(one))), random.Random(0), 0)


def played(seed: int, readings: list[Reading], rng: random.Random, often: float) -> Episodes:
    world, _ = city(seed)
    register = world.register().assets
    archive = Archive(Engine(0, RULEBOOK, register.get), register)
    newest = 0
    for one in readings:
        archive.take([one])
        newest = max(newest, one.observed_ms)
        archive.note(archive.engine.tick(newest - 1))
        if rng.random() < often:
            archive.rejudge(newest - 1)
    end = world.now_ms + 24 * HOUR
    archive.note(archive.engine.tick(end))
    archive.rejudge(end)
    return archive.episodes()


@settings(max_examples=15, deadline=None)
@given(st.integers(1, 4), st.integers(0, 10**9))
def test_shuffled_within_ten_minutes_the_same_episodes_remain(seed: int, other: int) -> None:
    _, readings = city(seed)
    rng = random.Random(other)
    late = sorted(readings, key=lambda one: one.observed_ms + rng.uniform(-5 * MINUTE, 5 * MINUTE))
    assert played(seed, late, rng, 0.001) == ordered(seed)


def test_the_city_has_something_to_tell() -> None:
    conditions = {condition for seed in range(1, 5) for _, condition, *_ in ordered(seed)}
    assert len(conditions) >= 8
