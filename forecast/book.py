"""The forecasts' numbers and conditions, from YAML: the shipped file, and a city's own over it, key by key."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any, TypeVar

from pydantic import TypeAdapter, ValidationError

from citybrain import yamlfile
from citybrain.kernel.conditions import ConditionInfo
from citybrain.kernel.errors import ConfigError
from citybrain.kernel.model import Kind, Severity
from citybrain.yamlfile import Path_, YamlFile
from forecast.finding import Plan
from forecast.settings import Battery, BatteryModel, Cover, Lamp, Life, Plans, Repeat, Silt

T = TypeVar("T")
_SHIPPED = "forecast/data/forecast.yml"
_SECTIONS: Mapping[str, type] = {
    "silt": Silt, "battery": Battery, "cover": Cover, "lamp": Lamp, "repeat": Repeat, "life": Life,
}  # fmt: skip
_NAMED = ("acute", "batteries", "conditions")
_SHARES = frozenset({"confidence", "share_of_diameter", "usable", "loss", "doubt", "self_discharge"})
_MAY_BE_ZERO = frozenset({"wet_days_after", "rest_s", "loss", "self_discharge", "rain_mm", "calm_days"})


@dataclass(frozen=True, slots=True)
class _Title:
    en: str
    zh: str


@dataclass(frozen=True, slots=True)
class _Condition:
    plan: Plan
    kind: str
    cause: str
    filing: str
    verify_s: float
    title: _Title
    source: str


@dataclass(frozen=True, slots=True)
class Book:
    """What forecasting knows: its numbers, and the condition of each kind of forecast."""

    plans: Plans
    infos: Mapping[str, ConditionInfo]
    """condition -> what dispatch must know of it"""
    condition_of: Mapping[Plan, ConditionInfo]


def load_book(path: Path | None = None) -> Book:
    """The shipped numbers with the file `path` over them. Raises ConfigError with file, line and key."""
    book, faults = _read(path)
    if book is None:
        raise faults[0]
    return book


@cache
def planned_infos(path: Path | None = None) -> Mapping[str, ConditionInfo]:
    """The conditions of planned orders, read once for each file. Raises ConfigError as `load_book`."""
    return load_book(path).infos


def check_forecast(path: Path | None = None, *, filings: Collection[str] | None = None) -> list[ConfigError]:
    """Every fault; with `filings` (items of the table of limits) also one that is not among them."""
    book, faults = _read(path)
    if book is None or filings is None:
        return faults
    file = str(path) if path is not None else _SHIPPED
    return [
        ConfigError(f"no item {info.filing!r} in the table of limits", file=file, key=f"conditions.{name}.filing")
        for name, info in book.infos.items()
        if info.filing not in filings
    ]


def shipped() -> YamlFile:
    """The file that comes with the program."""
    return yamlfile.parse(files("forecast").joinpath("data", "forecast.yml").read_text(encoding="utf-8"), _SHIPPED)


def _read(path: Path | None) -> tuple[Book | None, list[ConfigError]]:
    return read_book([shipped(), *([yamlfile.read(path)] if path is not None else [])])


def read_book(sources: Sequence[YamlFile]) -> tuple[Book | None, list[ConfigError]]:
    """The book of files, later ones over earlier ones; None and every fault when there is any."""
    faults = [fault for source in sources for fault in source.faults]
    merged: dict[str, Any] = {}
    for source in sources:
        if source.value is None and not source.faults:
            faults.append(ConfigError("the file is empty", file=source.file, line=1))
        elif source.value is not None and not isinstance(source.value, Mapping):
            faults.append(source.fault((), "must be a mapping"))
        elif source.value is not None:
            _merge(merged, source.value)
    checked = _Checked(sources)
    known = {*_SECTIONS, *_NAMED}
    for name in merged.keys() - known:
        checked.fault((name,), f"unknown part; there are {', '.join(sorted(known))}")
    if faults:
        return None, faults
    parts = {name: checked.part((name,), kind, merged.get(name)) for name, kind in _SECTIONS.items()}
    batteries = [
        checked.part(("batteries", name), BatteryModel, body, name=name) for name, body in _items(merged, "batteries", checked)
    ]
    conditions = {
        name: checked.part(("conditions", name), _Condition, body) for name, body in _items(merged, "conditions", checked)
    }
    acute = {name: frozenset(map(str, listed or ())) for name, listed in _items(merged, "acute", checked)}
    for name in acute.keys() - {*Plan}:
        checked.fault(("acute", name), f"no kind of forecast; there are {', '.join(Plan)}")
    _check_conditions(conditions, checked)
    if checked.faults:
        return None, checked.faults
    plans = Plans(**parts, batteries=tuple(batteries), acute=acute)
    infos = {name: _info(name, found) for name, found in conditions.items()}
    by_plan = {found.plan: infos[name] for name, found in conditions.items()}
    return Book(plans, infos, by_plan), []


def _check_conditions(conditions: Mapping[str, _Condition], checked: _Checked) -> None:
    whole = {name: found for name, found in conditions.items() if found is not None}
    for name, found in whole.items():
        if not name.startswith("PLAN-"):
            checked.fault(("conditions", name), "the name of a planned order's condition begins with PLAN-")
        if found.kind not in {*Kind, "any"}:
            checked.fault(("conditions", name, "kind"), f"{found.kind!r}: one of {', '.join(sorted({*Kind, 'any'}))}")
    for plan in Plan:
        if len([found for found in whole.values() if found.plan == plan]) != 1:
            checked.fault(("conditions",), f"exactly one condition must have `plan: {plan}`")


def _info(name: str, found: _Condition) -> ConditionInfo:
    return ConditionInfo(
        name, found.kind, Severity.WARNING, found.cause, found.filing, found.verify_s, title_en=found.title.en,
        title_zh=found.title.zh,
    )  # fmt: skip


def _items(merged: Mapping[str, Any], name: str, checked: _Checked) -> Iterator[tuple[str, Any]]:
    body = merged.get(name)
    if not isinstance(body, Mapping):
        checked.fault((name,), "must be a mapping of name to what it is")
        return
    yield from ((str(key), value) for key, value in body.items())


class _Checked:
    """Parts of the YAML as settings; what is wrong with them, each at its line in the file that said it last."""

    def __init__(self, sources: Sequence[YamlFile]) -> None:
        self._sources = sources
        self.faults: list[ConfigError] = []

    def fault(self, path: Path_, message: str) -> None:
        """Note a fault at a key."""
        for end in range(len(path), -1, -1):
            for source in reversed(self._sources):
                if path[:end] in source.lines:
                    where = source.lines[path[:end]]
                    self.faults.append(ConfigError(message, file=source.file, line=where, key=yamlfile.dotted(path)))
                    return

    def part(self, path: Path_, kind: type[T], body: object, **more: str) -> Any:
        """A part as a `kind`; None when something is wrong with it."""
        if not isinstance(body, Mapping):
            self.fault(path, "must be a mapping")
            return None
        before = len(self.faults)
        names = {one.name for one in fields(kind)}  # type: ignore[arg-type]  # only dataclasses are given
        for key in body.keys() - names:
            self.fault((*path, str(key)), f"unknown key; there are {', '.join(sorted(names - more.keys()))}")
        try:
            found = TypeAdapter(kind).validate_python({**body, **more})
        except ValidationError as error:
            for loc, message in yamlfile.worded(error.errors()):
                self.fault((*path, *loc), message)
            return None
        for key, value in body.items():
            if fault := _bounds(str(key), value):
                self.fault((*path, str(key)), fault)
        return found if len(self.faults) == before else None


def _bounds(key: str, value: object) -> str | None:
    """What is wrong with a number, if anything."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    if key in _SHARES and not 0 <= value < 1:
        return f"{value:g}: a share, from 0 and below 1"
    if value < 0 or (value == 0 and key not in _MAY_BE_ZERO):
        return f"{value:g}: must be above 0"
    return None


def _merge(into: dict[str, Any], body: Mapping[Any, Any]) -> None:
    """Lay a mapping over another, key by key; anything else is replaced."""
    for key, value in body.items():
        own = into.get(key)
        if isinstance(value, Mapping) and isinstance(own, dict):
            _merge(own, value)
        elif isinstance(value, Mapping):
            into[key] = {}
            _merge(into[key], value)
        else:
            into[key] = value
