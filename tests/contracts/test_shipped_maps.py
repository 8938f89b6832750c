"""Every shipped map takes a file with the columns and the traps of the real one; the real ones too, where they are there.

The rows are made up. The city's own exports are not part of the project; a checkout that has them beside it
(`../shared/data`) is held to them as well.
"""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from citybrain.kernel.model import Asset
from citybrain.register.building import Present, build
from citybrain.register.importer import prepare
from citybrain.register.report import Report

MAPS = Path(__file__).parents[2] / "citybrain" / "register" / "maps"
BESIDE = Path(__file__).parents[3] / "shared" / "data"


class Town(NamedTuple):
    """A map, the columns of its file, made-up rows (missing columns are blank), and the file beside us if any."""

    name: str
    header: str
    rows: tuple[dict[str, str], ...]
    real: str


CHAMPAIGN = Town(
    "champaign",
    "OBJECTID,Pole_Material,Pole_Arm_Type,Luminaire_Type,Lamp_Type,Lamp_Wattage,Controller_ID,Northing,Easting,Pole_Height,"
    "InstallDate,FACILITYID,Receptacle,ControllerCircuit,Pole_Color,Pole_Manufacturer,Lamp_Manufacturer,Decorative,Notes,"
    "Location_Adjusted,RepairYear,FieldVerifiedDate,GlobalID,Latitude,Longitude",
    (
        {
            "FACILITYID": "9001",
            "Lamp_Wattage": "120",
            "Controller_ID": "SL900",
            "ControllerCircuit": "Q",
            "Latitude": "40.5",
            "Longitude": "-88.5",
        },
        {
            "FACILITYID": "9002",
            "Lamp_Wattage": "120/60",
            "Controller_ID": "SL900",
            "ControllerCircuit": "Not Specified",
            "Latitude": "40.6",
            "Longitude": "-88.5",
        },
        {
            "FACILITYID": "9003",
            "Lamp_Wattage": "45 (LED)",
            "Controller_ID": "Not Specified",
            "Latitude": "40.7",
            "Longitude": "-88.5",
        },
        {
            "FACILITYID": "Not Specified",
            "GlobalID": "{AAAA-0001}",
            "Lamp_Wattage": "Not Specified",
            "Latitude": "40.8",
            "Longitude": "-88.5",
        },
        {
            "FACILITYID": "Not Specified",
            "GlobalID": "{AAAA-0002}",
            "Lamp_Wattage": "70",
            "Notes": "Removed",
            "Latitude": "40.9",
            "Longitude": "-88.5",
        },
    ),
    "streetlights_champaign/streetlights.csv",
)
ARLINGTON = Town(
    "arlington",
    "FID,facilityid,inlettype,in_typ_ot,locdesc,ownedby,legacy_id,cvtype,cv_typ_ot,inv_depth,invertelev,sump_depth,fin_depth,"
    "installdat,plans,comments,division,asset,Longitude,Latitude",
    (
        {"facilityid": "swX-1", "locdesc": "1  MADE UP ST", "inv_depth": "4", "Longitude": "-71.5", "Latitude": "42.5"},
        {"facilityid": "swX-2", "locdesc": " ", "inv_depth": "0", "Longitude": "-71.5", "Latitude": "42.6"},
        {"facilityid": "swX-3", "inv_depth": "61", "Longitude": "-71.5", "Latitude": "42.7"},
        # the same row twice, and another basin with the id of the first
        {"FID": "8", "facilityid": "swX-3", "inv_depth": "61", "Longitude": "-71.5", "Latitude": "42.7"},
        {"facilityid": "swX-1", "inv_depth": "3", "Longitude": "-71.5", "Latitude": "42.8"},
    ),
    "storm_drains_ma/Arlington_WGS84_v2_0_filtered.csv",
)
CAMBRIDGE = Town(
    "cambridge",
    "FID,OBJECTID,FACILITYID,LIFECYCLES,WATERTYPE,COMMENTS,OWNER,FRAMEMATER,GRATETYPE,DEPTH,INVERTELEV,ADDRESS,LastCleanD,DEEP,x,y",
    (
        {"FACILITYID": "D00CBN0001", "LIFECYCLES": "IS", "DEPTH": "999", "FRAMEMATER": "UNK", "x": "-71.5", "y": "42.5"},
        {"FACILITYID": "D00CBN0001", "LIFECYCLES": "IS", "DEPTH": "84", "x": "-71.5", "y": "42.6"},
        {"FACILITYID": "D00CBN0002", "LIFECYCLES": "ABN", "x": "-71.5", "y": "42.7"},
    ),
    "storm_drains_ma/CambridgeSew_Catchbasin_filtered.csv",
)
LEXINGTON = Town(
    "lexington",
    "FID,OBJECTID,FacilityID,DrawingOfR,StreetName,Comments,GrateStyle,SumpDepth,Historical,x,y",
    (
        {"FacilityID": " ", "DrawingOfR": "D1.tif", "SumpDepth": "-99", "x": "-71.5000001", "y": "42.5"},
        {"FacilityID": " ", "DrawingOfR": "D1.tif", "SumpDepth": "-99", "x": "-71.6", "y": "42.5"},
        {"FID": "9", "FacilityID": " ", "DrawingOfR": "D1.tif", "SumpDepth": "-99", "x": "-71.6", "y": "42.5"},
        {"FacilityID": "MAD-1", "DrawingOfR": "D1.tif", "x": "-71.6", "y": "42.5"},
    ),
    "storm_drains_ma/Lexington_storm_inlets_0.csv",
)
MELROSE = Town(
    "melrose",
    "FID,OWNER,COMMENTS,STREETNAME,TYPE,ACCESSTYPE,ACCESSMAT,CONDITION,SUMP,HOODED,FEATUREID,COMMENT,x,y",
    (
        {"STREETNAME": " ", "CONDITION": "UNK", "FEATUREID": "0", "x": "-71.5", "y": "42.5"},
        {"STREETNAME": "MADE UP AVE", "FEATUREID": "77", "COMMENT": "A, B", "x": "-71.5", "y": "42.6"},
        {"STREETNAME": "NOWHERE", "x": "", "y": ""},
    ),
    "storm_drains_ma/Melrose_ssCatchBasins_0.csv",
)
TOWNS = (CHAMPAIGN, ARLINGTON, CAMBRIDGE, LEXINGTON, MELROSE)


def imported(path: Path, town: Town) -> tuple[dict[str, Asset], Report]:
    taken, report = prepare("assets", path, MAPS / f"{town.name}.yml")
    found = {asset.id: asset for asset in build("assets", taken, Present(), report)}
    assert report.rows == report.taken + report.repeated + report.skipped.total() + len(report.refused)
    return found, report


def made_up(folder: Path, town: Town, rows: tuple[dict[str, str], ...] | None = None) -> Path:
    path = folder / f"{town.name}.csv"
    with path.open("w", encoding="utf-8-sig", newline="") as file:
        writer = csv.DictWriter(file, town.header.split(","), restval="")
        writer.writeheader()
        writer.writerows(town.rows if rows is None else rows)
    return path


def summary(report: Report) -> dict[str, Any]:
    keys = ("rows", "taken", "repeated", "renamed", "skipped", "blanked", "refused")
    return {key: value for key, value in report.to_dict().items() if key in keys and value}


def test_champaign(tmp_path: Path) -> None:
    found, report = imported(made_up(tmp_path, CHAMPAIGN), CHAMPAIGN)
    assert summary(report) == {"rows": 5, "taken": 4, "skipped": {"removed": 1}}
    one, two, three, four = found.values()
    assert (one.id, one.cabinet, one.feeder, one.rated_power_w) == (
        "champaign-9001",
        "champaign-SL900",
        "champaign-SL900-Q",
        120,
    )
    assert (two.feeder, two.rated_power_w) == (None, 180)
    assert (three.cabinet, three.rated_power_w) == (None, 45)
    assert (four.id, four.name, four.rated_power_w) == ("champaign-AAAA-0001", "", None)


def test_arlington(tmp_path: Path) -> None:
    found, report = imported(made_up(tmp_path, ARLINGTON), ARLINGTON)
    assert summary(report) == {"rows": 5, "taken": 4, "repeated": 1, "renamed": 1, "blanked": {"depth_mm": 1}}
    assert found["arlington-swX-1"].name == "1 MADE UP ST"
    assert found["arlington-swX-1"].depth_mm == pytest.approx(1219.2)
    assert found["arlington-swX-2"].depth_mm is None
    assert found["arlington-swX-1-2"].lat == 42.8


def test_cambridge(tmp_path: Path) -> None:
    found, report = imported(made_up(tmp_path, CAMBRIDGE), CAMBRIDGE)
    assert summary(report) == {"rows": 3, "taken": 2, "renamed": 1, "skipped": {"abandoned": 1}}
    assert "frame" not in found["cambridge-D00CBN0001"].attributes
    assert {asset.depth_mm for asset in found.values()} == {None}


def test_lexington(tmp_path: Path) -> None:
    found, report = imported(made_up(tmp_path, LEXINGTON), LEXINGTON)
    assert summary(report) == {"rows": 4, "taken": 3, "repeated": 1, "renamed": 1}
    assert list(found) == [
        "lexington-42.500000,-71.500000",
        "lexington-42.500000,-71.600000",
        "lexington-42.500000,-71.600000-2",
    ]
    assert found["lexington-42.500000,-71.600000-2"].attributes["facility_id"] == "MAD-1"


def test_melrose(tmp_path: Path) -> None:
    found, report = imported(made_up(tmp_path, MELROSE), MELROSE)
    assert summary(report) == {"rows": 3, "taken": 2, "skipped": {"no_position": 1}}
    assert "feature_id" not in found["melrose-42.500000,-71.500000"].attributes
    assert found["melrose-42.600000,-71.500000"].attributes["comments"] == "A, B"


@pytest.mark.parametrize("town", TOWNS, ids=lambda town: town.name)
def test_ids_do_not_depend_on_the_order_of_the_rows(tmp_path: Path, town: Town) -> None:
    unique = tuple({row.get("FACILITYID", row.get("facilityid")) or repr(row): row for row in town.rows}.values())
    forward, _ = imported(made_up(tmp_path, town, unique[:1] + unique[2:]), town)
    backward, _ = imported(made_up(tmp_path, town, (unique[:1] + unique[2:])[::-1]), town)
    assert forward.keys() == backward.keys()


def files(town: Town, folder: Path) -> list[Path]:
    """The made-up file, and the real one where it is."""
    return [made_up(folder, town), *(path for path in [BESIDE / town.real] if path.is_file())]


@pytest.mark.parametrize("town", TOWNS, ids=lambda town: town.name)
def test_every_row_is_accounted_for_and_every_asset_has_a_place(tmp_path: Path, town: Town) -> None:
    for path in files(town, tmp_path):
        found, report = imported(path, town)
        assert report.refused == []
        with path.open(encoding="utf-8-sig", newline="") as file:
            assert report.rows == sum(1 for _ in csv.DictReader(file))
        assert len(found) == report.taken >= 0.95 * (report.rows - report.repeated - report.skipped.total())
        for asset in found.values():
            assert asset.lat is not None
            assert asset.lon is not None
            assert asset.id.startswith(f"{town.name}-")
            assert not set(asset.id) & set("/+# \t{}")
            assert asset.depth_mm is None or 150 <= asset.depth_mm <= 6096
            assert asset.rated_power_w is None or 5 <= asset.rated_power_w <= 2000
            assert "Not Specified" not in [asset.cabinet, asset.feeder, asset.name, *asset.attributes.values()]
