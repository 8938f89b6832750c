"""PURE. What happens to returned orders by the clock, and who decides about those that two units do not want."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from citybrain.config import Settings
from citybrain.kernel.model import Asset, Unit
from citybrain.kernel.register import Register
from dispatch.responsibility import UNASSIGNED, place_of


@dataclass(frozen=True, slots=True)
class ReturnRules:
    """Limits as value and unit, on the working clock of who decides.

    The 15 urgent minutes of the dispatcher are the stage limit of the municipal systems (`dispatch`, in minutes of a duty desk
    that never closes). They have none for an arbitration; a working day is the shortest limit of their table that is counted
    in days, and hearing two units in an hour would be a pretence.
    """

    dispatcher: tuple[float, str] = (15.0, "urgent_minute")
    arbitration: tuple[float, str] = (1.0, "work_day")
    arbiters: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    """district ("*": any) -> unit that decides there; else the guardian of the district"""


def return_rules(settings: Settings) -> ReturnRules:
    """The rules of the settings."""
    return ReturnRules(
        _limit(settings.dispatcher_limit),
        _limit(settings.arbitration_limit),
        MappingProxyType(dict(settings.arbiters)),
    )


def _limit(text: str) -> tuple[float, str]:
    value, _, unit = text.partition(" ")
    return float(value), unit


def arbiter_of(asset: Asset, register: Register, rules: ReturnRules, refused: Collection[str]) -> Unit:
    """Who decides where an order about `asset` goes: the first that is no party to it, else the first; always somebody."""
    found = list(_candidates(asset, register, rules))
    return next((unit for unit in found if unit.id not in refused), found[0])


def _candidates(asset: Asset, register: Register, rules: ReturnRules) -> Iterator[Unit]:
    district = place_of(asset, register).district
    areas = [area for area in (district, "*") if area is not None]
    named = [rules.arbiters[area] for area in areas if area in rules.arbiters]
    yield from (register.units[unit] for unit in named if unit in register.units)
    for area in areas:
        yield from sorted((unit for unit in register.units.values() if area in unit.guardian_of), key=lambda unit: unit.id)
        wanted = None if area == "*" else area
        for rule in sorted(register.responsibilities, key=lambda rule: rule.id):
            if rule.level == "guardian" and rule.area == wanted and rule.unit in register.units:
                yield register.units[rule.unit]
    yield UNASSIGNED


def unknown_arbiters(register: Register, rules: ReturnRules) -> list[str]:
    """Sentences about arbiters that the register does not have, for the log when the program starts."""
    return [
        f"arbiters: unit {unit!r} of {area!r} is not in the register; the guardian decides instead"
        for area, unit in sorted(rules.arbiters.items())
        if unit not in register.units
    ]
