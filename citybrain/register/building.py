"""Mapped rows to objects of the register: duplicates, references, and what they change of what is there."""

from __future__ import annotations

from collections.abc import Callable, Collection, Hashable, Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Any
from zoneinfo import ZoneInfo

from citybrain.geo import geometry
from citybrain.kernel import contacts
from citybrain.kernel.errors import RegisterError
from citybrain.kernel.model import Asset, Device, Unit
from citybrain.kernel.register import Area, Ownership, Responsibility
from citybrain.register.fields import Line, Refused
from citybrain.register.mapping import ColumnMap, Mapped, Skipped
from citybrain.register.report import Report


@dataclass(slots=True)
class Present:
    """What the register holds of what the rows speak of."""

    objects: Mapping[Any, Any] = field(default_factory=dict)
    """Present objects by key (see `key_of`)."""
    units: Collection[str] | None = None
    assets: Collection[str] | None = None
    """Assets that devices may be bound to."""
    calendars: Collection[str] | None = None
    """None, here and above: not known, so not checked."""


@dataclass(slots=True)
class Taken:
    """A row that stands for itself."""

    line: int
    row: Mapped


def take_rows(rows: list[Line], columns: ColumnMap, report: Report) -> dict[Hashable, Taken]:
    """Map every row and settle the ids that come twice. By key, in the order of the file."""
    policy = columns.spec.duplicates
    what = columns.spec.what
    taken: dict[Hashable, Taken] = {}
    said: dict[Hashable, list[Mapping[str, Any]]] = {}
    for line, source in rows:
        report.rows += 1
        try:
            if isinstance(source, Refused):
                raise source
            row = columns.row(source)
            key = key_of(what, row)
            before = said.setdefault(key, [])
            if row.values in before:
                report.repeated += 1
                continue
            if not before:
                # an earlier row may have been given this very id as its numbered one
                key = key if key not in taken else _numbered(key, taken)
            elif policy == "merge":
                _fill(taken[key].row.values, row.values)
                report.repeated += 1
                continue
            elif policy == "refuse" or what != "assets":
                raise Refused("duplicate_id", f"first in {report.row_word} {taken[key].line}")
            else:
                key = _numbered(key, taken)
            if key != row.id and what == "assets":
                report.renamed += 1
                row = row._replace(id=str(key))
            before.append(dict(row.values))
            report.blanked.update(row.notes)
            taken[key] = Taken(line, row)
        except Skipped as skip:
            report.skipped[skip.reason] += 1
        except Refused as error:
            report.refuse(line, "", error.reason, error.detail)
    return taken


def key_of(what: str, row: Mapped) -> Hashable:
    """What makes an object of the register one: its id; of a binding also the asset and the beginning, of an owner the day."""
    if what == "ownerships":
        return row.id, row.values.get("valid_from")
    return (row.id, row.values.get("asset"), row.values.get("valid_from")) if what == "devices" else row.id


def _numbered(key: Hashable, taken: Collection[Hashable]) -> str:
    number = 2
    while f"{key}-{number}" in taken:
        number += 1
    return f"{key}-{number}"


def _fill(first: dict[str, Any], later: Mapping[str, Any]) -> None:
    for name, value in later.items():
        if first.get(name) in (None, ()):
            first[name] = value


def build(what: str, taken: Mapping[Hashable, Taken], present: Present, report: Report) -> list[Any]:
    """The objects that are new or different. Counts all rows, refuses those that name what does not exist."""
    make = _MAKERS[what]
    found = []
    for key, item in taken.items():
        old = present.objects.get(key)
        try:
            made = make(item.row, old, present)
        except Refused as error:
            report.refuse(item.line, item.row.id, error.reason, error.detail)
            continue
        if old is None:
            report.new += 1
        elif old == made:
            report.unchanged += 1
            continue
        else:
            report.changed += 1
        found.append(made)
    return found


def _known(noun: str, name: str | None, names: Collection[str] | None) -> None:
    if name is not None and names is not None and name not in names:
        raise Refused(f"unknown_{noun}", f"{noun} {name!r}; import {noun}s first")


def _asset(row: Mapped, old: Asset | None, present: Present) -> Asset:
    values = {name: value for name, value in row.values.items() if not name.startswith("attributes.")}
    given = {name.removeprefix("attributes."): row.values[name] for name in row.values if name.startswith("attributes.")}
    _known("unit", values.get("unit"), present.units)
    if values.get("interval_s") is not None and values["interval_s"] <= 0:
        raise Refused("out_of_range", f"interval_s: {values['interval_s']:g} is not above 0")
    if "name" in values:
        values["name"] = values["name"] or ""
    attributes = {**(old.attributes if old else {}), **given}
    values["attributes"] = MappingProxyType({name: word for name, word in attributes.items() if word is not None})
    base = old or Asset(row.id, values["kind"])
    return replace(base, **values, provisional=False)


def _device(row: Mapped, old: Device | None, present: Present) -> Device:
    made = replace(old, **row.values) if old else Device(row.id, **row.values)
    _known("asset", made.asset, present.assets)
    if made.valid_from and made.valid_to and made.valid_to <= made.valid_from:
        raise Refused("bad_period", f"from {made.valid_from.isoformat()} to {made.valid_to.isoformat()}")
    return made


def _ownership(row: Mapped, old: Ownership | None, present: Present) -> Ownership:
    """The id of a row is that of the asset."""
    values = {**row.values, "source": row.values.get("source") or (old.source if old else "")}
    made = replace(old, **values) if old else Ownership(row.id, **values)
    _known("asset", made.asset, present.assets)
    _known("unit", made.unit, present.units)
    if made.valid_from and made.valid_to and made.valid_to < made.valid_from:
        raise Refused("bad_period", f"from {made.valid_from} to {made.valid_to}")
    return made


def _unit(row: Mapped, old: Unit | None, present: Present) -> Unit:
    values = {name: value for name, value in row.values.items() if value is not None}
    made = replace(old, **values) if old else Unit(row.id, **values)
    try:
        ZoneInfo(made.timezone)
    except (OSError, ValueError, KeyError):
        raise Refused("bad_time_zone", f"{made.timezone!r}: give an IANA name such as Asia/Shanghai") from None
    if present.calendars is not None and made.calendar not in present.calendars:
        raise Refused("unknown_calendar", f"{made.calendar!r}: one of {', '.join(sorted(present.calendars))}")
    for name in ("contacts", "lead", "supervisor"):
        for contact in values.get(name, ()):
            if wrong := contacts.fault(contact):
                raise Refused("bad_contact", f"{name} {contacts.quoted(contact)}: {wrong}")
    return made


def _responsibility(row: Mapped, old: Responsibility | None, present: Present) -> Responsibility:
    values = {**row.values, "note": row.values.get("note") or (old.note if old else "")}
    values["source"] = row.values.get("source") or (old.source if old else "")
    made = replace(old, **values) if old else Responsibility(row.id, **values)
    _known("unit", made.unit, present.units)
    if made.valid_from and made.valid_to and made.valid_to < made.valid_from:
        raise Refused("bad_period", f"from {made.valid_from} to {made.valid_to}")
    return made


def _area(row: Mapped, old: Area | None, present: Present) -> Area:
    values = {**row.values, "name": row.values.get("name") or (old.name if old else "")}
    made = replace(old, **values) if old else Area(row.id, **values)
    if not isinstance(made.polygon, dict):
        raise Refused("bad_polygon", "no GeoJSON geometry")
    try:
        west, south, east, north = geometry(made).bounds
    except RegisterError as error:
        raise Refused("bad_polygon", str(error)) from None
    if not (-180 <= west <= east <= 180 and -90 <= south <= north <= 90):
        raise Refused("bad_polygon", f"corners from {west:g},{south:g} to {east:g},{north:g} are not WGS 84 degrees")
    return made


_MAKERS: Mapping[str, Callable[[Mapped, Any, Present], Any]] = {
    "assets": _asset,
    "devices": _device,
    "ownerships": _ownership,
    "units": _unit,
    "responsibilities": _responsibility,
    "areas": _area,
}
