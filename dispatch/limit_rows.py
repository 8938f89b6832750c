"""A city's own time limits as a CSV: rows that stand over those of its profile."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from citybrain.kernel.errors import ConfigError
from citybrain.kernel.model import Severity
from dispatch.limits import KINDS, MAKE_SAFE, REPAIR, Item, Limit, checked

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
MORE = ("severity", "street_class", "safe_value", "safe_unit", "safe_source")
"""Columns that may be missing. Without `safe_…` the profile's make-safe clock stays."""
_WORDS = ("kind", "object_en", "object_zh", "condition_en", "condition_zh", "close_en", "close_zh")

Row = tuple[str, dict[str, str], dict[str, Limit]]
"""item, its words, its limits by clock"""


def over(items: Mapping[str, Item], path: Path, streets: Mapping[str, str]) -> tuple[dict[str, Item], list[ConfigError]]:
    """The items with the rows of a CSV over them, and what is wrong with it.

    A row for every severity and class of streets stands instead of all of the profile's rows of that clock. `streets`: classes
    of streets that exist.
    """
    try:
        content = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        return dict(items), [ConfigError(f"cannot be read: {error}", file=str(path))]
    reader = csv.DictReader(io.StringIO(content))
    missing = [name for name in COLUMNS if name not in (reader.fieldnames or ())]
    if missing:
        wanted = ",".join(COLUMNS)
        return dict(items), [
            ConfigError(f"columns missing: {', '.join(missing)}; the header is {wanted}", file=str(path), line=1)
        ]
    found: dict[str, list[Row]] = {}
    errors: list[ConfigError] = []
    for row in reader:
        line = reader.line_num
        try:
            made = _row({key: (row.get(key) or "").strip() for key in (*COLUMNS, *MORE)}, streets)
            if any(made[2][REPAIR].key == other[2][REPAIR].key for other in found.get(made[0], ())):
                raise ConfigError(f"{made[0]} stands twice for this severity and class of streets", key="item")
        except ConfigError as error:
            errors.append(ConfigError(error.message, file=str(path), line=line, key=error.key))
        else:
            found.setdefault(made[0], []).append(made)
    merged = dict(items)
    for name, rows in found.items():
        merged[name] = _merged(name, items.get(name), rows)
        if not merged[name].make_safe:
            errors.append(
                ConfigError(
                    f"{name} is not in the profile, so it needs safe_value and safe_unit", file=str(path), key="safe_value"
                )
            )
    return merged, errors


def _row(row: dict[str, str], streets: Mapping[str, str]) -> Row:
    for key in COLUMNS:
        if not row[key]:
            raise ConfigError("must not be empty", key=key)
    if row["kind"] not in KINDS:
        raise ConfigError(f"{row['kind']!r}: one of {', '.join(sorted(KINDS))}", key="kind")
    if row["severity"] not in {"", "*", *Severity}:
        raise ConfigError(f"{row['severity']!r}: one of {', '.join(Severity)}, or *", key="severity")
    if row["street_class"] not in {"", "*"} and row["street_class"] not in streets:
        raise ConfigError(f"{row['street_class']!r}: one of {', '.join(sorted(set(streets)))}, or *", key="street_class")
    severity = None if row["severity"] in {"", "*"} else row["severity"]
    street = None if row["street_class"] in {"", "*"} else streets[row["street_class"]]
    value, unit = checked(row["value"], row["unit"], row["source"])
    limits = {REPAIR: Limit(value, unit, row["source"], severity, street)}
    if row["safe_value"] or row["safe_unit"]:
        source = row["safe_source"] or row["source"]
        value, unit = checked(
            row["safe_value"], row["safe_unit"], row["safe_source"], keys=("safe_value", "safe_unit", "safe_source")
        )
        limits[MAKE_SAFE] = Limit(value, unit, source, severity, street)
    return row["item"], {key: row[key] for key in _WORDS}, limits


def _merged(name: str, known: Item | None, rows: list[Row]) -> Item:
    words: dict[str, Any] = dict(rows[-1][1])
    repair = tuple(limits[REPAIR] for _, _, limits in rows)
    safe = tuple(limits[MAKE_SAFE] for _, _, limits in rows if MAKE_SAFE in limits)
    if known is None:
        return Item(name, **words, make_safe=safe, repair=repair)
    return replace(known, **words, repair=_with_rest(repair, known.repair), make_safe=_with_rest(safe, known.make_safe))


def _with_rest(own: tuple[Limit, ...], profile: tuple[Limit, ...]) -> tuple[Limit, ...]:
    """Own rows; where none of them is for everything, the profile's stay for what is left."""
    keys = {row.key for row in own}
    return own if (None, None) in keys else (*own, *(row for row in profile if row.key not in keys))
