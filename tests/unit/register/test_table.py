"""Files as rows: byte order marks, lines, quoting, encodings, GeoJSON; a broken row is told, a broken file refused."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from citybrain.kernel.errors import ConfigError, RegisterError, UnavailableError
from citybrain.register.fields import Refused
from citybrain.register.mapspec import MapSpec
from citybrain.register.table import read_table


def spec(**more: Any) -> MapSpec:
    return MapSpec.model_validate({"what": "assets", "id": "{n}", "fields": {"kind": "k"}} | more)


def write(folder: Path, content: str | bytes, name: str = "rows.csv") -> Path:
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def test_byte_order_mark_blank_lines_and_lines_of_quoted_fields(tmp_path: Path) -> None:
    table = read_table(write(tmp_path, '\ufeffn, k \r\n1,"two\nlines"\r\n\r\n2,x\r\n3\r\n4,x,y\r\n'), None)
    assert table.header == ("n", "k")
    assert [line for line, _ in table.rows] == [2, 5, 6, 7]
    assert table.rows[0][1] == {"n": "1", "k": "two\nlines"}
    bad = [row.reason for _, row in table.rows if isinstance(row, Refused)]
    assert bad == ["too_few_fields", "too_many_fields"]


def test_delimiter_and_encoding_of_the_map(tmp_path: Path) -> None:
    path = write(tmp_path, "n;k\n1;井盖\n".encode("gb18030"))
    table = read_table(path, spec(delimiter=";", encoding="gb18030"))
    assert table.rows == [(2, {"n": "1", "k": "井盖"})]
    with pytest.raises(RegisterError, match="gb18030"):
        read_table(path, spec(delimiter=";"))
    with pytest.raises(ConfigError, match="no encoding"):
        read_table(path, spec(encoding="klingon"))


@pytest.mark.parametrize(
    ("content", "part"),
    [
        ("", "no header"),
        (",,\n1,2,3\n", "no header"),
        ("n,k,n\n1,2,3\n", "stand twice: n"),
        ('n,k\n1,"open\n', "not CSV"),
        ('n,k\n1,"a"b\n', "rows.csv:2: not CSV"),
    ],
)
def test_a_broken_csv_is_refused(tmp_path: Path, content: str, part: str) -> None:
    with pytest.raises(RegisterError, match=part):
        read_table(write(tmp_path, content), None)


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(UnavailableError, match="cannot be read"):
        read_table(tmp_path / "none.csv", None)


def feature(geometry: Any = None, **properties: Any) -> dict[str, Any]:
    return {"type": "Feature", "id": 7, "properties": properties, "geometry": geometry}


def test_geojson(tmp_path: Path) -> None:
    point = {"type": "Point", "coordinates": [120.5, 31.25, 4]}
    polygon = {"type": "Polygon", "coordinates": [[[0, 0], [1, 0], [1, 1], [0, 0]]]}
    features = [feature(point, n=1, ok=True, tags=["a"]), feature(polygon, m=None), feature(None), "odd"]
    path = write(tmp_path, json.dumps({"type": "FeatureCollection", "features": features}), "x.geojson")
    table = read_table(path, None)
    assert table.row_word == "feature"
    assert set(table.header) == {"@id", "@lat", "@lon", "@geometry", "n", "ok", "tags", "m"}
    first, second, third, fourth = (row for _, row in table.rows)
    assert isinstance(first, dict)
    assert {key: first[key] for key in ("@id", "@lat", "@lon", "n", "ok", "tags", "m")} == {
        "@id": "7",
        "@lat": "31.25",
        "@lon": "120.5",
        "n": "1",
        "ok": "true",
        "tags": '["a"]',
        "m": "",
    }
    assert isinstance(second, dict)
    assert (second["@lat"], json.loads(second["@geometry"])) == ("", polygon)
    assert isinstance(third, dict)
    assert third["@geometry"] == ""
    assert isinstance(fourth, Refused)


@pytest.mark.parametrize(
    ("content", "part"),
    [
        ("{", "not JSON"),
        ("[" * 200_000, "not JSON"),
        ("[]", "FeatureCollection"),
        ('{"features": 5}', "FeatureCollection"),
        ('{"crs": {"type": "name", "properties": {"name": "urn:ogc:def:crs:EPSG::3857"}}, "features": []}', "WGS 84"),
    ],
)
def test_a_broken_geojson_is_refused(tmp_path: Path, content: str, part: str) -> None:
    with pytest.raises(RegisterError, match=part):
        read_table(write(tmp_path, content, "x.geojson"), None)


def test_geojson_that_says_it_is_wgs84(tmp_path: Path) -> None:
    crs = {"type": "name", "properties": {"name": "urn:ogc:def:crs:OGC:1.3:CRS84"}}
    path = write(tmp_path, json.dumps({"crs": crs, "features": [feature(None, n=1)]}), "x.json")
    assert len(read_table(path, None).rows) == 1
