"""Time limits by filing item, from a CSV. The shipped table is `dispatch/data/limits.csv`; a city's own file wins by row."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

from citybrain.kernel.errors import ConfigError, NotFound
from citybrain.kernel.model import Kind
from dispatch.deadlines import UNITS

COLUMNS = (
    "item",
    "kind",
    "object_en",
    "object_zh",
    "condition_en",
    "condition_zh",
    "value",
    "unit",
    "close_en",
    "close_zh",
    "source",
)
_KINDS = {*Kind, "any"}
_LONGEST = {"urgent_minute": 527040.0, "urgent_hour": 8784.0, "natural_day": 366.0, "work_hour": 2928.0, "work_day": 366.0}
"""About a year in each unit: a longer limit is a typing error."""
_TEXT_UNITS = {
    "紧急工作时": "urgent_hour",
    "工作时": "work_hour",
    "工作日": "work_day",
    "自然日": "natural_day",
    "分钟": "urgent_minute",
}
_TEXT = re.compile(r"(\d+(?:\.\d+)?)\s*(紧急工作时|工作时|工作日|自然日|分钟)")


@dataclass(frozen=True, slots=True)
class Limit:
    """One filing item: what is filed, within what time it must be put right, and when it counts as put right."""

    item: str
    kind: str
    object_en: str
    object_zh: str
    condition_en: str
    condition_zh: str
    value: float
    unit: str
    close_en: str
    close_zh: str
    source: str


class Limits:
    """The table of limits."""

    def __init__(self, items: Mapping[str, Limit]) -> None:
        self._items = dict(items)

    def __iter__(self) -> Iterator[Limit]:
        return iter(self._items.values())

    def __len__(self) -> int:
        return len(self._items)

    def __contains__(self, item: object) -> bool:
        return item in self._items

    def of(self, item: str) -> Limit:
        """The limit of a filing item. Raises NotFound."""
        try:
            return self._items[item]
        except KeyError:
            raise NotFound(f"no time limit for filing item {item!r}; there are: {', '.join(sorted(self._items))}") from None


def load_limits(path: Path | None = None) -> Limits:
    """The shipped limits, with the rows of `path` over them. Raises ConfigError with file, line and column."""
    limits, errors = _read_all(path)
    if errors:
        raise errors[0]
    return limits


def check_limits(path: Path | None = None) -> list[ConfigError]:
    """Every fault of the limits."""
    return _read_all(path)[1]


def stated(text: str) -> tuple[float, str] | None:
    """The limit that a text states, `2紧急工作时` -> (2, "urgent_hour"); None when it states none."""
    found = _TEXT.search(text)
    return (float(found[1]), _TEXT_UNITS[found[2]]) if found else None


def _read_all(path: Path | None) -> tuple[Limits, list[ConfigError]]:
    shipped = files("dispatch").joinpath("data", "limits.csv").read_text(encoding="utf-8")
    items, errors = _read(shipped, "dispatch/data/limits.csv")
    if path is not None:
        try:
            own = path.read_text(encoding="utf-8-sig")
        except (OSError, UnicodeDecodeError) as error:
            return Limits(items), [*errors, ConfigError(f"cannot be read: {error}", file=str(path))]
        more, faults = _read(own, str(path))
        items, errors = items | more, errors + faults
    return Limits(items), errors


def _read(content: str, file: str) -> tuple[dict[str, Limit], list[ConfigError]]:
    reader = csv.DictReader(io.StringIO(content))
    missing = [name for name in COLUMNS if name not in (reader.fieldnames or ())]
    if missing:
        wanted = ",".join(COLUMNS)
        return {}, [ConfigError(f"columns missing: {', '.join(missing)}; the header is {wanted}", file=file, line=1)]
    items: dict[str, Limit] = {}
    errors: list[ConfigError] = []
    for row in reader:
        line = reader.line_num
        try:
            limit = _limit({key: (row[key] or "").strip() for key in COLUMNS})
            if limit.item in items:
                raise ConfigError(f"{limit.item} stands twice", key="item")
        except ConfigError as error:
            errors.append(ConfigError(error.message, file=file, line=line, key=error.key))
        else:
            items[limit.item] = limit
    return items, errors


def _limit(row: dict[str, str]) -> Limit:
    for key in COLUMNS:
        if not row[key]:
            raise ConfigError("must not be empty", key=key)
    if row["kind"] not in _KINDS:
        raise ConfigError(f"{row['kind']!r}: one of {', '.join(sorted(_KINDS))}", key="kind")
    if row["unit"] not in UNITS:
        raise ConfigError(f"{row['unit']!r}: one of {', '.join(UNITS)}", key="unit")
    try:
        value = float(row["value"])
    except ValueError:
        raise ConfigError(f"{row['value']!r} is not a number", key="value") from None
    if not 0 < value <= _LONGEST[row["unit"]]:
        raise ConfigError(f"{value:g} {row['unit']}: above 0 and at most {_LONGEST[row['unit']]:g}", key="value")
    said = stated(row["source"])
    if said is not None and said != (value, row["unit"]):
        raise ConfigError(f"the source says {said[0]:g} {said[1]}, the row {value:g} {row['unit']}", key="source")
    return Limit(**{key: row[key] for key in COLUMNS if key != "value"}, value=value)
