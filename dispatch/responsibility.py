"""PURE. Which unit repairs an asset, and the trail of the rules that were tried.

Tried in this order; the first that names a unit of the register wins, so there always is one:

1. `own`: who owns the asset on that day, else the asset's own unit without a date;
2. `contract`: rules for its feeder, cabinet or contract (attribute `contract`);
3. `area`: rules for its kind and its grid cell or district, by name or by position in a polygon;
4. `guardian`: the guardian of last resort of its district, then of the city (rules of level guardian, then units that say
   `guardian_of`);
5. the built-in unit `unassigned`, of which `gaps` warns.

Within a level the rule that says more is tried first: cell before district before any place, then kind, condition, id.

Ownerships and rules are dated, and a day is that of the unit which they name: at the stroke of midnight there. A step names
what proves it: the days between which it holds, and the contract or by-law.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import date, datetime
from typing import NamedTuple

from citybrain.kernel.model import Asset, Unit
from citybrain.kernel.register import Register, Responsibility
from dispatch.areas import Place, index_of
from dispatch.rulefit import in_force, owner_of, proof_of, reason_of, verdict, weight

UNASSIGNED = Unit("unassigned", "Unassigned (no unit is responsible)", "未分配（无责任单位）", contacts=("log:unassigned",))

REASONS = {
    "matched": "the rule fits",
    "no_own_unit": "the asset names no unit of its own",
    "no_owner_now": "the dated owners of the asset have not begun, or have ended",
    "unknown_unit": "the rule names a unit that is not in the register",
    "no_rules": "there are no rules of this level",
    "not_yet_valid": "the rule begins later",
    "expired": "the rule has ended",
    "other_kind": "the rule is for another kind of asset",
    "other_condition": "the rule is for another condition",
    "other_feeder": "the rule is for another feeder",
    "other_cabinet": "the rule is for another cabinet",
    "other_contract": "the rule is for another contract",
    "other_area": "the rule is for another district or cell",
    "place_unknown": "the rule is for an area, and the asset has neither district nor cell nor a position in one",
    "no_guardian": "nobody is guardian there",
    "stays_responsible": "it gave the order back because it was hindered, not because it is another unit's",
    "arbitrated": "the arbiter decided",
    "nobody_left": "no rule fits and the city has no guardian",
}
"""Why a rule did or did not match: the closed set, with what each means."""

_LEVELS = ("contract", "area", "guardian")
_KEPT = 5000
"""So many orders of rules are kept: one for each level and grid cell that was asked about."""
_SHOWN = 8
"""So many rules that fail for one reason are listed; more are counted in one step."""


OWNED = frozenset({"own", "contract", "area"})
"""Levels that name somebody because of what is agreed; who comes after them has the asset because nobody else has."""


class Step(NamedTuple):
    """One rule tried. `reason` is a key of REASONS, `rule` its id ("" for what is no rule, "*" for several); `proof` are the
    days between which it holds, and the contract or by-law, as far as the register has them."""

    level: str
    rule: str
    matched: bool
    reason: str
    detail: str = ""
    proof: str = ""


class Answer(NamedTuple):
    """The responsible unit and how it was found; the last step is the one that matched."""

    unit: Unit
    trail: tuple[Step, ...]

    @property
    def level(self) -> str:
        """How it was found: own, contract, area, guardian or unassigned."""
        return self.trail[-1].level


def find_unit(asset: Asset, condition: str | None, register: Register, on: date | datetime) -> Answer:
    """The unit that repairs `asset` when `condition` (None: any) befalls it. Never none.

    `on` is a moment, which is a day in the time zone of each unit that is asked about, or a day everywhere.
    """
    place = place_of(asset, register)
    trail: list[_Try] = []
    found = _last(_own(asset, register, on), trail)
    for level in _LEVELS:
        found = found or _rules(level, asset, condition, place, register, on, trail)
    if found is not None:
        return Answer(found, tuple(_shortened(trail, asset, condition, place)))
    trail.append(Step("unassigned", "", True, "nobody_left"))
    return Answer(UNASSIGNED, tuple(_shortened(trail, asset, condition, place)))


def guardian_of(asset: Asset, condition: str | None, register: Register, on: date | datetime) -> Answer:
    """The guardian of last resort of an asset, whoever owns it. Never none."""
    rules = [rule for rule in register.responsibilities if rule.level == "guardian"]
    alone = replace(register, responsibilities=rules, ownerships={})
    return find_unit(replace(asset, unit=None), condition, alone, on)


def place_of(asset: Asset, register: Register) -> Place:
    """Cell and district of an asset: what it says itself, else where its position lies."""
    if (asset.cell and asset.district) or asset.lat is None or asset.lon is None or not register.areas:
        return Place(asset.cell or None, asset.district or None)
    found = index_of(register).place(asset.lat, asset.lon)
    return Place(asset.cell or found.cell, asset.district or found.district)


def gaps(register: Register) -> list[str]:
    """What is missing for every asset to have a unit: sentences for the log, when the program starts."""
    known = {area.id for area in register.areas} | {asset.district for asset in register.assets.values()}
    known |= {asset.cell for asset in register.assets.values()}
    found = []
    rules = sorted(register.responsibilities, key=lambda rule: rule.id)
    city = any(rule.level == "guardian" and rule.area is None and rule.unit in register.units for rule in rules)
    if not city and not any("*" in unit.guardian_of for unit in register.units.values()):
        found.append(
            "the city has no guardian of last resort: orders that no rule fits go to the built-in unit 'unassigned'; "
            "give one unit guardian_of '*'"
        )
    for rule in rules:
        if rule.unit not in register.units:
            found.append(f"responsibility {rule.id!r} names unit {rule.unit!r}, which is not in the register")
        if rule.area is not None and rule.area not in known:
            found.append(f"responsibility {rule.id!r} names area {rule.area!r}, which no area and no asset has")
    return found


class _Failed(NamedTuple):
    """A rule that does not fit. Its step is worded only if it is shown."""

    level: str
    reason: str
    rule: Responsibility
    matched: bool = False
    detail: str = ""


_Try = Step | _Failed
_Level = Iterator[tuple[_Try, Unit | None]]


def _own(asset: Asset, register: Register, on: date | datetime) -> _Level:
    dated = owner_of(asset.id, register, on)
    if dated is not None:
        unit = register.units.get(dated.unit)
        reason = "matched" if unit else "unknown_unit"
        yield Step("own", "", unit is not None, reason, f"unit {dated.unit}", proof_of(dated)), unit
    elif others := register.ownerships.get(asset.id):
        last = others[-1]
        yield Step("own", "", False, "no_owner_now", f"unit {last.unit}", proof_of(last)), None
    if dated is None or dated.unit not in register.units:
        if not asset.unit:
            yield Step("own", "", False, "no_own_unit"), None
        else:
            unit = register.units.get(asset.unit)
            yield Step("own", "", unit is not None, "matched" if unit else "unknown_unit", f"unit {asset.unit}"), unit


def _last(level: _Level, trail: list[_Try]) -> Unit | None:
    """The first unit of a level; what was tried until then goes to the trail."""
    for step, unit in level:
        trail.append(step)
        if unit is not None:
            return unit
    return None


def _rules(
    level: str, asset: Asset, condition: str | None, place: Place, register: Register, on: date | datetime, trail: list[_Try]
) -> Unit | None:
    rules = _ordered(level, place, register)
    if level == "guardian":
        # the guardians of the district, by rule or by the unit's own word, come before those of the city
        near = [rule for rule in rules if rule.area is not None]
        anywhere = [rule for rule in rules if rule.area is None]
        return (
            _tried(near, asset, condition, place, register, on, trail)
            or (_last(_guardians(place.district, register), trail) if place.district is not None else None)
            or _tried(anywhere, asset, condition, place, register, on, trail)
            or _last(_guardians("*", register), trail)
        )
    if not rules:
        trail.append(Step(level, "", False, "no_rules"))
    return _tried(rules, asset, condition, place, register, on, trail)


def _tried(
    rules: list[Responsibility], asset: Asset, condition: str | None, place: Place, register: Register, on: date | datetime,
    trail: list[_Try],
) -> Unit | None:  # fmt: skip
    for rule in rules:
        late = None if rule.valid_from is None and rule.valid_to is None else in_force(rule, register, on)
        if late is not None:
            trail.append(_Failed(rule.level, late[0], rule, False, late[1]))
            continue
        reason = reason_of(rule, asset, condition, place)
        if reason != "matched":
            trail.append(_Failed(rule.level, reason, rule))
            continue
        unit = register.units.get(rule.unit)
        if unit is not None:
            trail.append(Step(rule.level, rule.id, True, *verdict(rule, asset, condition, place), proof_of(rule)))
            return unit
        trail.append(Step(rule.level, rule.id, False, "unknown_unit", f"unit {rule.unit}", proof_of(rule)))
    return None


_order: tuple[Sequence[Responsibility], dict[tuple[str, str | None, str | None], list[Responsibility]]] = ((), {})


def _ordered(level: str, place: Place, register: Register) -> list[Responsibility]:
    """The rules of a level, those that say more first. Kept while the rules stay: they are replaced as a whole."""
    global _order
    rules, found = _order
    if rules is not register.responsibilities:
        found = {}
        _order = (register.responsibilities, found)
    key = (level, place.cell, place.district)
    if key not in found:
        if len(found) >= _KEPT:
            found.clear()
        own = [rule for rule in register.responsibilities if rule.level == level]
        found[key] = sorted(own, key=lambda rule: (-weight(rule, place), rule.id))
    return found[key]


def _guardians(area: str, register: Register) -> _Level:
    where = "city" if area == "*" else f"district {area}"
    unit = min((unit for unit in register.units.values() if area in unit.guardian_of), key=lambda unit: unit.id, default=None)
    if unit is None:
        yield Step("guardian", "", False, "no_guardian", where), None
    else:
        yield Step("guardian", "", True, "matched", f"unit {unit.id} is guardian of the {where}"), unit


def _shortened(trail: list[_Try], asset: Asset, condition: str | None, place: Place) -> Iterator[Step]:
    """The trail with long runs of rules that failed for the same reason told as one step."""
    counts = Counter((step.level, step.reason) for step in trail if not step.matched)
    for step in trail:
        count = 0 if step.matched else counts[step.level, step.reason]
        if count <= _SHOWN:
            if isinstance(step, Step):
                if count or step.matched:
                    yield step
            elif count:
                detail = step.detail or verdict(step.rule, asset, condition, place)[1]
                yield Step(step.level, step.rule.id, False, step.reason, detail, proof_of(step.rule))
        else:
            counts[step.level, step.reason] = 0  # told once
            yield Step(step.level, "*", False, step.reason, f"{count} rules")
