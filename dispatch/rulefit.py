"""PURE. Whether a rule of responsibility, or an ownership, holds on a day and fits an asset; and what proves it."""

from __future__ import annotations

from datetime import date, datetime
from zoneinfo import ZoneInfo

from citybrain.kernel.model import Asset, Unit
from citybrain.kernel.register import Ownership, Register, Responsibility
from dispatch.areas import Place


def owner_of(asset: str, register: Register, on: date | datetime) -> Ownership | None:
    """The dated ownership of an asset that is in force; of several the one that began last."""
    found = None
    for one in register.ownerships.get(asset, ()):  # in order of their first day
        if in_force(one, register, on) is None:
            found = one
    return found


def proof_of(said: Ownership | Responsibility) -> str:
    """The days between which something holds, and its source: "from 2026-01-01, until 2027-12-31; contract LT-2026-07"."""
    days = ", ".join(f"{word} {day}" for word, day in (("from", said.valid_from), ("until", said.valid_to)) if day is not None)
    return "; ".join(part for part in (days, said.source) if part)


def local_day(unit: Unit | None, on: date | datetime) -> date:
    """The day of a moment where a unit is."""
    if not isinstance(on, datetime):
        return on
    try:
        return on.astimezone(ZoneInfo(unit.timezone if unit else "UTC")).date()
    except (OSError, ValueError, KeyError):
        return on.date()


def in_force(said: Ownership | Responsibility, register: Register, on: date | datetime) -> tuple[str, str] | None:
    """Why something dated does not hold, with a detail; None when it does."""
    if said.valid_from is None and said.valid_to is None:
        return None
    day = local_day(register.units.get(said.unit), on)
    if said.valid_from is not None and day < said.valid_from:
        return "not_yet_valid", f"from {said.valid_from}"
    if said.valid_to is not None and day > said.valid_to:
        return "expired", f"the last day was {said.valid_to}"
    return None


def reason_of(rule: Responsibility, asset: Asset, condition: str | None, place: Place) -> str:
    """The reason of `verdict`, without its words: of the many rules that do not fit only a few are shown."""
    if rule.kind is not None and rule.kind != asset.kind:
        return "other_kind"
    if rule.condition is not None and rule.condition != condition:
        return "other_condition"
    if rule.feeder is not None and rule.feeder != asset.feeder:
        return "other_feeder"
    if rule.cabinet is not None and rule.cabinet != asset.cabinet:
        return "other_cabinet"
    if rule.contract is not None and rule.contract != asset.attributes.get("contract"):
        return "other_contract"
    if rule.area is not None and rule.area not in place:
        return "other_area" if any(place) else "place_unknown"
    return "matched"


def verdict(rule: Responsibility, asset: Asset, condition: str | None, place: Place) -> tuple[str, str]:
    """Why a rule does or does not fit: the first thing that differs."""
    pairs = (
        ("kind", rule.kind, asset.kind),
        ("condition", rule.condition, condition),
        ("feeder", rule.feeder, asset.feeder),
        ("cabinet", rule.cabinet, asset.cabinet),
        ("contract", rule.contract, asset.attributes.get("contract")),
    )
    for name, wanted, given in pairs:
        if wanted is not None and wanted != given:
            return f"other_{name}", f"rule: {wanted}, asset: {given or 'none'}"
    if rule.area is not None and rule.area not in place:
        where = ", ".join(part for part in place if part)
        return ("other_area", f"rule: {rule.area}, asset: {where}") if where else ("place_unknown", f"rule: {rule.area}")
    said = [f"{name} {wanted}" for name, wanted, _ in (*pairs, ("area", rule.area, None)) if wanted is not None]
    return "matched", ", ".join(said) or "for everything"


def weight(rule: Responsibility, place: Place) -> int:
    """How much a rule says; more is tried first."""
    area = 0 if rule.area is None else 64 if rule.area == place.cell else 32
    return (
        area
        + 16 * (rule.feeder is not None)
        + 8 * (rule.cabinet is not None)
        + 4 * (rule.contract is not None)
        + 2 * (rule.kind is not None)
        + (rule.condition is not None)
    )
