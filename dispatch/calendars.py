"""Working calendars by name and time zone, from YAML and the `holidays` package."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import date, time
from importlib.resources import files
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import holidays as public
from pydantic import BaseModel, ConfigDict, ValidationError, field_validator, model_validator

from citybrain import yamlfile
from citybrain.kernel.calendar import WorkCalendar
from citybrain.kernel.errors import ConfigError
from citybrain.kernel.model import Unit

_WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_PAIR = re.compile(r"([01]\d|2[0-3]):([0-5]\d)-(?:([01]\d|2[0-3]):([0-5]\d)|24:00)")


class _Spec(BaseModel):
    """One calendar as it stands in the file."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    hours: tuple[tuple[time, time], ...]
    weekdays: frozenset[int]
    day_hours: float = 8.0
    country: str | None = None
    subdivision: str | None = None
    language: str | None = None
    holidays: dict[date, str] = {}
    workdays: dict[date, str] = {}

    @field_validator("hours", mode="before")
    @classmethod
    def _pairs(cls, value: Any) -> Any:
        pairs = []
        for item in value if isinstance(value, list) else [value]:
            found = _PAIR.fullmatch(str(item))
            if not found:
                raise ValueError(f"{item!r} is no opening time: write it as '08:00-12:00'")
            closing = time(int(found[3]), int(found[4])) if found[3] else time(0)
            pairs.append((time(int(found[1]), int(found[2])), closing))
        return tuple(pairs)

    @field_validator("weekdays", mode="before")
    @classmethod
    def _days(cls, value: Any) -> Any:
        unknown = [item for item in value if item not in _WEEKDAYS] if isinstance(value, list) else [value]
        if unknown:
            raise ValueError(f"{unknown!r}: a list of {', '.join(_WEEKDAYS)}")
        return frozenset(_WEEKDAYS.index(item) for item in value)

    @model_validator(mode="after")
    def _consistent(self) -> _Spec:
        both = self.holidays.keys() & self.workdays.keys()
        if both:
            raise ValueError(f"{min(both)} is both a holiday and a working day")
        if self.country is None and (self.subdivision or self.language):
            raise ValueError("subdivision and language need a country")
        try:
            WorkCalendar("", ZoneInfo("UTC"), self.hours, self.weekdays, day_hours=self.day_hours)
            self.public()
        except ConfigError as error:
            raise ValueError(str(error)) from error
        except NotImplementedError as error:
            raise ValueError(f"no public holidays known: {error}") from error
        return self

    def public(self) -> Any:
        """The public holidays of the country; years are worked out when they are asked for. None without a country."""
        if self.country is None:
            return None
        return public.country_holidays(self.country, subdiv=self.subdivision, language=self.language)


class _DaysOff(Mapping[date, str]):
    """Public holidays of a country under the file's own days off."""

    def __init__(self, country: Any, own: Mapping[date, str]) -> None:
        self._country, self._own = country, own

    def __getitem__(self, day: date) -> str:
        return self._own[day] if day in self._own else str(self._country[day])

    def __contains__(self, day: object) -> bool:
        return day in self._own or day in self._country

    def __iter__(self) -> Iterator[date]:
        return iter({**self._country, **self._own})

    def __len__(self) -> int:
        return len({**self._country, **self._own})


class _Moved(_DaysOff):
    """Moved working days: the file's own, then those that the country's table knows."""

    def __getitem__(self, day: date) -> str:
        if day in self._own:
            return self._own[day]
        if day not in self:
            raise KeyError(day)
        return "moved working day"

    def __contains__(self, day: object) -> bool:
        if day in self._own:
            return True
        _ = day in self._country  # works out the year, and with it the moved days
        return day in getattr(self._country, "weekend_workdays", ())


class Calendars:
    """All calendars of the file; each is bound to a time zone when it is asked for."""

    def __init__(self, specs: Mapping[str, _Spec]) -> None:
        self._specs = dict(specs)
        self._made: dict[tuple[str, str], WorkCalendar] = {}

    @property
    def names(self) -> tuple[str, ...]:
        """The calendars there are."""
        return tuple(sorted(self._specs))

    def of(self, name: str, timezone: str) -> WorkCalendar:
        """A calendar in a time zone (IANA name). Raises ConfigError when either does not exist."""
        made = self._made.get((name, timezone))
        if made is None:
            made = self._made[name, timezone] = self._make(name, timezone)
        return made

    def for_unit(self, unit: Unit) -> WorkCalendar:
        """The calendar of a unit in its time zone. Raises ConfigError when the unit names what does not exist."""
        return self.of(unit.calendar, unit.timezone)

    def _make(self, name: str, timezone: str) -> WorkCalendar:
        spec = self._specs.get(name)
        if spec is None:
            raise ConfigError(f"no working calendar {name!r}; there are: {', '.join(self.names)}", key="calendar")
        days_off: Mapping[date, str] = spec.holidays
        moved: Mapping[date, str] = spec.workdays
        country = spec.public()
        if country is not None:
            days_off, moved = _DaysOff(country, days_off), _Moved(country, moved)
        return WorkCalendar(name, zone(timezone), spec.hours, spec.weekdays, days_off, moved, spec.day_hours)


def zone(timezone: str) -> ZoneInfo:
    """A time zone by its IANA name. Raises ConfigError."""
    try:
        return ZoneInfo(timezone)
    except (OSError, ValueError, KeyError) as error:  # an unknown name is a KeyError, a path or a folder one of the others
        raise ConfigError(f"no time zone {timezone!r}: give an IANA name such as Asia/Shanghai", key="timezone") from error


def load_calendars(path: Path | None = None) -> Calendars:
    """The shipped calendars, with those of `path` over them by name. Raises ConfigError with file, line and key."""
    calendars, errors = _read_all(path)
    if errors:
        raise errors[0]
    return calendars


def check_calendars(path: Path | None = None) -> list[ConfigError]:
    """Every fault of the calendars."""
    return _read_all(path)[1]


def _read_all(path: Path | None) -> tuple[Calendars, list[ConfigError]]:
    shipped = files("dispatch").joinpath("data", "calendars.yml").read_text(encoding="utf-8")
    specs, errors = _specs(yamlfile.parse(shipped, "dispatch/data/calendars.yml"))
    if path is not None:
        more, faults = _specs(yamlfile.read(path))
        specs, errors = specs | more, errors + faults
    return Calendars(specs), errors


def _specs(found: yamlfile.YamlFile) -> tuple[dict[str, _Spec], list[ConfigError]]:
    if found.faults:
        return {}, found.faults
    if not isinstance(found.value, dict):
        return {}, [found.fault((), "must be a mapping of calendar names to calendars")]
    specs: dict[str, _Spec] = {}
    errors: list[ConfigError] = []
    for name, body in found.value.items():
        try:
            specs[name] = _Spec.model_validate(body)
        except ValidationError as problem:
            errors += found.pydantic_faults((name,), problem.errors())
    return specs, errors
