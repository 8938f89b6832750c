"""PURE. The fields that an import can fill: their form, their unit, and how words and numbers become values."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any

from citybrain.kernel.model import Kind

WHATS = ("assets", "devices", "ownerships", "units", "responsibilities", "areas")

REASONS = {
    "too_many_fields": "the row has more fields than the header",
    "too_few_fields": "the row has fewer fields than the header",
    "no_id": "no template of the map gives an id",
    "duplicate_id": "an earlier row has this id",
    "bad_text": "a control character in a text",
    "missing": "a field that must be there is blank",
    "not_a_number": "no number where one must be",
    "not_a_date": "no date or time where one must be",
    "not_geojson": "no GeoJSON geometry where one must be",
    "unknown_value": "a word that the map or the register does not know",
    "out_of_range": "a number that is not believed",
    "bad_position": "latitude or longitude missing, outside of the world, or both 0",
    "bad_period": "the end is not after the beginning",
    "unknown_unit": "a unit that is not in the register",
    "unknown_asset": "an asset that is not in the register",
    "bad_polygon": "no polygon",
    "bad_time_zone": "no IANA time zone",
    "unknown_calendar": "no working calendar of that name",
    "bad_contact": "a contact that no channel can reach",
}
"""Why a row was refused: the closed set, with what each means."""


class Refused(Exception):
    """A row cannot be taken. `reason` is a key of REASONS."""

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(f"{reason}: {detail}")
        self.reason, self.detail = reason, detail


Line = tuple[int, dict[str, str] | Refused]
"""A row with its number (line of a CSV file, feature of a GeoJSON file); Refused when it could not even be read."""


@dataclass(frozen=True, slots=True)
class FieldType:
    """What a field holds. `form`: text, asset (an id), number, date, time, list, geometry; `unit` as in the field's name."""

    form: str = "text"
    unit: str = ""
    words: frozenset[str] | None = None
    required: bool = False


_TEXT, _NUMBER, _MM = FieldType(), FieldType("number"), FieldType("number", "mm")

FIELDS: Mapping[str, Mapping[str, FieldType]] = {
    "assets": {
        "kind": FieldType(words=frozenset(Kind), required=True),
        "lat": _NUMBER,
        "lon": _NUMBER,
        **dict.fromkeys(("unit", "district", "cell", "street_class", "feeder", "cabinet", "gateway"), _TEXT),
        **dict.fromkeys(("install_height_mm", "depth_mm", "pipe_diameter_mm"), _MM),
        "rated_power_w": FieldType("number", "W"),
        "interval_s": FieldType("number", "s"),
        **dict.fromkeys(("model", "schedule", "name"), _TEXT),
        "feeder_pos": _NUMBER,
        "downstream": FieldType("asset"),
        "catchment": _TEXT,
    },
    "devices": {
        "asset": FieldType("asset", required=True),
        "profile": _TEXT,
        "valid_from": FieldType("time"),
        "valid_to": FieldType("time"),
    },
    "ownerships": {
        "unit": FieldType(required=True),
        "valid_from": FieldType("date"),
        "valid_to": FieldType("date"),
        "source": _TEXT,
    },
    "units": {
        "name": FieldType(required=True),
        **dict.fromkeys(("name_zh", "timezone", "calendar"), _TEXT),
        **dict.fromkeys(("contacts", "lead", "supervisor", "guardian_of"), FieldType("list")),
    },
    "responsibilities": {
        "level": FieldType(words=frozenset(("contract", "area", "guardian")), required=True),
        "unit": FieldType(required=True),
        "kind": FieldType(words=frozenset(Kind)),
        **dict.fromkeys(("condition", "feeder", "cabinet", "contract", "area"), _TEXT),
        "valid_from": FieldType("date"),
        "valid_to": FieldType("date"),
        "note": _TEXT,
        "source": _TEXT,
    },
    "areas": {
        "type": FieldType(words=frozenset(("district", "cell")), required=True),
        "name": _TEXT,
        "polygon": FieldType("geometry", required=True),
    },
}
"""Every field but the id. Assets also have attributes.NAME (text)."""

TO_CANONICAL: Mapping[tuple[str, str], float] = {
    ("mm", "mm"): 1,
    ("mm", "cm"): 10,
    ("mm", "m"): 1000,
    ("mm", "in"): 25.4,
    ("mm", "ft"): 304.8,
    ("W", "W"): 1,
    ("W", "kW"): 1000,
    ("s", "s"): 1,
    ("s", "min"): 60,
    ("s", "h"): 3600,
    ("s", "d"): 86400,
}
"""(unit of the register, unit of the file) -> factor"""

_FIGURE = re.compile(r"[-+]?\d+(?:\.\d*)?(?:[eE][-+]?\d+)?|[-+]?\.\d+")
_NOT_IN_IDS = re.compile(r"[\s/+#\x00-\x1f\x7f]+")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")


def field_type(what: str, name: str) -> FieldType | None:
    """The type of a field; None when there is no such field."""
    if what == "assets" and name.startswith("attributes.") and len(name) > len("attributes."):
        return _TEXT
    return FIELDS[what].get(name)


def asset_id(text: str) -> str:
    """An asset's id made from a text: it is a level of MQTT topics, so blanks and / + # become one dash; braces go."""
    return _NOT_IN_IDS.sub("-", text.replace("{", "").replace("}", "")).strip("-")


def number(text: str, how: str) -> float:
    """The number in a text. `how`: only (the text must be one), first, sum or max of those in it. Raises Refused."""
    if how == "only":
        try:
            found = float(text)
        except ValueError:
            raise Refused("not_a_number", repr(text)) from None
    else:
        figures = [float(item) for item in _FIGURE.findall(text)]
        if not figures:
            raise Refused("not_a_number", repr(text))
        found = figures[0] if how == "first" else sum(figures) if how == "sum" else max(figures)
    if found != found or found in (float("inf"), float("-inf")):
        raise Refused("not_a_number", repr(text))
    return found


def value_of(text: str, kind: FieldType, separator: str) -> Any:
    """A word of the file as a value of the register (numbers: see `number`). Raises Refused."""
    if kind.form == "geometry":
        try:
            return json.loads(text)
        except ValueError as error:
            raise Refused("not_geojson", str(error)) from None
    if kind.form == "list":
        return tuple(item.strip() for item in text.split(separator) if item.strip())
    if kind.form == "asset":
        return asset_id(text)
    if _CONTROL.search(text):
        raise Refused("bad_text", repr(text))
    try:
        if kind.form == "date":
            return date.fromisoformat(text[:10]) if len(text) <= 10 else datetime.fromisoformat(text).date()
        if kind.form == "time":
            moment = datetime.fromisoformat(text)
            return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    except ValueError:
        raise Refused("not_a_date", f"{text!r}: write it as 2026-06-12 or 2026-06-12T14:00:00+08:00") from None
    if kind.words is not None and text not in kind.words:
        raise Refused("unknown_value", f"{text!r}: one of {', '.join(sorted(kind.words))}")
    return text
