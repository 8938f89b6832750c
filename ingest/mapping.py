"""PURE: the values of one reading out of a decoded object, as a profile says."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from citybrain.kernel.measures import MEASURES
from citybrain.kernel.model import Value
from ingest import units
from ingest.paths import Path, Scope
from ingest.profile import ValueRule, code
from ingest.values import FLAGS, MAX_VALUES, Note, bound, take

_DROP = object()


class Rule(NamedTuple):
    """A value rule, ready to use."""

    name: str
    paths: tuple[Path, ...]
    rule: ValueRule
    sentinels: frozenset[str]
    unit: str
    """The unit of the measure; empty for a name that is not canonical."""
    flag: bool


def compile_rules(table: Mapping[str, ValueRule]) -> tuple[Rule, ...]:
    """The rules of a profile or frame, made ready once."""
    return tuple(
        Rule(
            name,
            tuple(Path.parse(path) for path in rule.path),
            rule,
            frozenset(code(item) for item in rule.sentinels),
            MEASURES[name].unit if name in MEASURES else "",
            name in FLAGS,
        )
        for name, rule in table.items()
    )


def read_values(rules: tuple[Rule, ...], scope: Scope) -> tuple[dict[str, Value], list[Note]]:
    """All values that are there and may stand; notes for those that may not. Missing keys are partial frames: no note."""
    values: dict[str, Value] = {}
    notes: list[Note] = []
    late: list[Rule] = []
    for rule in rules:
        raw = _raw(rule, scope)
        if raw is None:
            if rule.rule.absent is not None:
                late.append(rule)
            continue
        _put(rule, raw, values, notes)
    if values:
        # what a server drops is only known to be dropped when the message brings anything at all
        for rule in late:
            _put(rule, rule.rule.absent, values, notes)
    if len(values) > MAX_VALUES:
        notes.append(Note("", "too_many"))
        bound(values)
    return values, notes


def _put(rule: Rule, raw: Any, values: dict[str, Value], notes: list[Note]) -> None:
    value, fault = _value(rule, raw)
    if fault is None and value is not _DROP:
        fault = take(rule.name, value, values)
    if fault is not None:
        notes.append(Note(rule.name, fault))


def _raw(rule: Rule, scope: Scope) -> Any:
    """What the first path that is there gives; with `any`, true when one of them is."""
    found: Any = None
    for path in rule.paths:
        raw = path.get(scope)
        if raw is None:
            continue
        if not rule.rule.any:
            return raw
        value, _ = _value(rule._replace(rule=rule.rule.model_copy(update={"invert": False})), raw)
        if value is True or value == 1:
            return raw
        found = raw
    return found


def _value(rule: Rule, raw: Any) -> tuple[Any, str | None]:
    """The value in the unit of the measure, and the code of a fault."""
    spec = rule.rule
    own_unit = ""
    if type(raw) is dict:
        # {"value": 1234, "unit": "mm"}
        unit = raw.get("unit")
        own_unit = unit if isinstance(unit, str) else ""
        raw = raw.get("value")
        if raw is None:
            return _DROP, None
    if type(raw) is list:
        return _DROP, "wrong_type"
    if rule.sentinels and code(raw) in rule.sentinels:
        return _DROP, "sentinel"
    if spec.map is not None:
        key = code(raw)
        if key not in spec.map:
            if spec.others == "ignore":
                return _DROP, None
            return (_DROP, "unknown_code") if spec.others == "note" else (spec.others, None)
        raw = spec.map[key]
        return (_DROP, None) if raw is None else (raw, None)
    if rule.flag:
        return _flag(raw, spec.invert)
    if not rule.unit:
        return (raw if spec.scale is None else _number(raw, own_unit, spec, ""), None)
    number = _number(raw, own_unit, spec, rule.unit)
    if number is None:
        return _DROP, "wrong_type" if not isinstance(raw, str | int | float) or isinstance(raw, bool) else _string_fault(raw)
    return number, None


def _string_fault(raw: Any) -> str:
    return "bad_unit" if not isinstance(raw, str) or units.split(raw) is not None else "wrong_type"


def _flag(raw: Any, invert: bool) -> tuple[Any, str | None]:
    if isinstance(raw, str):
        raw = {"true": True, "false": False, "1": True, "0": False, "on": True, "off": False}.get(raw.strip().casefold(), raw)
    if not isinstance(raw, bool):
        if not (isinstance(raw, int | float) and raw in (0, 1)):
            return _DROP, "wrong_type"
        raw = raw == 1
    return raw != invert, None


def _number(raw: Any, own_unit: str, spec: ValueRule, target: str) -> float | None:
    """The number in the unit of the measure; None when it is none, or its unit cannot be converted.

    A unit that comes with the value wins over that of the profile. With `scale` the number is first brought to the unit of the
    profile, then scaled.
    """
    if isinstance(raw, str):
        parts = units.split(raw)
        if parts is None:
            return None
        raw, text_unit = parts
        own_unit = text_unit or own_unit
    if isinstance(raw, bool) or not isinstance(raw, int | float):
        return None
    number: float | None = raw
    source = own_unit or spec.unit or ""
    wanted = (spec.unit or "") if spec.scale is not None else target
    if source and wanted:
        number = units.convert(raw, source, wanted)
    if number is None:
        return None
    if spec.scale is not None or spec.offset:
        number = float(f"{number * (1 if spec.scale is None else spec.scale) + spec.offset:.12g}")
    if spec.floor is not None and number < spec.floor:
        number = spec.floor
    return number
