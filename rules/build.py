"""Makes a detector's Params from plain YAML values by its type hints, and names the key of every fault.

By hand and not by pydantic: the detectors are pure standard library, their checks speak in `key: message`, and a strict
reader (no "10" for 10, no true for 1) of nested plain dataclasses is shorter so.
"""

from __future__ import annotations

import typing
from collections.abc import Callable, Mapping
from dataclasses import MISSING, Field, fields, is_dataclass
from difflib import get_close_matches
from functools import cache
from types import MappingProxyType, NoneType, UnionType
from typing import Any, NoReturn

from citybrain.kernel.measures import MEASURES

Loc = tuple[str | int, ...]
Note = Callable[[Loc, str], None]
"""Takes the place and the sentence of a fault."""
MAX_NUMBER = 1e12
"""No threshold, count or span of seconds is larger."""
MEASURE_FIELDS = frozenset({"measure", "measures", "needs", "by", "failure_flags"})
"""Fields of Params that hold names of measures: a slip there would be a rule that never fires."""


class _Faulty(Exception):
    """Something below was noted; there is no value."""


def build(cls: type, raw: object, loc: Loc, note: Note) -> Any | None:
    """An instance of the dataclass `cls`, or None after at least one `note`."""
    try:
        return _dataclass(cls, raw, loc, note)
    except _Faulty:
        return None


@cache
def keys_of(cls: type) -> Mapping[str, Field[Any]]:
    """YAML key -> field. `raise_` is written `raise`."""
    return MappingProxyType({field.name.rstrip("_"): field for field in fields(cls)})


@cache
def _hints(cls: type) -> dict[str, Any]:
    return typing.get_type_hints(cls)


def closest(word: str, words: typing.Iterable[str]) -> str:
    """A hint for a misspelt word, or nothing."""
    found = get_close_matches(word, list(words), n=1)
    return f"; did you mean {found[0]}?" if found else ""


def _dataclass(cls: type, raw: object, loc: Loc, note: Note) -> Any:
    if not isinstance(raw, Mapping):
        note(loc, f"must be a mapping of {', '.join(keys_of(cls))}, got {raw!r}")
        raise _Faulty
    values: dict[str, Any] = {}
    faulty = False
    for key, value in raw.items():
        field = keys_of(cls).get(key)
        if field is None:
            note((*loc, key), f"unknown key{closest(key, keys_of(cls))}")
            faulty = True
            continue
        try:
            values[field.name] = _value(_hints(cls)[field.name], value, (*loc, key), note)
            if key in MEASURE_FIELDS:
                _measures(values[field.name], (*loc, key), note)
        except _Faulty:
            faulty = True
    for key, field in keys_of(cls).items():
        if key not in raw and field.default is MISSING and field.default_factory is MISSING:
            note((*loc, key), "missing")
            faulty = True
    if faulty:
        raise _Faulty
    try:
        return cls(**values)
    except ValueError as error:
        _own_check(cls, str(error), loc, note)
        raise _Faulty from error


def _own_check(cls: type, message: str, loc: Loc, note: Note) -> None:
    key, _, rest = message.partition(": ")
    if key in keys_of(cls):
        note((*loc, key), rest)
    else:
        note(loc, message)


def _measures(names: Any, loc: Loc, note: Note) -> None:
    wrong = [name for name in ([names] if isinstance(names, str) else names) if name not in MEASURES]
    for name in wrong:
        note(loc, f"unknown measure {name!r}{closest(name, MEASURES)}")
    if wrong:
        raise _Faulty


def _value(hint: Any, raw: object, loc: Loc, note: Note) -> Any:
    origin, args = typing.get_origin(hint), typing.get_args(hint)
    if origin in (typing.Union, UnionType):
        return _union(args, raw, loc, note)
    if origin is tuple:
        return _tuple(args, raw, loc, note)
    if is_dataclass(hint):
        return _dataclass(typing.cast(type, hint), raw, loc, note)
    if origin is not None and issubclass(origin, Mapping):
        if not isinstance(raw, Mapping):
            return _refuse(loc, note, "must be a mapping", raw)
        return MappingProxyType({key: _value(args[1], value, (*loc, key), note) for key, value in raw.items()})
    return _scalar(hint, raw, loc, note)


def _union(args: tuple[Any, ...], raw: object, loc: Loc, note: Note) -> Any:
    if raw is None:
        return None if NoneType in args else _refuse(loc, note, "must not be empty", raw)
    kinds = [arg for arg in args if arg is not NoneType]
    if len(kinds) == 1:
        return _value(kinds[0], raw, loc, note)
    if str in kinds and isinstance(raw, str):
        return raw
    return _value(next(kind for kind in kinds if kind is not str), raw, loc, note)


def _tuple(args: tuple[Any, ...], raw: object, loc: Loc, note: Note) -> tuple[Any, ...]:
    if not isinstance(raw, list):
        return _refuse(loc, note, "must be a list", raw)
    if args[-1] is Ellipsis:
        items = [args[0]] * len(raw)
    elif len(args) == len(raw):
        items = list(args)
    else:
        return _refuse(loc, note, f"must be a list of {len(args)}", raw)
    return tuple(_value(hint, value, (*loc, number), note) for number, (hint, value) in enumerate(zip(items, raw, strict=True)))


def _scalar(hint: Any, raw: object, loc: Loc, note: Note) -> Any:
    if hint is bool:
        return raw if isinstance(raw, bool) else _refuse(loc, note, "must be true or false", raw)
    if hint is str:
        return raw if isinstance(raw, str) and raw else _refuse(loc, note, "must be a word", raw)
    # NaN compares false with everything, so it is refused here as well
    if not isinstance(raw, int | float) or isinstance(raw, bool) or not abs(raw) <= MAX_NUMBER:
        return _refuse(loc, note, f"must be a number between {-MAX_NUMBER:g} and {MAX_NUMBER:g}", raw)
    if hint is int:
        return raw if isinstance(raw, int) else _refuse(loc, note, "must be a whole number", raw)
    return float(raw)


def _refuse(loc: Loc, note: Note, message: str, raw: object) -> NoReturn:
    text = repr(raw)
    note(loc, f"{message}, got {text if len(text) <= 60 else text[:57] + '...'}")
    raise _Faulty
