"""people.yml read and checked as a whole: every fault is named by file, line and key."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import combinations
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from pydantic import ValidationError

from citybrain import yamlfile
from citybrain.kernel.contacts import fault as contact_fault
from citybrain.kernel.contacts import quoted
from citybrain.kernel.errors import ConfigError
from dispatch.people.model import Contact, People, Person, Schedule, Team
from dispatch.people.policies import LEVELS
from dispatch.people.spec import TARGET, File, MemberForm


def load_people(path: Path) -> People:
    """What a people.yml says. Raises ConfigError with file, line and key."""
    found, faults = read_people(yamlfile.read(path))
    if faults:
        raise faults[0]
    return found


def check_people(path: Path | None = None) -> list[ConfigError]:
    """Every fault of a people.yml; no file, no fault."""
    return read_people(yamlfile.read(path))[1] if path is not None else []


def read_people(file: yamlfile.YamlFile, units: frozenset[str] | None = None) -> tuple[People, list[ConfigError]]:
    """What a parsed people.yml says, and every fault of it; with faults there is nobody.

    `units`: the ids of the register; None when they are not known here.
    """
    if file.faults:
        return People(), file.faults
    if not isinstance(file.value, dict):
        return People(), [file.fault((), "must be a mapping with people, teams, schedules, policies")]
    try:
        spec = File.model_validate(file.value)
    except ValidationError as problem:
        return People(), file.pydantic_faults((), problem.errors())
    faults = [file.fault(path, message) for path, message in (*_references(spec), *_units(spec, units), *_twice(spec))]
    return (People(), faults) if faults else (_model(spec), [])


_Fault = tuple[yamlfile.Path_, str]


def _references(spec: File) -> Iterator[_Fault]:
    """Names that nobody has."""
    for name, team in spec.teams.items():
        yield from _members(spec, ("teams", name, "members"), team.members, ZoneInfo(team.timezone))
    for name, schedule in spec.schedules.items():
        for layer_name, layer in schedule.layers.items():
            path = ("schedules", name, "layers", layer_name, "members")
            yield from _members(spec, path, layer.members, ZoneInfo(schedule.timezone))
    known: Mapping[str, Mapping[str, Any]] = {"person": spec.people, "team": spec.teams, "schedule": spec.schedules}
    for name, policy in spec.policies.items():
        for number, step in enumerate(policy.steps):
            for place, target in enumerate(step.tell):
                where: yamlfile.Path_ = ("policies", name, "steps", number, "tell", place)
                found = TARGET.fullmatch(target)
                if found and found[2] not in known[found[1]]:
                    yield where, f"no {found[1]} {found[2]!r} in this file"
                elif not found and target not in LEVELS and contact_fault(target):
                    hint = f"person:ID, team:ID, schedule:ID, {', '.join(LEVELS)}, or a contact"
                    yield where, f"{quoted(target)} is nobody: {hint} ({contact_fault(target)})"


def _members(spec: File, path: yamlfile.Path_, members: tuple[MemberForm, ...], tz: ZoneInfo) -> Iterator[_Fault]:
    for number, item in enumerate(members):
        member = item.member(tz)
        if item.person not in spec.people:
            yield (*path, number), f"no person {item.person!r} in this file"
        if member.begin is not None and member.end is not None and member.begin >= member.end:
            yield (*path, number), f"{item.person} would leave before joining"


def _units(spec: File, units: frozenset[str] | None) -> Iterator[_Fault]:
    """Units that the register does not have."""
    for area in ("teams", "schedules", "policies") if units is not None else ():
        for name, item in getattr(spec, area).items():
            if item.unit and item.unit not in (units or ()):
                yield (area, name, "unit"), f"no unit {item.unit!r} in the register"


def _twice(spec: File) -> Iterator[_Fault]:
    """Two policies for the same orders: nobody could say which counts."""
    for (one, first), (other, second) in combinations(sorted(spec.policies.items()), 2):
        same = first.unit == second.unit and bool(first.severity) == bool(second.severity)
        if same and (first.severity & second.severity or not first.severity):
            yield ("policies", other), f"for the same unit and severity as policy {one!r}"


def _model(spec: File) -> People:
    people = {
        name: Person(
            name, one.name, one.name_zh, one.language or "", one.timezone,
            tuple(Contact(contact.url, contact.language or "") for contact in one.contacts),
        )
        for name, one in spec.people.items()
    }  # fmt: skip
    teams = {
        name: Team(name, one.name, one.name_zh, one.unit, tuple(item.member(ZoneInfo(one.timezone)) for item in one.members))
        for name, one in spec.teams.items()
    }
    schedules = {}
    for name, item in spec.schedules.items():
        layers = tuple(layer.layer(key, ZoneInfo(item.timezone)) for key, layer in sorted(item.layers.items()))
        schedules[name] = Schedule(name, item.name, item.timezone, item.name_zh, item.unit, layers)
    return People(people, teams, schedules, {name: policy.policy(name) for name, policy in spec.policies.items()})
