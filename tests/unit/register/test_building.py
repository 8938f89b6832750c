"""Ids that come twice, references, and what an import changes of what is there."""

from __future__ import annotations

from datetime import date
from types import MappingProxyType
from typing import Any

import pytest

from citybrain.kernel.model import Asset, Device, Unit
from citybrain.kernel.register import Area, Ownership, Responsibility
from citybrain.register.building import Present, build, take_rows
from citybrain.register.fields import REASONS, Refused
from citybrain.register.mapping import ColumnMap
from citybrain.register.mapspec import MapSpec
from citybrain.register.report import Report

COLUMNS: dict[str, tuple[str, ...]] = {
    "assets": ("id", "kind", "name", "unit", "interval_s", "attributes.k"),
    "devices": ("id", "asset", "valid_from", "valid_to"),
    "ownerships": ("id", "unit", "valid_from", "valid_to", "source"),
    "units": ("id", "name", "timezone", "calendar", "contacts"),
    "responsibilities": ("id", "level", "unit", "valid_from", "valid_to"),
    "areas": ("id", "type", "polygon"),
}


def run(
    what: str, *rows: tuple[str, ...], present: Present | None = None, duplicates: str = "refuse"
) -> tuple[list[Any], Report]:
    header = COLUMNS[what]
    spec = {"what": what, "id": "{id}", "duplicates": duplicates, "fields": {name: name for name in header[1:]}}
    columns = ColumnMap(MapSpec.model_validate(spec), header)
    report = Report("file", what)
    padded = [(*row, *[""] * (len(header) - len(row))) for row in rows]
    lines = [(number, dict(zip(header, row, strict=True))) for number, row in enumerate(padded, 2)]
    taken = take_rows([*lines], columns, report)
    found = build(what, taken, present or Present(), report)
    assert report.rows == report.taken + report.repeated + len(report.refused) + report.skipped.total()
    assert set(report.reasons()) <= REASONS.keys()
    return found, report


def test_refuse_suffix_and_merge() -> None:
    rows = (("A", "drain", "one"), ("A", "drain", "two"), ("A", "drain", "one"), ("A", "drain", "three"))
    found, report = run("assets", *rows)
    assert [asset.name for asset in found] == ["one"]
    assert [(item.line, item.reason) for item in report.refused] == [(3, "duplicate_id"), (5, "duplicate_id")]
    assert report.repeated == 1

    found, report = run("assets", *rows, duplicates="suffix")
    assert [(asset.id, asset.name) for asset in found] == [("A", "one"), ("A-2", "two"), ("A-3", "three")]
    assert (report.renamed, report.repeated, report.refused) == (2, 1, [])

    found, report = run("assets", ("A", "drain", "", "", "60"), ("A", "drain", "two", "", "90"), duplicates="merge")
    assert [(asset.name, asset.interval_s) for asset in found] == [("two", 60)]
    assert report.repeated == 1


def test_a_numbered_id_never_hides_a_real_one() -> None:
    rows = (("A", "drain", "one"), ("A", "drain", "two"), ("A-2", "drain", "real"), ("A-2", "drain", "other"))
    found, _ = run("assets", *rows, duplicates="suffix")
    assert {asset.id: asset.name for asset in found} == {"A": "one", "A-2": "two", "A-2-2": "real", "A-2-3": "other"}


def test_new_changed_unchanged_and_what_the_map_does_not_name_stays() -> None:
    old = Asset("A", "drain", depth_mm=2000, name="old", provisional=True, attributes=MappingProxyType({"k": "1", "own": "x"}))
    same = Asset("B", "drain", name="same", attributes=MappingProxyType({"k": "1"}))
    rows = (("A", "drain", "new", "", "", ""), ("B", "drain", "same", "", "", "1"), ("C", "drain"))
    found, report = run("assets", *rows, present=Present({"A": old, "B": same}))
    assert (report.new, report.changed, report.unchanged) == (1, 1, 1)
    # the map names name and attributes.k: the file's word counts, also a blank; depth and attributes.own stay
    assert found[0] == Asset("A", "drain", depth_mm=2000, name="new", attributes=MappingProxyType({"own": "x"}))
    assert [asset.id for asset in found] == ["A", "C"]


@pytest.mark.parametrize(
    ("what", "row", "reason"),
    [
        ("assets", ("A", "drain", "", "nobody"), "unknown_unit"),
        ("assets", ("A", "drain", "", "", "0"), "out_of_range"),
        ("devices", ("d", "B"), "unknown_asset"),
        ("devices", ("d", "A", "2026-06-02", "2026-06-01"), "bad_period"),
        ("units", ("u", "U", "Mars/Olympus"), "bad_time_zone"),
        ("units", ("u", "U", "UTC", "lunar"), "unknown_calendar"),
        ("units", ("u", "U", "UTC", "default", "a@example.org"), "bad_contact"),
        ("responsibilities", ("r", "area", "nobody"), "unknown_unit"),
        ("responsibilities", ("r", "boss", "known"), "unknown_value"),
        ("responsibilities", ("r", "area", "known", "2026-06-02", "2026-06-01"), "bad_period"),
        ("areas", ("a", "cell", '{"type": "Point", "coordinates": [1, 2]}'), "bad_polygon"),
        ("areas", ("a", "cell", "[1]"), "bad_polygon"),
        ("areas", ("a", "cell", '{"type": "Polygon", "coordinates": [[[0,0],[900,0],[900,9],[0,0]]]}'), "bad_polygon"),
    ],
)
def test_what_names_something_that_is_not_there_is_refused(what: str, row: tuple[str, ...], reason: str) -> None:
    present = Present(units={"known"}, assets={"A"}, calendars={"default"})
    found, report = run(what, row, present=present)
    assert (found, [item.reason for item in report.refused]) == ([], [reason])


def test_the_other_kinds_of_objects() -> None:
    present = Present(units={"known"}, assets={"A", "B"}, calendars={"default"})
    assert run("devices", ("d", "A"), ("d", "B"), present=present)[0] == [Device("d", "A"), Device("d", "B")]
    assert run("units", ("u", "Office", "Asia/Shanghai"), present=present)[0] == [Unit("u", "Office", timezone="Asia/Shanghai")]
    assert run("responsibilities", ("r", "area", "known"), present=present)[0] == [Responsibility("r", "area", "known")]
    square = '{"type": "Polygon", "coordinates": [[[0,0],[1,0],[1,1],[0,0]]]}'
    (area,) = run("areas", ("a", "cell", square))[0]
    assert area == Area("a", "cell", "", {"type": "Polygon", "coordinates": [[[0, 0], [1, 0], [1, 1], [0, 0]]]})


def test_a_row_that_the_reader_could_not_read_is_refused_with_its_line() -> None:
    columns = ColumnMap(MapSpec.model_validate({"what": "assets", "id": "{id}", "fields": {"kind": "kind"}}), ("id", "kind"))
    report = Report("file", "assets")
    assert take_rows([(7, Refused("too_few_fields", "1"))], columns, report) == {}
    assert (report.refused[0].line, report.refused[0].reason) == (7, "too_few_fields")


def test_an_owner_has_the_assets_id_and_a_first_day() -> None:
    known = Ownership("A", "u", date(2020, 1, 1), None, "by-law 4")
    present = Present(objects={("A", date(2020, 1, 1)): known}, assets={"A"}, units={"u", "v"})
    found, report = run(
        "ownerships",
        ("A", "u", "2020-01-01", "", ""),
        ("A", "v", "2026-07-01", "2027-06-30", "contract K-9"),
        ("B", "v", "2026-07-01"),
        ("A", "w", "2028-01-01"),
        ("A", "v", "2029-01-01", "2028-01-01"),
        ("A", "v", "2026-07-01", "", "another"),
        present=present,
    )
    # the source that the register has stays when the file has none
    assert found == [Ownership("A", "v", date(2026, 7, 1), date(2027, 6, 30), "contract K-9")]
    assert report.unchanged == 1
    assert report.reasons() == {"unknown_asset": 1, "unknown_unit": 1, "bad_period": 1, "duplicate_id": 1}
