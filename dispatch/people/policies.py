"""PURE. Which policy an order has, and whom its steps reach at a moment."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import NamedTuple

from citybrain.kernel.contacts import safe
from citybrain.kernel.model import Unit
from dispatch.notices import Target, contacts
from dispatch.people.duty import Duty, on_duty
from dispatch.people.model import People, Person, Policy

LEVELS = ("unit", "lead", "supervisor")
"""Targets that are contacts of the order's unit itself."""

UNREACHED = {
    "nobody_on_duty": "nobody is on duty",
    "no_contact": "who is on duty has no contact",
    "away": "the person is away",
    "unknown_target": "the target is not there any more",
}
"""Why a target reached nobody: the closed set, with what each means."""


class Reached(NamedTuple):
    """What came of one target of a step. `reason` "": it was reached; `why` tells how, or what stood against it."""

    target: str
    contacts: tuple[Target, ...]
    reason: str
    why: str


class Climb(NamedTuple):
    """The first step that reaches somebody, and the steps before it that do not. `step` None: no step does."""

    policy: str
    step: int | None
    reached: tuple[Reached, ...]
    skipped: tuple[tuple[int, tuple[Reached, ...]], ...]

    @property
    def targets(self) -> tuple[Target, ...]:
        """Everybody to be told, each contact once."""
        return tuple({one.url: one for found in self.reached for one in found.contacts}.values())

    @property
    def why(self) -> str:
        """Why these people, in a few words."""
        return "; ".join(f"{shown(found.target)}: {found.why}" for found in self.reached if found.contacts)


class Next(NamedTuple):
    """What comes after a step when nobody acknowledges: this step of this round, so many seconds later."""

    step: int
    round: int
    after_s: float


def policy_for(people: People, unit: str, severity: str) -> Policy | None:
    """The policy of an order: one for the unit before one for all, then one for the severity; None: the ladder of the unit."""
    fitting = [
        policy
        for policy in people.policies.values()
        if policy.unit in {"", unit} and (not policy.severities or severity in policy.severities)
    ]
    return min(fitting, key=lambda one: (not one.unit, not one.severities, one.id), default=None)


def climb(people: People, policy: Policy, start: int, unit: Unit | None, at: datetime) -> Climb:
    """The first step from `start` on that reaches somebody at this moment: an empty step is skipped at once, not waited for."""
    skipped: list[tuple[int, tuple[Reached, ...]]] = []
    for number in range(start, len(policy.steps)):
        found = tuple(reach(people, target, unit, at) for target in policy.steps[number].targets)
        if any(one.contacts for one in found):
            return Climb(policy.id, number, found, tuple(skipped))
        skipped.append((number, found))
    return Climb(policy.id, None, (), tuple(skipped))


def following(policy: Policy, step: int, round_: int) -> Next | None:
    """The step after a step; after the last one the first of the next round; None when nothing is left."""
    if step + 1 < len(policy.steps):
        return Next(step + 1, round_, policy.steps[step + 1].after_s)
    if round_ < policy.repeat_times:
        return Next(0, round_ + 1, policy.repeat_s)
    return None


def reach(people: People, target: str, unit: Unit | None, at: datetime) -> Reached:
    """Whom one target reaches now."""
    kind, _, name = target.partition(":")
    if target in LEVELS:
        urls = contacts(unit, target)
        return Reached(target, tuple(Target(url) for url in urls), "" if urls else "no_contact", "contacts of the unit")
    if kind == "person":
        return _persons(people, target, [name], at, "named in the policy")
    if kind == "team":
        team = people.teams.get(name)
        if team is None:
            return Reached(target, (), "unknown_target", "no such team")
        return _persons(people, target, [one.person for one in team.members if one.holds(at)], at, "in the team")
    if kind == "schedule":
        schedule = people.schedules.get(name)
        if schedule is None:
            return Reached(target, (), "unknown_target", "no such schedule")
        duty = on_duty(schedule, at, people)
        if not duty.people:
            return Reached(target, (), "nobody_on_duty", duty.reason)
        return _persons(people, target, [one.person for one in duty.people], at, because(duty))
    return Reached(target, (Target(target),), "", "contact of the policy")


def shown(target: str) -> str:
    """A target for logs, ledger and lists: a contact URL may hold a key."""
    return safe(target) if "://" in target else target


def because(duty: Duty) -> str:
    """Who is on duty and why, in a few words."""
    return ", ".join(
        f"{one.person} ({one.reason}{f' instead of {one.instead_of}' if one.instead_of else ''})" for one in duty.people
    )


def contacts_of(person: Person) -> tuple[Target, ...]:
    """The contacts of a person, each with its language."""
    return tuple(Target(one.target, person.id, one.language or person.language) for one in person.contacts)


def _persons(people: People, target: str, names: Iterable[str], at: datetime, why: str) -> Reached:
    here = [people.people[name] for name in names if people.here(name, at)]
    found = tuple({one.url: one for person in here for one in contacts_of(person)}.values())
    if found:
        return Reached(target, found, "", why)
    return Reached(target, (), "no_contact" if here else "away", why)
