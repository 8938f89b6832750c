"""The forms of people.yml: what each part of it may say."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta
from typing import Annotated, Any, Literal
from zoneinfo import ZoneInfo

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, field_validator, model_validator

from citybrain.kernel.contacts import fault as contact_fault
from citybrain.kernel.errors import ConfigError
from citybrain.kernel.model import Severity
from dispatch.calendars import zone
from dispatch.people.model import Hours, Layer, Member, Policy, PolicyStep
from dispatch.people.rota import wall

Weekday = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
_WEEKDAYS: tuple[Weekday, ...] = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_TIME = r"([01]\d|2[0-3]):([0-5]\d)"
_HANDOFF = re.compile(rf"(?:({'|'.join(_WEEKDAYS)}) )?{_TIME}")
_PAIR = re.compile(rf"{_TIME}-(?:{_TIME}|24:00)")
_SPAN = re.compile(r"(\d+)([smhd])")
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
_SHORTEST_S = 60.0
"""Whoever is told more often than once a minute reads nothing any more (compare grafana#126401)."""
TARGET = re.compile(r"(person|team|schedule):(.*)")

Id = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9._-]{0,62}$")]


def _seconds(value: Any) -> Any:
    found = _SPAN.fullmatch(str(value))
    if not found:
        raise ValueError("a span such as 90s, 10m, 2h or 1d")
    return float(int(found[1]) * _SECONDS[found[2]])


def _zone(value: Any) -> Any:
    try:
        return zone(str(value)).key
    except ConfigError as error:
        raise ValueError(error.message) from error


Span = Annotated[float, BeforeValidator(_seconds)]
Zone = Annotated[str, BeforeValidator(_zone)]
Language = Literal["en", "zh"]


class _Spec(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class _Contact(_Spec):
    url: str
    language: Language | None = None

    @model_validator(mode="before")
    @classmethod
    def _plain(cls, value: Any) -> Any:
        return {"url": value} if isinstance(value, str) else value

    @field_validator("url")
    @classmethod
    def _usable(cls, value: str) -> str:
        wrong = contact_fault(value)
        if wrong:
            raise ValueError(wrong)
        return value


class _Person(_Spec):
    name: str = Field(min_length=1)
    name_zh: str = ""
    language: Language | None = None
    timezone: Zone = "UTC"
    contacts: tuple[_Contact, ...] = Field(min_length=1)


class MemberForm(_Spec):
    """A member of a team or a rotation."""

    person: str
    begin: datetime | date | None = Field(None, alias="from")
    end: datetime | date | None = Field(None, alias="to")

    @model_validator(mode="before")
    @classmethod
    def _plain(cls, value: Any) -> Any:
        return {"person": value} if isinstance(value, str) else value

    def member(self, tz: ZoneInfo) -> Member:
        """A date means the whole day: `from` its beginning, `to` its end."""
        return Member(self.person, _moment(self.begin, tz, 0), _moment(self.end, tz, 1))


class _Team(_Spec):
    name: str = Field(min_length=1)
    name_zh: str = ""
    unit: str = ""
    timezone: Zone = "UTC"
    members: tuple[MemberForm, ...] = Field(min_length=1)


class _Hours(_Spec):
    weekdays: tuple[Weekday, ...] = Field(_WEEKDAYS, min_length=1)
    time: str

    @model_validator(mode="before")
    @classmethod
    def _plain(cls, value: Any) -> Any:
        return {"time": value} if isinstance(value, str) else value

    @field_validator("time")
    @classmethod
    def _pair(cls, value: str) -> str:
        if not _PAIR.fullmatch(value):
            raise ValueError("hours such as '08:00-20:00'; '20:00-08:00' ends on the next day")
        return value

    def hours(self) -> Hours:
        """The same in minutes."""
        found = _PAIR.fullmatch(self.time)
        assert found
        end = int(found[3]) * 60 + int(found[4]) if found[3] else 0
        return Hours(frozenset(_WEEKDAYS.index(day) for day in self.weekdays), int(found[1]) * 60 + int(found[2]), end)


class _Layer(_Spec):
    rotation: Literal["daily", "weekly", "custom", "calendar"]
    handoff: tuple[str, ...] = ()
    every: int = Field(1, ge=1, le=366)
    starts: date | None = None
    hours: tuple[_Hours, ...] = ()
    members: tuple[MemberForm, ...] = ()

    @field_validator("handoff", mode="before")
    @classmethod
    def _list(cls, value: Any) -> Any:
        items = value if isinstance(value, list) else [value]
        for item in items:
            if not isinstance(item, str) or not _HANDOFF.fullmatch(item):
                raise ValueError(f"{item!r} is no hand-over: write '08:00' or 'mon 08:00', in quotes")
        return tuple(items)

    @model_validator(mode="after")
    def _consistent(self) -> _Layer:
        if self.rotation == "calendar":
            if self.members or self.handoff or self.starts:
                raise ValueError("a calendar's shifts are imported: no members, handoff or starts here")
            return self
        if not self.members or not self.handoff or self.starts is None:
            raise ValueError("a rotation needs members, handoff and starts (the first day)")
        named = [item[0] is not None for item in map(_parts, self.handoff)]
        if self.rotation == "daily" and any(named):
            raise ValueError("a daily hand-over has no weekday: '08:00'")
        if self.rotation != "daily" and not all(named):
            raise ValueError(f"a {self.rotation} hand-over needs its weekday: 'mon 08:00'")
        if self.rotation == "weekly" and len(self.handoff) > 1:
            raise ValueError("several hand-overs a week are rotation custom")
        if len(set(self.handoff)) < len(self.handoff):
            raise ValueError("the same hand-over stands twice")
        return self

    def layer(self, name: str, tz: ZoneInfo) -> Layer:
        """The layer of the model."""
        return Layer(
            name,
            self.rotation,
            tuple(member.member(tz) for member in self.members),
            tuple(sorted((day or 0) * 1440 + minutes for day, minutes in map(_parts, self.handoff))),
            self.every,
            self.starts,
            tuple(hours.hours() for hours in self.hours),
        )


class _Schedule(_Spec):
    name: str = Field(min_length=1)
    name_zh: str = ""
    unit: str = ""
    timezone: Zone
    layers: dict[Id, _Layer] = Field(min_length=1)


class _Step(_Spec):
    after: Span = 0.0
    tell: tuple[str, ...] = Field(min_length=1)


class _Repeat(_Spec):
    times: int = Field(ge=1, le=20)
    every: Span = Field(ge=_SHORTEST_S)


class _Policy(_Spec):
    unit: str = ""
    severity: frozenset[Severity] = frozenset()
    steps: tuple[_Step, ...] = Field(min_length=1, max_length=20)
    repeat: _Repeat | None = None
    remind_every: Span | None = Field(None, ge=_SHORTEST_S)

    @model_validator(mode="after")
    def _consistent(self) -> _Policy:
        if self.steps[0].after:
            raise ValueError("the first step is told at once: it has no after")
        return self

    def policy(self, name: str) -> Policy:
        """The policy of the model."""
        return Policy(
            name,
            tuple(PolicyStep(step.after, step.tell) for step in self.steps),
            self.unit,
            frozenset(str(severity) for severity in self.severity),
            self.repeat.times if self.repeat else 0,
            self.repeat.every if self.repeat else 0.0,
            self.remind_every or 0.0,
        )


def _parts(handoff: str) -> tuple[int | None, int]:
    """Weekday (None: every day) and minutes of the day."""
    found = _HANDOFF.fullmatch(handoff)
    assert found
    return (_WEEKDAYS.index(found[1]) if found[1] else None), int(found[2]) * 60 + int(found[3])


def _moment(value: datetime | date | None, tz: ZoneInfo, days: int) -> datetime | None:
    """A time of the file; a date is the beginning of that day, or of one so many days later."""
    if value is None:
        return None
    if isinstance(value, datetime):
        return (value if value.tzinfo else value.replace(tzinfo=tz)).astimezone(UTC)
    return wall(value + timedelta(days=days), 0, tz)


class File(_Spec):
    """A whole file."""

    people: dict[Id, _Person] = {}
    teams: dict[Id, _Team] = {}
    schedules: dict[Id, _Schedule] = {}
    policies: dict[Id, _Policy] = {}
