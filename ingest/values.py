"""PURE: what may stand in a reading: canonical values with their types and ranges, level derived from distance."""

from __future__ import annotations

import re
from typing import Any, NamedTuple

from citybrain.kernel.measures import MEASURES
from citybrain.kernel.model import Asset, Value

MAX_VALUES = 64
MAX_TEXT = 256
_MAX_FREE = 1e15
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_.\-]{0,63}")


class Note(NamedTuple):
    """A value that was left out of a message that was taken. `code` is one of `ingest.quarantine.NOTES`."""

    name: str
    code: str


_NUMBERS: dict[str, tuple[float, float]] = {}
FLAGS: set[str] = set()
"""Measures that say yes or no: true/false, or 1/0."""
for _name, _measure in MEASURES.items():
    if _measure.unit == "1" and (_measure.low, _measure.high) == (0, 1):
        FLAGS.add(_name)
    else:
        _NUMBERS[_name] = (_measure.low, _measure.high)


def take(name: str, value: Any, into: dict[str, Value]) -> str | None:
    """Put one value into a reading when it may stand there; else the code of the note. None values are absent ones.

    Numbers of canonical measures must lie within `citybrain.kernel.measures`; flags may be true, false, 1 or 0 and are stored
    as booleans; other names may have numbers up to 1e15, booleans, and texts up to 256 characters.
    """
    kind = type(value)
    bounds = _NUMBERS.get(name)
    if bounds is not None:
        if kind is not float and kind is not int:
            return None if value is None else "wrong_type"
        if not bounds[0] <= value <= bounds[1]:
            return "out_of_range"
        into[name] = value
        return None
    if name in FLAGS:
        if kind is bool:
            into[name] = value
        elif (kind is int or kind is float) and value in (0, 1):
            into[name] = value == 1
        elif value is not None:
            return "wrong_type" if kind is not int and kind is not float else "out_of_range"
        return None
    return _take_free(name, value, into)


def _take_free(name: str, value: Any, into: dict[str, Value]) -> str | None:
    """A value whose name is not canonical."""
    if _NAME.fullmatch(name) is None:
        return "bad_name"
    if value is None:
        return None
    if isinstance(value, bool):
        into[name] = value
    elif isinstance(value, int | float):
        if not -_MAX_FREE <= value <= _MAX_FREE:
            return "out_of_range"
        into[name] = value
    elif isinstance(value, str):
        if len(value) > MAX_TEXT or "\x00" in value:
            return "out_of_range"
        into[name] = value
    else:
        return "wrong_type"
    return None


def take_all(given: dict[str, Any], into: dict[str, Value]) -> tuple[Note, ...]:
    """Put all values that may stand into a reading; notes for those that may not."""
    notes: list[Note] = []
    for name, value in given.items():
        # the quick way: a number of a canonical measure within its bounds
        bounds = _NUMBERS.get(name)
        if bounds is not None and (type(value) is float or type(value) is int) and bounds[0] <= value <= bounds[1]:
            into[name] = value
            continue
        code = take(name, value, into)
        if code is not None:
            notes.append(Note(name[:64], code))
    if len(into) > MAX_VALUES:
        bound(into)
        notes.append(Note("", "too_many"))
    return tuple(notes)


def bound(values: dict[str, Value]) -> None:
    """Leave out what is more than MAX_VALUES: the last ones, and names that no rule knows before those that one may need."""
    known = [name for name in values if name in MEASURES]
    others = [name for name in values if name not in MEASURES]
    for name in (*known, *others)[MAX_VALUES:]:
        del values[name]


def derive_levels(values: dict[str, Value], asset: Asset) -> None:
    """Add level_mm = install_height_mm - distance_mm and freeboard_mm = depth_mm - level_mm, where the register knows them.

    What a device gives itself is left alone. A distance further than the floor (a hole, a wrong height) gives a level below
    zero, down to the -500 mm that the measure allows; below that the height in the register is wrong and no level is given.
    """
    level = values.get("level_mm")
    if level is None and asset.install_height_mm is not None:
        distance = values.get("distance_mm")
        if distance is not None:
            derived = asset.install_height_mm - float(distance)
            low, high = _NUMBERS["level_mm"]
            if low <= derived <= high:
                values["level_mm"] = level = derived
    if level is not None and asset.depth_mm is not None and "freeboard_mm" not in values:
        derived = asset.depth_mm - float(level)
        low, high = _NUMBERS["freeboard_mm"]
        if low <= derived <= high:
            values["freeboard_mm"] = derived
