"""PURE. Who is on duty, and why. `shifts` asks the same function as `on_duty`, at every moment when something may change."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from itertools import pairwise
from typing import NamedTuple

from dispatch.people.model import Layer, Override, People, Schedule
from dispatch.people.rota import Turns, edges, inside, whose_turn

REASONS = {
    "rotation": "it is their turn",
    "calendar": "the imported calendar says so",
    "override": "an override puts them in",
    "on_leave_next": "whose turn it is, is away: the next of the rotation",
    "off_hours": "outside the hours of this layer",
    "not_started": "the rotation begins later",
    "no_members": "nobody is a member at that time",
    "all_away": "everybody of the rotation is away",
    "no_entry": "the imported calendar has nobody there",
    "no_layers": "the schedule has no layers",
}
"""Why somebody is on duty, or nobody is: the closed set, with what each means."""


class OnDuty(NamedTuple):
    """Somebody on duty. `instead_of`: whose turn it would be."""

    person: str
    reason: str
    instead_of: str = ""


class Turn(NamedTuple):
    """What one layer says: people, or nobody and why."""

    layer: str
    people: tuple[OnDuty, ...]
    reason: str


class Duty(NamedTuple):
    """Who is on duty. With nobody, `turns` say why, layer by layer."""

    people: tuple[OnDuty, ...]
    turns: tuple[Turn, ...]

    @property
    def reason(self) -> str:
        """One reason for the whole: of the people, else why there are none."""
        return ", ".join(dict.fromkeys(turn.reason for turn in self.turns)) or "no_layers"


class Shift(NamedTuple):
    """From a moment to another (UTC) nothing changes in a layer."""

    layer: str
    begin: datetime
    end: datetime
    people: tuple[OnDuty, ...]
    reason: str


def on_duty(schedule: Schedule, at: datetime, people: People) -> Duty:
    """Who is on duty in a schedule at a moment: each person once, in the order of the layers' names."""
    turns = tuple(turn_of(schedule, layer, at, people) for layer in _layers(schedule))
    found: dict[str, OnDuty] = {}
    for turn in turns:
        for one in turn.people:
            found.setdefault(one.person, one)
    return Duty(tuple(found.values()), turns)


def shifts(schedule: Schedule, begin: datetime, end: datetime, people: People) -> list[Shift]:
    """Every layer from `begin` to `end`, without gap or overlap; stretches with nobody are shifts too, with their reason."""
    found: list[Shift] = []
    begin, end = begin.astimezone(UTC), end.astimezone(UTC)
    for layer in _layers(schedule):
        mine: list[Shift] = []
        for start, stop in pairwise(_moments(schedule, layer, begin, end, people)):
            turn = turn_of(schedule, layer, start, people)
            if mine and (mine[-1].people, mine[-1].reason) == (turn.people, turn.reason):
                mine[-1] = mine[-1]._replace(end=stop)
            else:
                mine.append(Shift(layer.id, start, stop, turn.people, turn.reason))
        found += mine
    return sorted(found, key=lambda shift: (shift.begin, shift.layer))


def next_change(schedule: Schedule, after: datetime, until: datetime, people: People) -> datetime | None:
    """The first moment after `after` and before `until` at which something may change."""
    moments = {moment for layer in schedule.layers for moment in _moments(schedule, layer, after, until, people)}
    return min((moment for moment in moments if after < moment < until), default=None)


def turn_of(schedule: Schedule, layer: Layer, at: datetime, people: People) -> Turn:
    """What a layer says at a moment."""
    if not inside(layer.hours, at, schedule.tz):
        return Turn(layer.id, (), "off_hours")
    overrides = _overrides(schedule, layer, at, people)
    if layer.rotation == "calendar":
        planned = dict.fromkeys(entry.person for entry in sorted(layer.entries) if entry.begin <= at < entry.end)
        if planned:
            found = [one for name in planned if (one := _seated(name, "calendar", overrides, at, people)) is not None]
            return _said(layer, dict.fromkeys(found), "all_away")
        return _vacant(layer, overrides, "no_entry")
    turns = Turns(layer, schedule.tz)
    if turns.number(at) < 0:
        return _vacant(layer, overrides, "not_started")
    place = whose_turn(layer.members, turns, at)
    if place is None:
        return _vacant(layer, overrides, "no_members")
    line = [layer.members[(place + number) % len(layer.members)] for number in range(len(layer.members))]
    whose = line[0].person
    for member in line:
        if member.holds(at):
            reason = "rotation" if member.person == whose else "on_leave_next"
            one = _seated(member.person, reason, overrides, at, people, whose)
            if one is not None:
                return _said(layer, [one], "all_away")
    return Turn(layer.id, (), "all_away")


def _seated(
    person: str, reason: str, overrides: Iterable[Override], at: datetime, people: People, whose: str = ""
) -> OnDuty | None:
    """Who sits in somebody's place: by an override another one, else the person, else nobody."""
    for override in overrides:
        if override.instead_of in (None, person):
            if override.person == person:
                break
            return OnDuty(override.person, "override", person)
    if not people.here(person, at):
        return None
    return OnDuty(person, reason, whose if whose != person else "")


def _vacant(layer: Layer, overrides: list[Override], reason: str) -> Turn:
    """Nobody's turn: an override that names nobody to stand in for fills the place."""
    for override in overrides:
        if override.instead_of is None:
            return Turn(layer.id, (OnDuty(override.person, "override"),), "override")
    return Turn(layer.id, (), reason)


def _said(layer: Layer, found: Iterable[OnDuty], otherwise: str) -> Turn:
    people = tuple({one.person: one for one in found}.values())
    return Turn(layer.id, people, people[0].reason if people else otherwise)


def _overrides(schedule: Schedule, layer: Layer, at: datetime, people: People) -> list[Override]:
    """Those in force whose person is here: first those that name whom they stand in for, and the newest of each kind."""
    held = [
        one
        for one in schedule.overrides
        if one.begin <= at < one.end and one.layer in {"", layer.id} and people.here(one.person, at)
    ]
    held.sort(key=lambda one: (one.created_at.timestamp() if one.created_at else 0.0, one.id), reverse=True)
    return sorted(held, key=lambda one: one.instead_of is None)


def _layers(schedule: Schedule) -> list[Layer]:
    return sorted(schedule.layers, key=lambda layer: layer.id)


def _moments(schedule: Schedule, layer: Layer, begin: datetime, end: datetime, people: People) -> list[datetime]:
    """Begin, end, and between them every moment at which the layer may change."""

    def found() -> Iterator[datetime]:
        yield from edges(layer, begin, end, schedule.tz)
        named = {member.person for member in layer.members} | {entry.person for entry in layer.entries}
        for override in schedule.overrides:
            yield from (override.begin, override.end)
            named |= {override.person}
        for person in named:
            for leave in people.leaves.get(person, ()):
                yield from (leave.begin, leave.end)

    return sorted({begin, end} | {moment.astimezone(UTC) for moment in found() if begin < moment < end})
