"""PURE. Rows of a file to values of the register, by a column map."""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple

from citybrain.kernel.errors import ConfigError
from citybrain.register.fields import TO_CANONICAL, FieldType, Refused, asset_id, field_type, number, value_of
from citybrain.register.mapspec import FieldSpec, MapSpec

Row = Mapping[str, str]
_PLACE = re.compile(r"\{([^{}]+)\}")
_SPACES = re.compile(r"\s+")
POSITION = "position"


class Mapped(NamedTuple):
    """A row that was taken. `notes` name fields whose value was not believed and left blank."""

    id: str
    values: dict[str, Any]
    notes: tuple[str, ...] = ()


class Skipped(Exception):
    """A row that the map leaves out on purpose."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class ColumnMap:
    """A column map made ready for the header of one file. Raises ConfigError when the file lacks a column of the map."""

    def __init__(self, spec: MapSpec, header: Iterable[str]) -> None:
        self.spec = spec
        self._blank = frozenset(word.strip().casefold() for word in ("", *spec.blank))
        _check_columns(spec, list(header))
        self._fields = [(name, self._getter(name, field)) for name, field in spec.fields.items()]
        self._required = [
            name
            for name, field in spec.fields.items()
            if field.required or (kind := field_type(spec.what, name)) is not None and kind.required
        ]

    def row(self, row: Row) -> Mapped:
        """The values of one row. Raises Skipped or Refused."""
        for skip in self.spec.skip:
            text = self._clean(row[skip.column])
            low = text.casefold()
            blank = skip.blank and low in self._blank
            if blank or any(low == word.casefold() for word in skip.words) or any(w.casefold() in low for w in skip.contains):
                raise Skipped(skip.reason)
        values: dict[str, Any] = {}
        notes: list[str] = []
        for name, get in self._fields:
            try:
                values[name] = get(row, notes)
            except Refused as error:
                raise Refused(error.reason, f"{name}: {error.detail}") from None
        if self.spec.what == "assets":
            _check_position(values)
        for name in self._required:
            if values[name] in (None, ()):
                raise Refused("missing", name)
        return Mapped(self._id(row, values), values, tuple(notes))

    def _clean(self, text: str) -> str:
        return _SPACES.sub(" ", text).strip() if text else ""

    def _word(self, text: str, blank: frozenset[str]) -> str | None:
        text = self._clean(text)
        return None if text.casefold() in blank else text

    def _filled(self, template: str, row: Row, blank: frozenset[str], special: Mapping[str, str | None]) -> str | None:
        parts = {}
        for name in _PLACE.findall(template):
            part = special[name] if name in special else self._word(row[name], blank)
            if part is None:
                return None
            parts[name] = part
        return _PLACE.sub(lambda found: parts[found[1]], template)

    def _id(self, row: Row, values: Mapping[str, Any]) -> str:
        lat, lon = values.get("lat"), values.get("lon")
        position = f"{lat:.6f},{lon:.6f}" if lat is not None and lon is not None else None
        for template in self.spec.id:
            found = self._filled(template, row, self._blank, {POSITION: position})
            name = asset_id(found) if found and self.spec.what in {"assets", "ownerships"} else found
            if name:
                return name
        raise Refused("no_id", f"{' and '.join(self.spec.id)} are blank")

    def _getter(self, name: str, field: FieldSpec) -> Callable[[Row, list[str]], Any]:
        kind = field_type(self.spec.what, name) or FieldType()
        blank = self._blank | {word.strip().casefold() for word in field.blank}
        words = {key.casefold(): value for key, value in field.values.items()} if field.values is not None else None
        source = self._source(field, blank)
        factor = TO_CANONICAL[kind.unit, field.unit] if field.unit else 1
        empty: Any = () if kind.form == "list" else None

        def get(row: Row, notes: list[str]) -> Any:
            text = source(row)
            if text is None:
                return empty
            if words is not None:
                known = words.get(text.casefold())
                if known is None and field.other != "keep":
                    if field.other == "blank":
                        return empty
                    raise Refused("unknown_value", f"{text!r}: the map knows {', '.join(field.values or ())}")
                text = known if known is not None else text
            if kind.form != "number":
                return value_of(text, kind, field.separator)
            found = round(number(text, field.numbers) * factor, 9)
            if (field.min is None or found >= field.min) and (field.max is None or found <= field.max):
                return found
            if field.outside == "blank":
                notes.append(name)
                return None
            raise Refused("out_of_range", f"{found:g}, believed are {_span(field)}")

        return get

    def _source(self, field: FieldSpec, blank: frozenset[str]) -> Callable[[Row], str | None]:
        if field.constant is not None:
            constant = field.constant
            return lambda row: constant
        if field.template is not None:
            template = field.template
            return lambda row: self._filled(template, row, blank, {})
        columns = field.first if field.first is not None else (field.column or "",)
        return lambda row: next((word for name in columns if (word := self._word(row[name], blank)) is not None), None)


def columns_of(spec: MapSpec) -> dict[str, str]:
    """Every column that a map reads, with the key of the map that reads it."""
    found: dict[str, str] = {}
    for template in spec.id:
        found |= {name: "id" for name in _PLACE.findall(template) if name != POSITION}
    for number_, skip in enumerate(spec.skip):
        found.setdefault(skip.column, f"skip[{number_}]")
    for name, field in spec.fields.items():
        for column in (*((field.column,) if field.column else ()), *(field.first or ()), *_PLACE.findall(field.template or "")):
            found.setdefault(column, f"fields.{name}")
    return found


def _check_columns(spec: MapSpec, header: list[str]) -> None:
    for column, key in columns_of(spec).items():
        if column not in header:
            near = difflib.get_close_matches(column, header, 1, 0.6)
            hint = f"did you mean {near[0]!r}?" if near else f"the columns are {', '.join(header)}"
            raise ConfigError(f"the file has no column {column!r}; {hint}", key=key)


def _check_position(values: Mapping[str, Any]) -> None:
    lat, lon = values.get("lat"), values.get("lon")
    if lat is None and lon is None:
        return
    if lat is None or lon is None:
        raise Refused("bad_position", f"only one of latitude {lat} and longitude {lon}")
    if not (-90 <= lat <= 90 and -180 <= lon <= 180):
        turned = " (turned round?)" if -90 <= lon <= 90 and -180 <= lat <= 180 else ""
        raise Refused("bad_position", f"latitude {lat}, longitude {lon} are not WGS 84 degrees{turned}")
    if lat == 0 and lon == 0:
        raise Refused("bad_position", "latitude and longitude are both 0")


def _span(field: FieldSpec) -> str:
    return " ".join(
        part
        for part in (
            f"from {field.min:g}" if field.min is not None else "",
            f"up to {field.max:g}" if field.max is not None else "",
        )
        if part
    )
