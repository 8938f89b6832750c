"""PURE. People and what is arranged about them. Times are aware; a span begins with its first moment, ends before its last."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from functools import cached_property
from typing import NamedTuple
from zoneinfo import ZoneInfo


class Contact(NamedTuple):
    """A contact URL of a person, and the language that is spoken there ("": that of the person)."""

    target: str
    language: str = ""


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody who can be on duty. `active` False: not in people.yml any more, so never on duty and never told."""

    id: str
    name: str
    name_zh: str = ""
    language: str = ""
    timezone: str = "UTC"
    contacts: tuple[Contact, ...] = ()
    active: bool = True

    def title(self, language: str) -> str:
        """The name in a language; in English where there is no other."""
        return (self.name_zh if language == "zh" else "") or self.name


class Member(NamedTuple):
    """A person in a team or a rotation, from a time to a time (None: always, or until further notice)."""

    person: str
    begin: datetime | None = None
    end: datetime | None = None

    def holds(self, at: datetime) -> bool:
        """Is this membership in force?"""
        return (self.begin is None or self.begin <= at) and (self.end is None or at < self.end)


@dataclass(frozen=True, slots=True)
class Team:
    """People who are told together."""

    id: str
    name: str
    name_zh: str = ""
    unit: str = ""
    members: tuple[Member, ...] = ()


class Hours(NamedTuple):
    """Hours of some weekdays (Monday is 0), in minutes of the day; an `end` at or before `begin` is on the next day."""

    weekdays: frozenset[int]
    begin: int
    end: int


class Entry(NamedTuple):
    """A shift that a calendar gives."""

    person: str
    begin: datetime
    end: datetime
    uid: str = ""


@dataclass(frozen=True, slots=True)
class Layer:
    """One rotation of a schedule, or the entries of a calendar.

    `handoffs` are minutes from the beginning of the day (daily) or from Monday (weekly, custom); `every` counts days or weeks.
    The first turn begins with the first hand-over on or after `starts`. Without `hours` it counts all day.
    """

    id: str
    rotation: str
    members: tuple[Member, ...] = ()
    handoffs: tuple[int, ...] = (480,)
    every: int = 1
    starts: date | None = None
    hours: tuple[Hours, ...] = ()
    entries: tuple[Entry, ...] = ()


class Override(NamedTuple):
    """`person` instead of `instead_of` (None: of whoever it would be), in one layer or in all ("")."""

    id: str
    person: str
    begin: datetime
    end: datetime
    instead_of: str | None = None
    layer: str = ""
    created_at: datetime | None = None
    reason: str = ""


class Leave(NamedTuple):
    """A person is away."""

    id: str
    person: str
    begin: datetime
    end: datetime
    reason: str = ""


@dataclass(frozen=True)
class Schedule:
    """A duty. On duty are the people of all its layers: a day and a night layer with hours of their own, or a first and a
    second person, are two layers."""

    id: str
    name: str
    timezone: str
    name_zh: str = ""
    unit: str = ""
    layers: tuple[Layer, ...] = ()
    overrides: tuple[Override, ...] = ()

    @cached_property
    def tz(self) -> ZoneInfo:
        """Its time zone."""
        return ZoneInfo(self.timezone)

    def title(self, language: str) -> str:
        """Its name in a language; in English where it has no other."""
        return (self.name_zh if language == "zh" else "") or self.name


class PolicyStep(NamedTuple):
    """Whom a step tells (`person:ID`, `schedule:ID`, `team:ID`, `unit`, `lead`, `supervisor`, or a contact URL), so many
    seconds after the step before it."""

    after_s: float
    targets: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Policy:
    """Who is told, step by step, until somebody acknowledges.

    After the last step all are told again `repeat_times` times, every `repeat_s`. Who was told last is reminded every
    `remind_s` (0: not). `unit` "" and no `severities` mean any.
    """

    id: str
    steps: tuple[PolicyStep, ...]
    unit: str = ""
    severities: frozenset[str] = frozenset()
    repeat_times: int = 0
    repeat_s: float = 0.0
    remind_s: float = 0.0


@dataclass(frozen=True)
class People:
    """Everybody and everything that is arranged, as it is at one moment of the database."""

    people: Mapping[str, Person] = field(default_factory=dict)
    teams: Mapping[str, Team] = field(default_factory=dict)
    schedules: Mapping[str, Schedule] = field(default_factory=dict)
    policies: Mapping[str, Policy] = field(default_factory=dict)
    leaves: Mapping[str, tuple[Leave, ...]] = field(default_factory=dict)
    """person -> leaves"""

    def here(self, person: str, at: datetime) -> bool:
        """Is somebody in the file, and not on leave?"""
        known = self.people.get(person)
        if known is None or not known.active:
            return False
        return not any(leave.begin <= at < leave.end for leave in self.leaves.get(person, ()))
