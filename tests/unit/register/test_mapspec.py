"""Column maps: the shipped ones are whole, and every fault is named by line and key."""

from __future__ import annotations

from importlib.resources import files

import pytest

from citybrain import yamlfile
from citybrain.kernel.errors import ConfigError
from citybrain.register.mapspec import check, identity

SHIPPED = sorted(path.name for path in files("citybrain.register").joinpath("maps").iterdir())


def test_the_maps_that_are_shipped() -> None:
    assert SHIPPED == ["arlington.yml", "cambridge.yml", "champaign.yml", "lexington.yml", "melrose.yml"]


@pytest.mark.parametrize("name", SHIPPED)
def test_every_shipped_map_is_whole(name: str) -> None:
    content = files("citybrain.register").joinpath("maps", name).read_text(encoding="utf-8")
    spec, faults = check(yamlfile.parse(content, name))
    assert (spec is not None, faults) == (True, [])


HEAD = "what: assets\nid: '{n}'\n"


@pytest.mark.parametrize(
    ("text", "line", "key", "part"),
    [
        ("what: lamps\nid: a\nfields: {}\n", 1, "what", "assets"),
        ("what: assets\nfields: {}\n", 1, "id", "missing"),
        ("what: assets\nid: []\nfields: {kind: k}\n", 2, "id", "at least one"),
        (HEAD + "fields:\n  kind: k\n  colour: c\n", 5, "fields.colour", "no field of assets"),
        (HEAD + "fields:\n  kind: k\n  attributes.: c\n", 5, "fields.attributes.", "no field"),
        (HEAD + "fields:\n  lat: a\n", 3, "fields.kind", "must be given"),
        (HEAD + "fields:\n  kind: {column: k, constant: drain}\n", 4, "fields.kind", "exactly one"),
        (HEAD + "fields:\n  kind: {}\n", 4, "fields.kind", "exactly one"),
        (HEAD + "fields:\n  kind: k\n  depth_mm: {column: d, unit: fathom}\n", 5, "fields.depth_mm", "cm, ft, in, m, mm"),
        (HEAD + "fields:\n  kind: k\n  name: {column: d, unit: ft}\n", 5, "fields.name", "has none"),
        (HEAD + "fields:\n  kind: k\n  name: {column: d, numbers: sum}\n", 5, "fields.name", "numbers"),
        (HEAD + "fields:\n  kind: {column: k, colour: red}\n", 4, "fields.kind.colour", "unknown key"),
        (HEAD + "skip:\n  - {column: x, reason: gone}\nfields: {kind: k}\n", 4, "skip[0]", "words, contains or blank"),
        (HEAD + "skip:\n  - {column: x, blank: true, reason: Not There}\nfields: {kind: k}\n", 4, "skip[0].reason", "pattern"),
        (HEAD + "duplicates: ignore\nfields: {kind: k}\n", 3, "duplicates", "refuse"),
        (HEAD + "fields: {kind: k}\nfields: {kind: k}\n", 4, "fields", "twice"),
        ("- a\n", 1, "", ""),
        ("", 1, "", ""),
    ],
)
def test_every_fault_has_line_and_key(text: str, line: int, key: str, part: str) -> None:
    spec, faults = check(yamlfile.parse(text, "map.yml"))
    assert spec is None
    assert (faults[0].line, faults[0].key) == (line, key)
    assert part in faults[0].message


def test_a_file_whose_columns_are_the_fields_needs_no_map() -> None:
    spec = identity("assets", ["id", "kind", "lat", "attributes.contract"])
    assert set(spec.fields) == {"kind", "lat", "attributes.contract"}
    spec = identity("areas", ["@id", "@lat", "@lon", "@geometry", "id", "type"])
    assert spec.fields["polygon"].column == "@geometry"
    spec = identity("assets", ["@id", "@lat", "@lon", "@geometry", "id", "kind"])
    assert spec.fields["lat"].column == "@lat"


@pytest.mark.parametrize(
    ("what", "header", "part"),
    [
        ("lamps", ["id"], "assets"),
        ("assets", ["id", "kind", "colour"], "colour"),
        ("assets", ["kind"], "no column 'id'"),
        ("assets", ["id"], "no column 'kind'"),
    ],
)
def test_other_files_need_one(what: str, header: list[str], part: str) -> None:
    with pytest.raises(ConfigError, match=part):
        identity(what, header)
