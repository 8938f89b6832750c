"""PURE. The column map as a person writes it (YAML), checked."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator

from citybrain.kernel.errors import ConfigError
from citybrain.register.fields import FIELDS, TO_CANONICAL, WHATS, field_type
from citybrain.yamlfile import YamlFile


def _text(value: Any) -> Any:
    # blank words and values such as 0 or 999 may be written without quotes
    return str(value) if isinstance(value, int | float) and not isinstance(value, bool) else value


Word = Annotated[str, BeforeValidator(_text)]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class FieldSpec(_Strict):
    """Where one field of the register comes from. Exactly one of column, first, template and constant."""

    column: str | None = Field(None, description="One column.")
    first: tuple[str, ...] | None = Field(None, description="The first of these columns that is not blank.")
    template: str | None = Field(None, description="Text with {columns}; blank when one of them is blank.")
    constant: Word | None = Field(None, description="The same for every row.")
    blank: tuple[Word, ...] = Field((), description="Further words that mean nothing, in this field.")
    values: dict[Word, Word] | None = Field(None, description="Word of the file -> word of the register.")
    other: Literal["keep", "blank", "refuse"] = Field("refuse", description="What becomes of a word that `values` lacks.")
    unit: str | None = Field(None, description="Unit of the number in the file (ft, in, m, kW, min…).")
    numbers: Literal["only", "first", "sum", "max"] = Field(
        "only", description="How a number is taken from a text such as '250/85' or '66 (LED)'."
    )
    min: float | None = Field(None, description="Least number that is believed, in the unit of the register.")
    max: float | None = Field(None, description="Greatest number that is believed, in the unit of the register.")
    outside: Literal["refuse", "blank"] = Field("refuse", description="What becomes of a number outside of min and max.")
    separator: str = Field(";", min_length=1, description="Between the items of a list.")
    required: bool = Field(False, description="A row in which it is blank is refused.")

    @model_validator(mode="before")
    @classmethod
    def _column_only(cls, value: Any) -> Any:
        return {"column": value} if isinstance(value, str) else value

    @model_validator(mode="after")
    def _one_source(self) -> FieldSpec:
        if sum(item is not None for item in (self.column, self.first, self.template, self.constant)) != 1:
            raise ValueError("give exactly one of column, first, template and constant")
        return self


class SkipSpec(_Strict):
    """Rows that are left out on purpose."""

    column: str
    words: tuple[Word, ...] = Field((), description="Rows in which the column is one of these words…")
    contains: tuple[Word, ...] = Field((), description="…or contains one of them…")
    blank: bool = Field(False, description="…or is blank.")
    reason: str = Field(pattern=r"^[a-z][a-z0-9_]*$")

    @model_validator(mode="after")
    def _something(self) -> SkipSpec:
        if not (self.words or self.contains or self.blank):
            raise ValueError("give words, contains or blank")
        return self


class MapSpec(_Strict):
    """A column map."""

    what: Literal["assets", "devices", "ownerships", "units", "responsibilities", "areas"]
    source: str = Field("", description="Where the file comes from, for people.")
    format: Literal["csv", "geojson"] | None = Field(None, description="None: by the ending of the file's name.")
    encoding: str = Field("utf-8", description="A byte order mark is removed.")
    delimiter: str = Field(",", min_length=1, max_length=1)
    blank: tuple[Word, ...] = Field((), description="Words that mean nothing, such as 'Not Specified'. Case does not matter.")
    skip: tuple[SkipSpec, ...] = ()
    id: tuple[str, ...] = Field(description="Templates with {columns} and {position}: the first without a blank is the id.")
    duplicates: Literal["refuse", "suffix", "merge"] = Field(
        "refuse", description="suffix: the second row with an id becomes id-2; merge: it fills what the first left blank."
    )
    fields: dict[str, FieldSpec]

    @model_validator(mode="before")
    @classmethod
    def _one_id(cls, value: Any) -> Any:
        if isinstance(value, dict) and isinstance(value.get("id"), str):
            return {**value, "id": [value["id"]]}
        return value


def check(found: YamlFile) -> tuple[MapSpec | None, list[ConfigError]]:
    """The map of a file, and every fault with file, line and key."""
    if found.faults:
        return None, found.faults
    try:
        spec = MapSpec.model_validate(found.value)
    except ValidationError as error:
        return None, found.pydantic_faults((), error.errors())
    faults = [found.fault(("fields", name), message) for name, message in _field_faults(spec)]
    if not spec.id:
        faults.append(found.fault(("id",), "give at least one template"))
    return (None if faults else spec), faults


def _field_faults(spec: MapSpec) -> Iterable[tuple[str, str]]:
    known = FIELDS[spec.what]
    for name, field in spec.fields.items():
        kind = field_type(spec.what, name)
        if kind is None:
            extra = " or attributes.NAME" if spec.what == "assets" else ""
            yield name, f"no field of {spec.what}; there are {', '.join(sorted(known))}{extra}"
        elif field.unit is not None and (kind.unit, field.unit) not in TO_CANONICAL:
            units = sorted(given for canonical, given in TO_CANONICAL if canonical == kind.unit)
            yield name, f"unit {field.unit!r}: " + (f"one of {', '.join(units)}" if units else "this field has none")
        elif kind.form != "number" and (field.numbers != "only" or field.min is not None or field.max is not None):
            yield name, "numbers, min and max are for fields that are numbers"
    missing = [name for name, kind in known.items() if kind.required and name not in spec.fields]
    if missing:
        yield missing[0], f"missing: {', '.join(missing)} must be given (a constant will do)"


def identity(what: str, header: Collection[str]) -> MapSpec:
    """The map of a file whose columns are named as the fields. Raises ConfigError for a column that is no field."""
    if what not in WHATS:
        raise ConfigError(f"{what!r}: one of {', '.join(WHATS)}", key="what")
    names = [name for name in header if not name.startswith("@")]
    strange = [name for name in names if name != "id" and field_type(what, name) is None]
    if strange or "id" not in names:
        wrong = f"columns {', '.join(strange)} are no fields of {what}" if strange else "there is no column 'id'"
        raise ConfigError(f"{wrong}; give a column map by --map (fields: {', '.join(sorted(FIELDS[what]))})")
    fields = {name: name for name in names if name != "id"}
    if what == "areas" and "@geometry" in header:
        fields.setdefault("polygon", "@geometry")
    if what == "assets" and "@lat" in header:
        fields = {"lat": "@lat", "lon": "@lon"} | fields
    missing = [name for name, kind in FIELDS[what].items() if kind.required and name not in fields]
    if missing:
        raise ConfigError(f"there is no column {missing[0]!r}, which {what} need; give a column map by --map")
    return MapSpec.model_validate({"what": what, "id": "{id}", "fields": fields})
