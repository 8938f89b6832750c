"""`citybrain import` and `citybrain explain` against a real database."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from citybrain.cli import explain, import_
from citybrain.kernel.errors import ConfigError, NotFound, UnavailableError
from citybrain.kernel.model import Asset
from citybrain.kernel.register import Register
from citybrain.register import importer
from citybrain.store import register as store
from citybrain.store.db import Database
from tests.dispatch_kit import Town

pytestmark = pytest.mark.live

UNITS = (
    "id,name,name_zh,timezone,calendar,contacts,guardian_of\n"
    "drainage,Drainage service,排水服务中心,Asia/Shanghai,default,log:drainage;mailto:d@example.org,\n"
    "lights,Street lighting,,Asia/Shanghai,default,log:lights,\n"
    "office,District office,,Asia/Shanghai,default,log:office,*\n"
)
ASSETS = (
    "id,kind,lat,lon,unit,feeder\nD1,drain,31.5,120.5,drainage,\nL1,streetlight,31.5,120.6,,F1\nL2,streetlight,31.5,125,,F2\n"
)
RULES = "id,level,unit,kind,feeder,area\nr1,contract,lights,,F1,\nr2,area,lights,streetlight,,north\n"
DEVICES = "id,asset,profile,valid_from,valid_to\nd1,D1,dc410,2026-01-01,\n"
SQUARE = {"type": "Polygon", "coordinates": [[[120, 31], [121, 31], [121, 32], [120, 32], [120, 31]]]}
AREAS = json.dumps(
    {
        "type": "FeatureCollection",
        "features": [{"type": "Feature", "geometry": SQUARE, "properties": {"id": "north", "type": "district", "name": "N"}}],
    }
)
FILES = {
    "units": "units.csv",
    "assets": "assets.csv",
    "areas": "areas.geojson",
    "responsibilities": "rules.csv",
    "devices": "devices.csv",
}


@pytest.fixture
def folder(tmp_path: Path, db_url: str, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("CITYBRAIN_DATABASE_URL", db_url)
    for name, content in zip(FILES.values(), (UNITS, ASSETS, AREAS, RULES, DEVICES), strict=True):
        (tmp_path / name).write_text(content, encoding="utf-8-sig")
    return tmp_path


def run(app: Any, *args: str) -> Result:
    return CliRunner().invoke(app, list(args))


def load(folder: Path) -> None:
    for what, name in FILES.items():
        result = run(import_.app, what, str(folder / name))
        assert result.exit_code == 0, result.output
        assert "Imported." in result.output


def register(db: Database) -> Register:
    with db.transaction() as tx:
        return store.load_register(tx)


def test_the_five_files_of_a_register(folder: Path, db: Database) -> None:
    load(folder)
    found = register(db)
    assert set(found.assets) == {"D1", "L1", "L2"}
    assert set(found.units) == {"drainage", "lights", "office"}
    assert found.units["drainage"].contacts == ("log:drainage", "mailto:d@example.org")
    assert [rule.id for rule in found.responsibilities] == ["r1", "r2"]
    assert [area.id for area in found.areas] == ["north"]
    assert found.devices["d1"][0].asset == "D1"
    for what, name in FILES.items():  # a second time nothing changes
        result = json.loads(run(import_.app, what, str(folder / name), "-o", "json").output)
        assert (result["new"], result["changed"], result["unchanged"]) == (0, 0, result["rows"]), what
    assert register(db).version == found.version


def test_a_dry_run_changes_nothing_and_says_what_would(folder: Path, db: Database) -> None:
    load(folder)
    version = register(db).version
    (folder / "assets.csv").write_text(ASSETS.replace("31.5,120.5", "31.6,120.5") + "N,drain,1,2,,\n", encoding="utf-8")
    result = run(import_.app, "assets", str(folder / "assets.csv"), "--dry-run")
    assert result.exit_code == 0
    assert "4 rows" in result.output
    assert "1 new, 1 changed, 2 unchanged" in result.output
    assert register(db).version == version


def test_nothing_is_half_imported(folder: Path, db: Database) -> None:
    load(folder)
    bad = folder / "bad.csv"
    bad.write_text("id,kind,unit\nnew,drain,drainage\nodd,drain,nobody\nworse,tree,\n", encoding="utf-8")
    result = run(import_.app, "assets", str(bad))
    assert result.exit_code == 1
    assert "line 3: unknown_unit: odd: unit 'nobody'" in result.output
    assert "line 4: unknown_value: kind: 'tree'" in result.output
    assert "Nothing was imported" in result.output
    assert "new" not in register(db).assets

    result = run(import_.app, "assets", str(bad), "--skip-refused")
    assert result.exit_code == 0
    found = register(db).assets
    assert "new" in found
    assert "odd" not in found


def test_an_error_in_the_middle_of_saving_leaves_the_register_as_it_was(
    folder: Path, db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    load(folder)
    before = register(db)
    taken = folder / "many.csv"
    taken.write_text("id,kind\nfirst,drain\nsecond,drain\n", encoding="utf-8")
    original = store.save_assets

    def broken(tx: Any, assets: Any) -> Any:
        original(tx, assets)
        raise UnavailableError("the server went away")

    monkeypatch.setitem(importer._SAVERS, "assets", broken)
    with pytest.raises(UnavailableError):
        importer.import_file(db, "assets", taken)
    assert register(db) == before


def test_an_import_adopts_a_provisional_asset(folder: Path, db: Database) -> None:
    load(folder)
    with db.transaction() as tx:
        store.add_provisional(tx, [Asset("P", "drain", provisional=True)], [])
    (folder / "p.csv").write_text("id,kind,unit\nP,drain,drainage\n", encoding="utf-8")
    assert run(import_.app, "assets", str(folder / "p.csv")).exit_code == 0
    found = register(db).assets["P"]
    assert (found.provisional, found.unit) == (False, "drainage")


def test_a_shipped_map_by_name_and_a_dry_run_without_a_database(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CITYBRAIN_DATABASE_URL", raising=False)
    monkeypatch.setenv("CITYBRAIN_DATA_DIR", str(tmp_path / "nothing"))
    header = "FID,FacilityID,DrawingOfR,StreetName,Comments,GrateStyle,Historical,x,y"
    (tmp_path / "rows.csv").write_text(f"{header}\n1,,D,,,SQR,,-71.5,42.5\n", encoding="utf-8")
    result = run(import_.app, "assets", str(tmp_path / "rows.csv"), "--map", "lexington", "--dry-run")
    assert result.exit_code == 0, result.output
    assert "without a database" in result.output
    assert isinstance(run(import_.app, "assets", str(tmp_path / "rows.csv"), "--map", "lexington").exception, UnavailableError)
    unknown = run(import_.app, "assets", str(tmp_path / "rows.csv"), "--map", "atlantis")
    assert isinstance(unknown.exception, ConfigError)
    assert "champaign" in str(unknown.exception)
    wrong = run(import_.app, "units", str(tmp_path / "rows.csv"), "--map", "lexington", "--dry-run")
    assert "for assets" in str(wrong.exception)


def test_explain_route(folder: Path) -> None:
    load(folder)
    result = run(explain.app, "route", "D1")
    assert result.output.startswith("D1 (drain): drainage (Drainage service)")
    answer = json.loads(run(explain.app, "route", "L1", "-o", "json").output)
    assert (answer["unit"], answer["trail"][-1]["rule"]) == ("lights", "r1")
    by_place = json.loads(run(explain.app, "route", "L2", "--condition", "SL-OUT", "-o", "json").output)
    assert by_place["unit"] == "office"  # east of the only district
    assert [step["reason"] for step in by_place["trail"]] == [
        "no_own_unit",
        "other_feeder",
        "place_unknown",
        "matched",
    ]
    assert isinstance(run(explain.app, "route", "nothing").exception, NotFound)
    unknown = run(explain.app, "route", "L2", "--condition", "SL-OFF").exception
    assert isinstance(unknown, NotFound)
    assert "SL-OUT" in str(unknown)


def test_explain_deadline(db: Database, db_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CITYBRAIN_DATABASE_URL", db_url)
    town = Town(db)
    (opened,) = town.raised("mh-1", "MH-OPEN")
    result = run(explain.app, "deadline", opened.order_id)
    assert "Limit: 2 urgent hours. The clock never stops" in result.output
    assert "the same" in result.output
    monkeypatch.setenv("CITYBRAIN_LANGUAGE", "zh")
    assert "紧急工作时" in run(explain.app, "deadline", "1").output
    answer = json.loads(run(explain.app, "deadline", "1", "-o", "json").output)
    assert (answer["same"], answer["filing_item"], answer["steps"][-1][:4]) == (True, "MH-MISSING", "Due ")
    assert isinstance(run(explain.app, "deadline", "999").exception, NotFound)
