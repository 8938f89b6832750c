"""`citybrain readings` as people call it, and the files that it writes."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner, Result

from citybrain.cli import readings as group
from citybrain.kernel.errors import CityBrainError, InputError, NotFound
from citybrain.kernel.model import Asset, Reading
from citybrain.kernel.times import to_ms
from citybrain.runtime import parquet
from citybrain.store import readings, register
from citybrain.store.db import Database
from citybrain.store.extract import Selection

pytestmark = pytest.mark.live
NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
Run = Callable[..., Result]


@pytest.fixture
def run(db_url: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Run:
    """Call a command; errors of ours come out as they are."""
    for name in [name for name in os.environ if name.startswith("CITYBRAIN_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("CITYBRAIN_DATABASE_URL", db_url)
    monkeypatch.setenv("COLUMNS", "200")

    def call(*words: str, language: str = "en") -> Result:
        monkeypatch.setenv("CITYBRAIN_LANGUAGE", language)
        result = CliRunner().invoke(group.app, [*words, "--data-dir", str(tmp_path)])
        if isinstance(result.exception, CityBrainError):
            raise result.exception
        assert result.exit_code == 0, result.output
        return result

    return call


@pytest.fixture
def given(db: Database) -> list[Reading]:
    """A day of two covers, a value every ten minutes; a text, a flag and a message without a value among them."""
    found = [
        Reading(
            asset,
            "manhole",
            asset,
            to_ms(NOON) + n * 600_000,
            to_ms(NOON) + n * 600_000 + 70,
            {"level_mm": 400 + n, "tilt_deg": 0.5},
            n,
            n,
        )
        for asset in ("MH-1", "MH-2")
        for n in range(144)
    ]
    found[3] = found[3]._replace(
        values={"note": 'line 1\n"line 2", and', "empty": "", "overflow": True, "level_mm": 1.25}, device="d9", flags=5
    )
    found[4] = found[4]._replace(values={})
    with db.transaction() as tx:
        register.save_assets(tx, [Asset("MH-1", "manhole"), Asset("MH-2", "manhole"), Asset("MH-3", "manhole")])
        readings.add_fresh(tx, found)
    return found


DAY = ("--from", "2026-03-02T12:00Z", "--to", "2026-03-03T12:00Z")


def test_a_series_is_shown(run: Run, given: list[Reading]) -> None:
    table = run("show", "MH-1", "--measure", "tilt_deg", *DAY, "--step", "1h").output
    assert all(word in table for word in ("average", "greatest", "2026-03-02 13:00:00", "tilt_deg", "deg"))
    assert table.count("2026-03-0") == 24
    assert "平均" in run("show", "MH-1", *DAY, language="zh").output
    rows = json.loads(run("show", "MH-2", *DAY, "-o", "json").output)
    assert {row["measure"] for row in rows} == {"level_mm", "tilt_deg"}
    first = {
        "measure": "level_mm",
        "unit": "mm",
        "time": NOON.isoformat(),
        "n": 6,
        "avg": 402.5,
        "min": 400.0,
        "max": 405.0,
        "last": 405.0,
    }
    assert rows[0] == {**first, "label": None}
    raw = run("show", "MH-1", "--from", "2026-03-02", "--to", "2026-03-02T12:31Z", "--step", "raw", "--measure", "note").output
    assert "line 2" in raw


def test_what_cannot_be_shown_is_said(run: Run, given: list[Reading]) -> None:
    assert "no values of MH-3" in run("show", "MH-3", *DAY).output
    assert "MH-3" in run("show", "MH-3", *DAY, language="zh").output
    assert json.loads(run("show", "MH-3", *DAY, "-o", "json").output) == []
    with pytest.raises(NotFound, match="MH-4"):
        run("show", "MH-4")
    for words, why in (
        (["--step", "2h"], "one of raw, 1m, 1h, 1d"),
        (["--from", "yesterday"], "write 2026-03-02"),
        (["--to", "2026-03-02T10:00"], "in which time zone"),
    ):
        with pytest.raises(InputError, match=why):
            run("show", "MH-1", *words)


def test_an_export_holds_every_value(run: Run, given: list[Reading], tmp_path: Path) -> None:
    file = tmp_path / "all.parquet"
    values = sum(len(one.values) for one in given)
    assert f"{values} values from 2026-03-02 12:00:00" in run("export", "--parquet", str(file)).output
    table = pq.read_table(file)
    rows = table.to_pylist()
    assert len(rows) == values
    back: dict[tuple[str, datetime], dict[str, object]] = {}
    for row in rows:
        value = row["label"] if row["value"] is None else row["value"]
        back.setdefault((row["asset"], row["observed_at"]), {})[row["measure"]] = value
    wanted = {
        (one.asset, NOON + timedelta(milliseconds=one.observed_ms - to_ms(NOON))): one.values for one in given if one.values
    }
    assert back == wanted
    (flag,) = (row for row in rows if row["measure"] == "overflow")
    assert (flag["value"], flag["label"], flag["quality"], flag["device"], flag["seq"]) == (1.0, "true", 5, "d9", 3)
    assert flag["received_at"] - flag["observed_at"] == timedelta(milliseconds=70)
    assert [(row["asset"], row["observed_at"]) for row in rows] == sorted((row["asset"], row["observed_at"]) for row in rows)


def test_the_file_says_what_it_holds_in_both_languages(run: Run, given: list[Reading], tmp_path: Path) -> None:
    file = tmp_path / "one.parquet"
    run("export", "--parquet", str(file), "--asset", "MH-2", language="zh")
    told = {name.decode(): what.decode() for name, what in pq.read_schema(file).metadata.items()}
    assert json.loads(told["citybrain.units"])["level_mm"] == "mm"
    columns = json.loads(told["citybrain.columns"])
    assert (columns["en"]["asset"], columns["zh"]["asset"]) == ("id of the asset", "部件编号")
    assert list(columns["zh"]) == pq.read_schema(file).names
    assert json.loads(told["citybrain.quality"])["en"]["256"] == "came late"
    assert told["citybrain.city"] == "demo"


def test_a_selection_is_exported(run: Run, given: list[Reading], tmp_path: Path) -> None:
    file = tmp_path / "some.parquet"
    words = [
        "--asset",
        "MH-1",
        "--asset",
        "MH-2",
        "--measure",
        "tilt_deg",
        "--from",
        "2026-03-02T13:00Z",
        "--to",
        "2026-03-02T14:00Z",
    ]
    done = json.loads(run("export", "--parquet", str(file), *words, "-o", "json").output)
    assert (done["values"], done["row_groups"], done["first"]) == (12, 1, "2026-03-02T13:00:00+00:00")
    rows = pq.read_table(file).to_pylist()
    assert {(row["asset"], row["measure"]) for row in rows} == {("MH-1", "tilt_deg"), ("MH-2", "tilt_deg")}
    assert all(row["received_at"] is not None for row in rows), "beside every value, whichever was the message's first"
    assert "only the columns" in run("export", "--parquet", str(file), "--asset", "nobody").output
    assert pq.read_table(file).num_rows == 0


def test_a_large_export_comes_in_row_groups(
    db: Database, given: list[Reading], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(parquet, "_BLOCK", 4096)
    done = parquet.write_parquet(db, tmp_path / "many.parquet", Selection(*parquet.EVER), "demo")
    file = pq.ParquetFile(tmp_path / "many.parquet")
    assert file.num_row_groups == done.row_groups > 5
    assert file.metadata.num_rows == done.values


def test_a_file_that_failed_is_not_there(db: Database, given: list[Reading], tmp_path: Path, run: Run) -> None:
    with pytest.raises(InputError, match="the folder is not there"):
        run("export", "--parquet", str(tmp_path / "no" / "where.parquet"))
    with pytest.raises(CityBrainError):
        parquet.write_parquet(db, tmp_path / "half.parquet", Selection(*parquet.EVER, assets=["a\0b"]), "demo")
    assert list(tmp_path.glob("half*")) == []
