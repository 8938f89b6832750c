"""`citybrain forecast` as people call it."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from citybrain.cli import forecast, orders
from citybrain.config import Settings
from citybrain.kernel.errors import CityBrainError, InputError, NotFound
from citybrain.runtime.demo.stage import save
from citybrain.runtime.past import seed_history
from citybrain.store.db import Database
from forecast.book import load_book
from simulators.world import World

pytestmark = pytest.mark.live

Run = Callable[..., Result]
NOW = datetime(2026, 6, 12, 1, tzinfo=UTC)
CLOCK = "speed=1,origin=2026-06-12T01:00:00+00:00"


@pytest.fixture
def run(db: Database, db_url: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Run:
    for name in [name for name in os.environ if name.startswith("CITYBRAIN_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("CITYBRAIN_DATABASE_URL", db_url)
    monkeypatch.setenv("CITYBRAIN_CLOCK", CLOCK)
    monkeypatch.setenv("COLUMNS", "220")
    register = World(7, 200, NOW).register()
    save(db, register)
    seed_history(db, register, load_book(Settings(data_dir=tmp_path).forecast), NOW)

    def call(*words: str, group: Any = forecast, language: str = "en", code: int = 0) -> Result:
        monkeypatch.setenv("CITYBRAIN_LANGUAGE", language)
        result = CliRunner().invoke(group.app, [*words, "--data-dir", str(tmp_path)])
        if isinstance(result.exception, CityBrainError):
            raise result.exception
        assert result.exit_code == code, result.output
        return result

    return call


def test_what_is_made_is_listed_and_explained(run: Run) -> None:
    assert "No forecast has a date." in run("list").output
    made = json.loads(run("run", "-o", "json").output)
    assert made["assets"] == 200
    assert made["changes"] == {"battery raised": 1, "cover raised": 1, "lamp raised": 1, "silt raised": 2}
    assert json.loads(run("run", "-o", "json").output)["changes"] == {}

    rows = json.loads(run("list", "-o", "json", "--planned").output)
    assert len(rows) == 5
    assert [row["forecast_at"] for row in rows] == sorted(row["forecast_at"] for row in rows)
    assert all(row["order"] and row["unit"] for row in rows)
    drain = next(row["asset"] for row in rows if row["plan"] == "silt")
    table = run("list", "--plan", "silt", language="zh").output
    assert all(word in table for word in (drain, "淤积", "即将到期"))

    told = run("explain", drain).output
    assert all(
        word in told
        for word in ("silt: due soon: planned", "limit_mm", "level_mm", "How it changed", "repeated fault: not repeated")
    )
    plain = json.loads(run("explain", drain, "-o", "json").output)
    assert plain["forecasts"][0]["facts"]["pipe_diameter_mm"] >= 300
    assert "Silt: clean before it blocks" in run("list", group=orders).output

    unknown = json.loads(run("list", "-o", "json", "--why", "unknown_start", "--limit", "1000").output)
    assert {row["plan"] for row in unknown} == {"battery"}
    (batch,) = json.loads(run("list", "-o", "json", "--batch", "district").output)
    assert (batch["how_many"], batch["place"][0]) == (1, "D")


def test_what_does_not_exist_is_said(run: Run) -> None:
    with pytest.raises(NotFound, match="no asset 'DR-9'"):
        run("explain", "DR-9")
    with pytest.raises(InputError, match="one of silt, battery"):
        run("list", "--plan", "slit")
    with pytest.raises(InputError, match="one of ahead"):
        run("list", "--why", "because")
    with pytest.raises(InputError, match="batteries"):
        run("list", "--plan", "silt", "--batch", "cell")


def test_the_backtest_needs_no_city(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    result = CliRunner().invoke(forecast.app, ["backtest", "--assets", "2", "--days", "90", "-o", "json"])
    assert result.exit_code == 0, result.output
    assert [row["plan"] for row in json.loads(result.output)] == ["silt", "battery", "cover", "lamp", "repeat"]
