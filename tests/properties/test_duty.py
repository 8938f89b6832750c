"""Rotations, overrides and leave against what must hold whatever they say."""

from __future__ import annotations

import random
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

from hypothesis import given, settings
from hypothesis import strategies as st

from dispatch.people.duty import REASONS, on_duty, shifts
from dispatch.people.model import Entry, Hours, Layer, Leave, Member, Override, People, Person, Schedule
from dispatch.people.rota import Turns, whose_turn

ZONES = ("Asia/Shanghai", "Europe/London", "America/New_York", "Australia/Lord_Howe", "UTC")
NAMES = ("an", "bo", "cy", "di")
# around both changes of the clock in London and New York
BEGIN = datetime(2026, 2, 25, tzinfo=UTC)
MOMENTS = st.integers(0, 60 * 24 * 270).map(lambda minutes: BEGIN + timedelta(minutes=minutes))
MINUTES = st.integers(0, 1439)
EVERYBODY = {name: Person(name, name) for name in NAMES}


@st.composite
def spans(draw: st.DrawFn) -> tuple[datetime, datetime]:
    begin = draw(MOMENTS)
    return begin, begin + timedelta(minutes=draw(st.integers(1, 60 * 24 * 40)))


@st.composite
def members(draw: st.DrawFn) -> Member:
    begin, end = draw(spans())
    return Member(draw(st.sampled_from(NAMES)), draw(st.sampled_from([None, begin])), draw(st.sampled_from([None, end])))


@st.composite
def hours(draw: st.DrawFn) -> Hours:
    return Hours(draw(st.frozensets(st.integers(0, 6), min_size=1)), draw(MINUTES), draw(MINUTES))


@st.composite
def layers(draw: st.DrawFn, name: str) -> Layer:
    kind = draw(st.sampled_from(["daily", "weekly", "custom", "calendar"]))
    within = tuple(draw(st.lists(hours(), max_size=2)))
    if kind == "calendar":
        entries = tuple(Entry(draw(st.sampled_from(NAMES)), *draw(spans())) for _ in range(draw(st.integers(0, 4))))
        return Layer(name, kind, entries=entries, hours=within, handoffs=())
    longest, most = (1440, 3) if kind == "daily" else (7 * 1440, 1 if kind == "weekly" else 5)
    times = tuple(draw(st.sets(st.integers(0, longest - 1), min_size=1, max_size=most)))
    return Layer(
        name, kind, tuple(draw(st.lists(members(), max_size=5))), times, draw(st.integers(1, 3)),
        date(2026, 3, 1) + timedelta(days=draw(st.integers(-3, 30))), within,
    )  # fmt: skip


@st.composite
def towns(draw: st.DrawFn) -> tuple[Schedule, People]:
    found = tuple(draw(layers(f"l{number}")) for number in range(draw(st.integers(1, 3))))
    overrides = []
    for number in range(draw(st.integers(0, 4))):
        who, instead = draw(st.permutations(NAMES))[:2]
        layer = draw(st.sampled_from(["", found[0].id]))
        overrides.append(Override(str(number), who, *draw(spans()), draw(st.sampled_from([None, instead])), layer))
    leaves: dict[str, tuple[Leave, ...]] = {}
    for name in draw(st.sets(st.sampled_from(NAMES))):
        leaves[name] = tuple(Leave(str(n), name, *draw(spans())) for n in range(draw(st.integers(1, 2))))
    schedule = Schedule("s", "S", draw(st.sampled_from(ZONES)), layers=found, overrides=tuple(overrides))
    return schedule, People(EVERYBODY, schedules={"s": schedule}, leaves=leaves)


@given(towns(), spans())
@settings(max_examples=60, deadline=None)
def test_shifts_cover_the_time_of_each_layer_without_gap_or_overlap(
    town: tuple[Schedule, People], span: tuple[datetime, datetime]
) -> None:
    schedule, people = town
    found = shifts(schedule, *span, people)
    for layer in schedule.layers:
        mine = [shift for shift in found if shift.layer == layer.id]
        assert (mine[0].begin, mine[-1].end) == span
        assert all(before.end == after.begin for before, after in pairwise(mine))
        assert all(shift.begin < shift.end for shift in mine)
        assert all((a.people, a.reason) != (b.people, b.reason) for a, b in pairwise(mine)), "each shift is a change"
    assert {shift.reason for shift in found} <= REASONS.keys()


@given(towns(), spans(), st.randoms(use_true_random=False))
@settings(max_examples=60, deadline=None)
def test_who_is_on_duty_is_who_the_shifts_name_and_never_somebody_who_is_away(
    town: tuple[Schedule, People], span: tuple[datetime, datetime], rng: random.Random
) -> None:
    schedule, people = town
    found = shifts(schedule, *span, people)
    length = (span[1] - span[0]).total_seconds()
    moments = [span[0] + timedelta(seconds=rng.random() * length) for _ in range(10)] + [shift.begin for shift in found[:20]]
    for at in (moment for moment in moments if moment < span[1]):
        duty = on_duty(schedule, at, people)
        held = [shift for shift in found if shift.begin <= at < shift.end]
        assert sorted((turn.layer, turn.people, turn.reason) for turn in duty.turns) == sorted(
            (shift.layer, shift.people, shift.reason) for shift in held
        )
        assert all(people.here(one.person, at) for one in duty.people)
        assert len({one.person for one in duty.people}) == len(duty.people)


@given(towns(), MOMENTS, st.randoms(use_true_random=False))
@settings(max_examples=60, deadline=None)
def test_the_order_in_which_things_stand_in_the_file_says_nothing(
    town: tuple[Schedule, People], at: datetime, rng: random.Random
) -> None:
    schedule, people = town

    def mixed(items: tuple[object, ...]) -> tuple[object, ...]:
        return tuple(rng.sample(items, len(items)))

    other = replace(
        schedule,
        layers=tuple(replace(layer, handoffs=mixed(layer.handoffs), hours=mixed(layer.hours), entries=mixed(layer.entries))
                     for layer in mixed(schedule.layers)),
        overrides=mixed(schedule.overrides),
    )  # fmt: skip
    everybody = replace(people, people=dict(mixed(tuple(people.people.items()))))
    assert on_duty(other, at, everybody) == on_duty(schedule, at, people)


@given(layers("l"), st.sampled_from(ZONES), MOMENTS)
@settings(max_examples=150, deadline=None)
def test_hand_overs_are_numbered_in_order_and_keep_the_time_of_the_wall_clock(layer: Layer, zone: str, at: datetime) -> None:
    if layer.starts is None:
        return
    tz = ZoneInfo(zone)
    turns = Turns(layer, tz)
    number = turns.number(at)
    assert turns.at(number) <= at < turns.at(number + 1)
    first = turns.at(0).astimezone(tz)
    assert first.date() >= layer.starts
    assert first.date() - layer.starts < timedelta(days=layer.every * 7 if layer.rotation != "daily" else layer.every + 1)


def slowly(layer: Layer, tz: ZoneInfo, at: datetime) -> int | None:
    """Whose turn it is, event by event."""
    turns = Turns(layer, tz)
    if turns.number(at) < 0:
        return None
    handovers = {turns.at(number) for number in range(turns.number(at) + 1)}
    changes = {edge for member in layer.members for edge in member[1:] if edge is not None and turns.at(0) < edge <= at}
    count = {moment: sum(turns.at(n) == moment for n in range(turns.number(at) + 1)) for moment in handovers}
    holder = -1
    for moment in sorted(handovers | changes):
        present = [place for place, member in enumerate(layer.members) if member.holds(moment)]
        for _ in range(count.get(moment, 0) if present else 0):
            holder = next((place for place in present if place > holder), present[0] if present else holder)
        if present and holder not in present:
            holder = next((place for place in present if place > holder), present[0])
    return holder if any(layer.members[holder].holds(at) for _ in [0] if holder >= 0) else None


@given(layers("l"), st.sampled_from(ZONES), MOMENTS)
@settings(max_examples=100, deadline=None)
def test_the_turn_that_is_calculated_is_the_one_that_is_counted(layer: Layer, zone: str, at: datetime) -> None:
    if layer.starts is None:
        return
    tz = ZoneInfo(zone)
    assert whose_turn(layer.members, Turns(layer, tz), at) == slowly(layer, tz, at)
