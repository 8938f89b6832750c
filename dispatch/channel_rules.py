"""How channels may disturb people, from `dispatch/data/channels.yml` and a city's own file over it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import time, timedelta
from importlib.resources import files
from pathlib import Path
from types import MappingProxyType
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from citybrain import yamlfile
from citybrain.kernel.contacts import CHANNELS, scheme_of
from citybrain.kernel.errors import ConfigError
from dispatch.allowance import Cap, Manners, Quiet

FALLBACK = "chat"
"""The kind of a scheme that no kind names: somebody's telephone rather than a program."""

_HOURS = re.compile(r"([01]\d|2[0-3]):([0-5]\d)-([01]\d|2[0-3]):([0-5]\d)")


class _Cap(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    count: int = Field(ge=1, le=10_000)
    minutes: float = Field(gt=0, le=24 * 60)


class _Kind(BaseModel):
    """A kind of channel as it stands in the file; what is missing stays as shipped."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    schemes: tuple[str, ...] = ()
    at_most: tuple[_Cap, ...] = ()
    bundle_s: float = Field(0, ge=0, le=3600)
    quiet: bool = False
    edit: tuple[str, ...] = ()

    @field_validator("schemes")
    @classmethod
    def _known(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        unknown = [scheme for scheme in value if scheme not in CHANNELS]
        if unknown:
            raise ValueError(f"no channel speaks {', '.join(unknown)}; there are {', '.join(sorted(CHANNELS))}")
        return value


class _Hours(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    everybody: Quiet | None = None
    people: dict[str, Quiet | None] = {}

    @field_validator("everybody", mode="before")
    @classmethod
    def _everybody(cls, value: Any) -> Any:
        return _quiet(value)

    @field_validator("people", mode="before")
    @classmethod
    def _people(cls, value: Any) -> Any:
        return {person: _quiet(hours) for person, hours in value.items()} if isinstance(value, dict) else value


class _File(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    kinds: dict[str, _Kind] = {}
    quiet_hours: _Hours = _Hours()


@dataclass(frozen=True, slots=True)
class ChannelRules:
    """The manners of every kind of channel, and the quiet hours of people."""

    kinds: Mapping[str, Manners]
    schemes: Mapping[str, str]
    """scheme of a contact -> kind"""
    everybody: Quiet | None = None
    people: Mapping[str, Quiet | None] = field(default_factory=lambda: MappingProxyType({}))

    def of(self, target: str) -> Manners:
        """The manners that a contact asks for."""
        return self.kinds[self.schemes.get(scheme_of(target), FALLBACK)]

    def quiet_of(self, person: str | None) -> Quiet | None:
        """The quiet hours of a person; a notice that names nobody has none: a unit's own contact is its desk."""
        return None if person is None else self.people.get(person, self.everybody)


def load_channel_rules(path: Path | None = None) -> ChannelRules:
    """The shipped rules, with those of `path` over them. Raises ConfigError with file, line and key."""
    rules, faults = _read_all(path)
    if faults or rules is None:
        raise faults[0]
    return rules


def check_channel_rules(path: Path | None = None) -> list[ConfigError]:
    """Every fault of the rules."""
    return _read_all(path)[1]


def _read_all(path: Path | None) -> tuple[ChannelRules | None, list[ConfigError]]:
    return read_channel_rules(yamlfile.read(path) if path is not None else None)


def read_channel_rules(own: yamlfile.YamlFile | None) -> tuple[ChannelRules | None, list[ConfigError]]:
    """The rules of a file over the shipped ones (None when there are faults), and every fault."""
    source = files("dispatch").joinpath("data", "channels.yml").read_text(encoding="utf-8")
    found = [yamlfile.parse(source, "dispatch/data/channels.yml"), *([own] if own is not None else ())]
    faults: list[ConfigError] = []
    read: list[_File] = []
    for file in found:
        faults += file.faults
        if not file.faults:
            try:
                read.append(_File.model_validate(file.value or {}))
            except ValidationError as error:
                faults += file.pydantic_faults((), error.errors())
    return (None, faults) if faults else (_merged(read), [])


def _merged(read: list[_File]) -> ChannelRules:
    """Later files win, kind by kind and key by key."""
    kinds: dict[str, dict[str, Any]] = {}
    schemes: dict[str, str] = {}
    for file in read:
        for name, kind in file.kinds.items():
            kinds.setdefault(name, {}).update({key: getattr(kind, key) for key in kind.model_fields_set})
            schemes |= dict.fromkeys(kind.schemes, name)
    people: dict[str, Quiet | None] = {}
    everybody: Quiet | None = None
    for file in read:
        people |= file.quiet_hours.people
        if "everybody" in file.quiet_hours.model_fields_set:
            everybody = file.quiet_hours.everybody
    made = {name: _manners(name, _Kind(**keys)) for name, keys in kinds.items()}
    return ChannelRules(made, schemes, everybody, people)


def _manners(name: str, kind: _Kind) -> Manners:
    caps = tuple(Cap(cap.count, timedelta(minutes=cap.minutes)) for cap in kind.at_most)
    return Manners(name, caps, timedelta(seconds=kind.bundle_s), frozenset(kind.edit), kind.quiet)


def _quiet(value: Any) -> Any:
    if value is None or value == "none":
        return None
    found = _HOURS.fullmatch(str(value))
    if not found:
        raise ValueError("quiet hours are written as '22:00-07:00', or none")
    hours = Quiet(time(int(found[1]), int(found[2])), time(int(found[3]), int(found[4])))
    if hours.begin == hours.end:
        raise ValueError("quiet hours that begin and end at the same time: write none, or two times")
    return hours
