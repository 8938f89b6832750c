"""Rows to values: blanks, units, numbers in text, words, ids, what is skipped and what is refused."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

import pytest

from citybrain.kernel.errors import ConfigError
from citybrain.register.fields import REASONS, Refused, asset_id
from citybrain.register.mapping import ColumnMap, Skipped
from citybrain.register.mapspec import MapSpec

HEADER = ("n", "x", "y", "a", "b")


def columns(fields: dict[str, Any], what: str = "assets", **more: Any) -> ColumnMap:
    body = {"what": what, "id": ["{n}"], "fields": ({"kind": {"constant": "drain"}} if what == "assets" else {}) | fields}
    return ColumnMap(MapSpec.model_validate(body | more), HEADER)


def row(**words: str) -> dict[str, str]:
    return dict.fromkeys(HEADER, "") | {"n": "1"} | words


def mapped(spec: Any, name: str = "name", **words: str) -> Any:
    return columns({name: spec}).row(row(**words)).values[name]


@pytest.mark.parametrize(
    ("spec", "words", "expected"),
    [
        ("a", {"a": "  55  BROADWAY "}, "55 BROADWAY"),
        ("a", {"a": "   "}, None),
        ({"first": ["a", "b"]}, {"b": "second"}, "second"),
        ({"first": ["a", "b"]}, {"a": "one", "b": "two"}, "one"),
        ({"first": ["a", "b"]}, {}, None),
        ({"template": "{a}-{b}"}, {"a": "S", "b": "7"}, "S-7"),
        ({"template": "{a}-{b}"}, {"a": "S"}, None),
        ({"constant": 7}, {}, "7"),
        ({"column": "a", "blank": ["UNK", 0]}, {"a": "unk"}, None),
        ({"column": "a", "blank": ["UNK", 0]}, {"a": "0"}, None),
        ({"column": "a", "values": {"1": "town"}}, {"a": "1"}, "town"),
        ({"column": "a", "values": {1: "town"}, "other": "keep"}, {"a": "2"}, "2"),
        ({"column": "a", "values": {"1": "town"}, "other": "blank"}, {"a": "2"}, None),
        ({"column": "a", "values": {"YES": "y"}}, {"a": "yes"}, "y"),
        ({"column": "a", "values": {"1": "town"}}, {}, None),
    ],
)
def test_words(spec: Any, words: dict[str, str], expected: str | None) -> None:
    assert mapped(spec, **words) == expected


@pytest.mark.parametrize(
    ("name", "spec", "text", "expected"),
    [
        ("depth_mm", {"column": "a", "unit": "ft"}, "3", 914.4),
        ("depth_mm", {"column": "a", "unit": "in"}, "10", 254),
        ("depth_mm", {"column": "a", "unit": "m"}, "2.5", 2500),
        ("depth_mm", "a", "-12.5", -12.5),
        ("interval_s", {"column": "a", "unit": "h"}, "6", 21600),
        ("rated_power_w", {"column": "a", "unit": "kW"}, "0.25", 250),
        ("rated_power_w", {"column": "a", "numbers": "sum"}, "250/85", 335),
        ("rated_power_w", {"column": "a", "numbers": "sum"}, "66 (LED)", 66),
        ("rated_power_w", {"column": "a", "numbers": "first"}, "286(LED)/85", 286),
        ("rated_power_w", {"column": "a", "numbers": "max"}, "85/250", 250),
        ("rated_power_w", {"column": "a", "numbers": "first"}, "LED 1.5e2 W", 150),
        ("depth_mm", {"column": "a", "unit": "ft", "blank": [0, 999]}, "999", None),
        ("depth_mm", {"column": "a", "unit": "ft", "max": 6096, "outside": "blank"}, "54", None),
        ("depth_mm", {"column": "a", "unit": "ft", "max": 6096}, "20", 6096),
    ],
)
def test_numbers(name: str, spec: Any, text: str, expected: float | None) -> None:
    assert mapped(spec, name, a=text) == expected


def test_a_value_that_is_not_believed_is_told() -> None:
    found = columns({"depth_mm": {"column": "a", "max": 100, "outside": "blank"}}).row(row(a="101"))
    assert found.notes == ("depth_mm",)


@pytest.mark.parametrize(
    ("fields", "words", "reason"),
    [
        ({"depth_mm": "a"}, {"a": "deep"}, "not_a_number"),
        ({"depth_mm": "a"}, {"a": "1,5"}, "not_a_number"),
        ({"depth_mm": "a"}, {"a": "nan"}, "not_a_number"),
        ({"depth_mm": "a"}, {"a": "1e999"}, "not_a_number"),
        ({"rated_power_w": {"column": "a", "numbers": "sum"}}, {"a": "unknown"}, "not_a_number"),
        ({"depth_mm": {"column": "a", "min": 1}}, {"a": "0"}, "out_of_range"),
        ({"kind": "a"}, {"a": "lamp"}, "unknown_value"),
        ({"kind": "a"}, {"a": ""}, "missing"),
        ({"name": {"column": "a", "required": True}}, {}, "missing"),
        ({"name": {"column": "a", "values": {"1": "x"}}}, {"a": "2"}, "unknown_value"),
        ({"name": "a"}, {"a": "bell\x07"}, "bad_text"),
        ({"lat": "y", "lon": "x"}, {"x": "7"}, "bad_position"),
        ({"lat": "y", "lon": "x"}, {"x": "31", "y": "120"}, "bad_position"),
        ({"lat": "y", "lon": "x"}, {"x": "0", "y": "0.0"}, "bad_position"),
        ({"lat": "y", "lon": "x"}, {"x": "741552.7", "y": "2972593"}, "bad_position"),
        ({}, {"n": " "}, "no_id"),
        ({}, {"n": "/#"}, "no_id"),
    ],
)
def test_refused_by_name(fields: dict[str, Any], words: dict[str, str], reason: str) -> None:
    with pytest.raises(Refused) as caught:
        columns(fields).row(row(**words))
    assert caught.value.reason == reason
    assert caught.value.reason in REASONS


def test_the_first_template_without_a_blank_is_the_id() -> None:
    found = columns({"lat": "y", "lon": "x"}, id=["p-{a}", "g-{b}", "at-{position}"])
    assert found.row(row(a="7", b="8")).id == "p-7"
    assert found.row(row(b="{AB 12}")).id == "g-AB-12"
    assert found.row(row(x="-71.25504764", y="42.43976925")).id == "at-42.439769,-71.255048"
    with pytest.raises(Refused, match="no_id"):
        found.row(row())


def test_ids_of_assets_fit_into_a_topic() -> None:
    assert asset_id(" {A/B} +1 # 井盖 ") == "A-B-1-井盖"


@pytest.mark.parametrize(
    ("skip", "words", "reason"),
    [
        ({"column": "a", "words": ["Removed"], "reason": "removed"}, {"a": "removed "}, "removed"),
        ({"column": "a", "contains": ["remov"], "reason": "removed"}, {"a": "possibly Removed"}, "removed"),
        ({"column": "x", "blank": True, "reason": "no_position"}, {}, "no_position"),
        ({"column": "a", "words": ["Removed"], "reason": "removed"}, {"a": "not removed"}, None),
    ],
)
def test_rows_left_out(skip: dict[str, Any], words: dict[str, str], reason: str | None) -> None:
    found = columns({}, skip=[skip])
    if reason is None:
        assert found.row(row(**words)).id == "1"
        return
    with pytest.raises(Skipped) as caught:
        found.row(row(**words))
    assert caught.value.reason == reason


def test_blank_words_of_the_whole_map() -> None:
    found = columns({"name": "a", "feeder": {"template": "F-{b}"}}, blank=["Not Specified"])
    values = found.row(row(a="not specified", b="Not  Specified ")).values
    assert (values["name"], values["feeder"]) == (None, None)


def test_dates_lists_and_geometries() -> None:
    unit = columns({"name": "a", "contacts": "b"}, "units").row(row(a="U", b="log:x; mailto:a@example.org;"))
    assert unit.values["contacts"] == ("log:x", "mailto:a@example.org")
    assert columns({"name": "a", "contacts": "b"}, "units").row(row(a="U")).values["contacts"] == ()
    device = columns({"asset": "a", "valid_from": "b"}, "devices")
    assert device.row(row(a="A 1", b="2026-06-12")).values == {"asset": "A-1", "valid_from": datetime(2026, 6, 12, tzinfo=UTC)}
    rule = {"level": {"constant": "area"}, "unit": "a", "valid_from": "b"}
    assert columns(rule, "responsibilities").row(row(a="U", b="2026-06-12")).values["valid_from"] == date(2026, 6, 12)
    with pytest.raises(Refused, match="not_a_date"):
        device.row(row(a="A", b="12/06/26"))
    area = {"type": {"constant": "cell"}, "polygon": "a"}
    assert columns(area, "areas").row(row(a='{"type": "Point"}')).values["polygon"] == {"type": "Point"}
    with pytest.raises(Refused, match="not_geojson"):
        columns(area, "areas").row(row(a="POLYGON((0 0))"))


def test_a_column_that_the_file_lacks_is_named_with_the_nearest_one() -> None:
    with pytest.raises(ConfigError, match="no column 'nn'; did you mean 'n'") as caught:
        columns({}, id=["{nn}"])
    assert caught.value.key == "id"
    with pytest.raises(ConfigError, match="the columns are n, x, y, a, b") as caught:
        columns({"name": "description"})
    assert caught.value.key == "fields.name"
