"""`citybrain silence`, `works`, `openings` and `explain alert` as people call them. Their clock is the wall clock."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from citybrain.cli import alerts, explain, openings, silence, works
from citybrain.clock import SystemClock
from citybrain.kernel.errors import CityBrainError, ConfigError, InputError, NotFound, StateError
from citybrain.store import register as register_store
from citybrain.store.db import Database
from tests.dispatch_kit import Town

pytestmark = pytest.mark.live

Run = Callable[..., Result]


@pytest.fixture
def town(db: Database) -> Town:
    found = Town(db)
    found.now = found.machine_now = SystemClock().now() - timedelta(minutes=1)
    with db.transaction() as tx:
        register_store.save_assets(tx, list(found.register.assets.values()))
    return found


@pytest.fixture
def run(db_url: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Run:
    """Call a command of a group; errors of ours come out as they are."""
    for name in [name for name in os.environ if name.startswith("CITYBRAIN_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("CITYBRAIN_DATABASE_URL", db_url)
    monkeypatch.setenv("COLUMNS", "250")

    def call(group: Any, *words: str, language: str = "en") -> Result:
        monkeypatch.setenv("CITYBRAIN_LANGUAGE", language)
        result = CliRunner().invoke(group.app, [*words, "--data-dir", str(tmp_path)])
        if isinstance(result.exception, CityBrainError):
            raise result.exception
        assert result.exit_code == 0, result.output
        return result

    return call


def test_an_alert_is_silenced_listed_with_its_countdown_and_explained(town: Town, run: Run) -> None:
    town.raised("mh-1", "MH-OPEN")
    town.cycle()
    alert = str(town.alerts()[0]["id"])
    added = run(silence, "add", "--alert", alert, "--for", "2h", "--reason", "a parade", "--author", "Ms Li").output
    assert added.startswith("#1: 1h 59m left") or added.startswith("#1: 2h 00m left")
    town.cycle(minutes=2)
    (row,) = json.loads(run(silence, "list", "-o", "json").output)
    assert (row["author"], row["reason"], row["muted"], row["matchers"]) == (
        "Ms Li", "a parade", 1, ['asset="mh-1"', 'condition="MH-OPEN"'],
    )  # fmt: skip
    assert 7000 < row["left_s"] <= 7200
    (listed,) = json.loads(run(alerts, "list", "-o", "json").output)
    assert (listed["silenced_by"]["number"], listed["silenced_by"]["author"]) == (1, "Ms Li")
    assert "#1 1h 5" in run(alerts, "list").output or "#1 2h 00m" in run(alerts, "list").output
    told = run(explain, "alert", alert).output
    for word in ("tilt_deg", "silence #1 by Ms Li: a parade", "#1 for drainage, dispatched", "log:drainage", "make safe"):
        assert word in told, word
    assert "被什么静默" in run(explain, "alert", alert, language="zh").output
    facts = json.loads(run(explain, "alert", alert, "-o", "json").output)
    assert facts["muted"]["case"]["number"] == 1
    assert [one["outcome"] for one in facts["told"]] == ["sent"]
    assert facts["readings"][0]["measure"] == "tilt_deg"
    assert "mh-1" in run(silence, "show", "1").output
    assert "is over" in run(silence, "expire", "1", "--author", "Wang").output
    with pytest.raises(StateError):
        run(silence, "expire", "1", "--author", "Wang")
    town.cycle(minutes=1)
    assert "没有静默" in run(silence, "list", language="zh").output


def test_a_window_needs_a_rule_that_comes(town: Town, run: Run) -> None:
    words = ("silence", "kind=manhole", "--for", "6h", "--reason", "sweeping", "--zone", "Asia/Shanghai")
    run(silence, "add", *words[1:], "--rrule", "FREQ=WEEKLY;BYDAY=TU", "--from", "2026-01-06T00:00")
    (row,) = json.loads(run(silence, "list", "-o", "json").output)
    assert (row["sort"], row["recurrence"]["zone"]) == ("window", "Asia/Shanghai")
    with pytest.raises(InputError, match="FREQ must be one of"):
        run(silence, "add", *words[1:], "--rrule", "FREQ=MINUTELY")
    with pytest.raises(InputError, match="90m, 2h"):
        run(silence, "add", "kind=manhole", "--for", "soon", "--reason", "x")
    with pytest.raises(InputError, match="no label"):
        run(silence, "add", "colour=red", "--for", "1h", "--reason", "x")


def test_works_are_imported_all_or_none_and_changed_by_their_reference(town: Town, run: Run, tmp_path: Path) -> None:
    file = tmp_path / "works.yml"
    entry = "- {{reference: P-1, feeder: f-1, begins_at: 2099-03-02 22:00, ends_at: 2099-03-03 0{hour}:00, reason: cable}}\n"
    file.write_text("works:\n" + entry.format(hour=6), encoding="utf-8")
    assert "1 works are new" in run(works, "import", str(file), "--zone", "Asia/Shanghai", "--author", "grid").output
    file.write_text("works:\n" + entry.format(hour=7), encoding="utf-8")
    assert "1 were known" in run(works, "import", str(file), "--zone", "Asia/Shanghai", "--author", "grid").output
    (row,) = json.loads(run(works, "list", "-o", "json").output)
    assert (row["reference"], row["ends_at"]) == ("P-1", "2099-03-02T23:00:00+00:00")
    bad = "- {reference: P-2, feeder: nowhere, begins_at: 2099-03-02 22:00, ends_at: 2099-03-03 06:00, reason: cable}\n"
    file.write_text("works:\n" + entry.format(hour=8) + bad, encoding="utf-8")
    with pytest.raises(ConfigError, match=r"works.yml:3: works\[1\]: works: no asset of the register lies there"):
        run(works, "import", str(file), "--author", "grid")
    (row,) = json.loads(run(works, "list", "-o", "json").output)
    assert row["ends_at"] == "2099-03-02T23:00:00+00:00", "none of a list with a fault is taken"
    run(works, "cancel", "P-1", "--reason", "rain", "--author", "grid")
    assert json.loads(run(works, "list", "-o", "json").output) == []
    with pytest.raises(NotFound, match="no silence"):
        run(works, "cancel", "P-9", "--author", "grid")


def test_an_opening_is_approved_and_closed(town: Town, run: Run) -> None:
    with pytest.raises(NotFound, match="no asset"):
        run(openings, "add", "nothing", "--for", "1h", "--approver", "Zhao", "--reason", "fibre")
    run(openings, "add", "mh-1", "--for", "3h", "--approver", "Ms Zhao", "--reason", "fibre", "--author", "water")
    assert "Ms Zhao" in run(silence, "show", "1").output
    with pytest.raises(NotFound, match="is no silence or window"):
        run(silence, "expire", "1", "--author", "Wang")
    assert "#1" in run(openings, "close", "1", "--reason", "cable is in", "--author", "water").output
