"""Files of rows: CSV and GeoJSON as (line, row) pairs; a broken row is told, a broken file refused."""

from __future__ import annotations

import csv
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from citybrain.kernel.errors import ConfigError, RegisterError, UnavailableError
from citybrain.register.fields import Line, Refused
from citybrain.register.mapspec import MapSpec

_WGS84 = ("CRS84", "EPSG::4326", "EPSG:4326")
csv.field_size_limit(1_000_000)


@dataclass(frozen=True, slots=True)
class Table:
    """The header of a file and its rows. `row_word` says what the number of a row counts: line or feature."""

    header: tuple[str, ...]
    rows: list[Line]
    row_word: str


def read_table(path: Path, spec: MapSpec | None) -> Table:
    """Read a file by what its map says (format, encoding, delimiter). Raises RegisterError, UnavailableError."""
    form = spec.format if spec and spec.format else "geojson" if path.suffix.lower() in {".geojson", ".json"} else "csv"
    encoding = spec.encoding if spec else "utf-8"
    if encoding.lower().replace("_", "-") in {"utf-8", "utf8"}:
        encoding = "utf-8-sig"
    try:
        if form == "geojson":
            return _geojson(path.read_text(encoding=encoding), path)
        return _csv(path, encoding, spec.delimiter if spec else ",")
    except UnicodeDecodeError as error:
        raise RegisterError(
            f"{path}: not {encoding.removesuffix('-sig')} ({error.reason} at byte {error.start}); "
            "say in the map which encoding it is, such as encoding: cp1252 or gb18030"
        ) from error
    except LookupError as error:
        raise ConfigError(f"no encoding {encoding!r}", key="encoding") from error
    except OSError as error:
        raise UnavailableError(f"{path} cannot be read: {error.strerror}") from error


def _csv(path: Path, encoding: str, delimiter: str) -> Table:
    with path.open(encoding=encoding, newline="") as file:
        reader = csv.reader(file, delimiter=delimiter, strict=True)
        rows: list[Line] = []
        header: tuple[str, ...] = ()
        try:
            header = tuple(name.strip() for name in next(reader, []))
            _check_header(header, path)
            before = reader.line_num
            for fields in reader:
                if fields:
                    rows.append((before + 1, _row(header, fields)))
                before = reader.line_num
        except csv.Error as error:
            raise RegisterError(f"{path}:{reader.line_num}: not CSV: {error}") from error
    return Table(header, rows, "line")


def _row(header: tuple[str, ...], fields: list[str]) -> dict[str, str] | Refused:
    if len(fields) != len(header):
        reason = "too_many_fields" if len(fields) > len(header) else "too_few_fields"
        return Refused(reason, f"{len(fields)} fields, the header has {len(header)}")
    return dict(zip(header, fields, strict=True))


def _check_header(header: tuple[str, ...], path: Path) -> None:
    if not any(header):
        raise RegisterError(f"{path}: empty, or its first line is no header")
    double = sorted({name for name in header if name and header.count(name) > 1})
    if double:
        raise RegisterError(f"{path}:1: columns stand twice: {', '.join(double)}")


def _geojson(content: str, path: Path) -> Table:
    try:
        document = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise RegisterError(f"{path}: not JSON: {error}") from error
    features = document.get("features") if isinstance(document, dict) else None
    if not isinstance(features, list):
        raise RegisterError(f"{path}: no GeoJSON FeatureCollection")
    crs = json.dumps(document.get("crs")) if document.get("crs") else ""
    if crs and not any(name in crs for name in _WGS84):
        raise RegisterError(f"{path}: positions are in {crs}; write the file in WGS 84 (EPSG:4326)")
    rows = [_feature(feature) for feature in features]
    header = {"@id": None, "@lat": None, "@lon": None, "@geometry": None}
    for row in rows:
        header |= dict.fromkeys(row if isinstance(row, dict) else ())
    names = tuple(header)
    whole = [{**dict.fromkeys(names, ""), **row} if isinstance(row, dict) else row for row in rows]
    return Table(names, list(enumerate(whole, 1)), "feature")


def _feature(feature: Any) -> dict[str, str] | Refused:
    if not isinstance(feature, dict) or not isinstance(feature.get("properties") or {}, dict):
        return Refused("not_geojson", "not a feature")
    row = {str(name): _word(value) for name, value in (feature.get("properties") or {}).items()}
    row["@id"] = _word(feature.get("id"))
    shape = feature.get("geometry")
    if isinstance(shape, dict):
        row["@geometry"] = json.dumps(shape)
        at = shape.get("coordinates")
        if shape.get("type") == "Point" and isinstance(at, list) and len(at) >= 2:
            row["@lon"], row["@lat"] = _word(at[0]), _word(at[1])
    return row


def _word(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    return json.dumps(value, ensure_ascii=False) if isinstance(value, dict | list) else str(value)
