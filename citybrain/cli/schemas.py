"""PURE: JSON Schemas (draft 07) of what the code's types look like as JSON, made from their annotations."""

from __future__ import annotations

import types
import typing
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from citybrain.kernel.measures import MEASURES
from ingest.values import FLAGS, MAX_TEXT, MAX_VALUES

Schema = dict[str, Any]

_PLAIN: dict[Any, Schema] = {
    str: {"type": "string"},
    int: {"type": "integer"},
    float: {"type": "number"},
    bool: {"type": "boolean"},
    type(None): {"type": "null"},
    datetime: {"type": "string", "format": "date-time"},
}


def schema_of(annotation: Any) -> Schema:
    """What a value of a type looks like as JSON. Raises TypeError for a type that nobody thought of."""
    plain = _PLAIN.get(annotation)
    if plain is not None:
        return dict(plain)
    origin, arguments = typing.get_origin(annotation), typing.get_args(annotation)
    if origin in (typing.Union, types.UnionType):
        return any_of(schema_of(argument) for argument in arguments)
    if origin in (tuple, list):
        return {"type": "array", "items": schema_of(arguments[0])}
    if origin is not None and issubclass(origin, Mapping):
        return {"type": "object", "additionalProperties": schema_of(arguments[1])}
    if isinstance(annotation, type) and issubclass(annotation, tuple) and hasattr(annotation, "_fields"):
        return places(annotation, {})
    raise TypeError(f"no schema for {annotation!r}")


def any_of(schemas: Iterable[Schema]) -> Schema:
    """One of some schemas; types alone are written as a list."""
    found = list(schemas)
    if all(set(one) == {"type"} for one in found):
        return {"type": [one["type"] for one in found]}
    return {"anyOf": found}


def places(kind: type, about: Mapping[str, str], given: Mapping[str, Schema] | None = None) -> Schema:
    """A named tuple as an array: its places in their order, each with its name as title and what it is about."""
    hints, fields = typing.get_type_hints(kind), typing.cast(Any, kind)._fields
    items = []
    for name in fields:
        item = {"title": name, **((given or {}).get(name) or schema_of(hints[name]))}
        if name in about:
            item["description"] = about[name]
        items.append(item)
    return {"type": "array", "items": items, "minItems": len(items), "maxItems": len(items), "additionalItems": False}


def fields(
    kind: type, about: Mapping[str, str], *, required: Iterable[str], given: Mapping[str, Schema] | None = None
) -> Schema:
    """A dataclass or named tuple as an object. What is not required may be left out when it is empty."""
    hints = typing.get_type_hints(kind)
    properties = {}
    for name in getattr(kind, "_fields", None) or typing.cast(Any, kind).__dataclass_fields__:
        found = {**((given or {}).get(name) or schema_of(hints[name]))}
        if name in about:
            found["description"] = about[name]
        properties[name] = found
    return {"type": "object", "properties": properties, "required": list(required), "additionalProperties": False}


def closed(properties: Mapping[str, Schema], required: Iterable[str]) -> Schema:
    """An object with these properties and no others."""
    return {
        "type": "object",
        "properties": dict(properties),
        "required": list(required),
        "additionalProperties": False,
    }


def values(*, sent: bool) -> Schema:
    """Measures and their values: as a device may send them (yes and no also as 1 and 0, null for none), or as they are kept."""
    found: dict[str, Schema] = {}
    for name, measure in MEASURES.items():
        if name in FLAGS:
            kept: Schema = {"type": "boolean"}
            schema = {"enum": [True, False, 0, 1, None]} if sent else kept
            found[name] = {**schema, "description": f"{measure.what}"}
        else:
            number: Schema = {"type": ["number", "null"] if sent else "number", "minimum": measure.low, "maximum": measure.high}
            found[name] = {**number, "description": f"{measure.what}; unit {measure.unit} (UCUM)"}
    others = [
        {"type": ["number", "boolean", "null"] if sent else ["number", "boolean"]},
        {"type": "string", "maxLength": MAX_TEXT},
    ]
    return {
        "type": "object",
        "description": "Canonical measures by name (docs/reference/measures.md). Other names are kept, and no rule reads them.",
        "properties": found,
        "additionalProperties": {"anyOf": others},
        **({} if sent else {"minProperties": 1, "maxProperties": MAX_VALUES}),
    }
