"""check-config names file, line and key of every fault of every part, and exits with 1."""

from __future__ import annotations

import json
import os
from importlib.resources import files
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from citybrain.cli import check_config
from citybrain.cli.check_config import check_settings


@pytest.fixture(autouse=True)
def _bare_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith("CITYBRAIN_")]:
        monkeypatch.delenv(name)


@pytest.fixture
def app() -> typer.Typer:
    """The command alone."""
    root = typer.Typer()
    root.callback()(lambda: None)
    check_config.register(root)
    return root


def write(path: Path, text: str) -> Path:
    path.write_text(text, encoding="utf-8")
    return path


def test_the_shipped_configuration_has_no_fault(app: typer.Typer) -> None:
    result = CliRunner().invoke(app, ["check-config"])
    assert (result.exit_code, result.stdout.strip()) == (
        0,
        "settings, limits, calendars, grouping, profiles, rulebook: no fault",
    )


def test_every_part_is_checked_even_when_another_is_faulty(app: typer.Typer, tmp_path: Path) -> None:
    config = write(tmp_path / "settings.yml", "city: demo\nhttp_prot: 8080\nqueue_size: 0\n")
    rules = write(tmp_path / "rules.yml", "MH-OPEN:\n  filing: MH-MISSNG\nMH-FLIP: {severity: grave}\n")
    limits = write(tmp_path / "limits.csv", "item,kind\n")
    calendars = write(tmp_path / "calendars.yml", "plain:\n  hours: ['8-12']\n  weekdays: [mon]\n")
    shipped = files("dispatch").joinpath("data", "grouping.yml").read_text(encoding="utf-8")
    grouping = write(tmp_path / "grouping.yml", shipped.replace("group_interval: 5m", "group_interval: 1s", 1))
    options = ["--config", config, "--rulebook", rules, "--limits", limits, "--calendars", calendars, "-o", "json"]
    options += ["--grouping", grouping]
    result = CliRunner().invoke(app, ["check-config", *map(str, options)])
    found = {(Path(row["file"]).name, row["line"], row["key"]) for row in json.loads(result.stdout)}
    assert result.exit_code == 1
    assert found == {
        ("settings.yml", 2, "http_prot"),
        ("settings.yml", 3, "queue_size"),
        ("limits.csv", 1, ""),
        ("calendars.yml", 2, "plain.hours"),
        ("grouping.yml", 21, "groups[0].group_interval"),
        ("rules.yml", 3, "MH-FLIP.severity"),
    }


def test_a_filing_item_without_a_limit_is_a_fault(app: typer.Typer, tmp_path: Path) -> None:
    rules = write(tmp_path / "rules.yml", "MH-OPEN:\n  filing: MH-MISSNG\n")
    result = CliRunner().invoke(app, ["check-config", "--rulebook", str(rules)])
    assert result.exit_code == 1
    expected = f"{rules}:2: MH-OPEN.filing: the table of time limits has no item MH-MISSNG; did you mean MH-MISSING?"
    assert result.stdout.splitlines() == [expected, "1 fault(s)"]


def test_a_setting_of_the_environment_is_named_by_its_variable(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    config = write(tmp_path / "settings.yml", "queue_size: 500\n")
    monkeypatch.setenv("CITYBRAIN_QUEUE_SIZE", "0")
    found, faults = check_settings(config, {})
    assert found is None
    assert [(fault.file, fault.key) for fault in faults] == [("environment", "CITYBRAIN_QUEUE_SIZE")]


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [("city: [\n", 2, "not YAML"), ("- city\n", 1, "must be a mapping"), ("city: a\ncity: b\n", 2, "twice")],
)
def test_a_settings_file_of_bad_form(tmp_path: Path, text: str, line: int, words: str) -> None:
    found, faults = check_settings(write(tmp_path / "settings.yml", text), {})
    assert found is None
    assert faults[0].line == line
    assert words in faults[0].message


def test_good_settings_are_returned(tmp_path: Path) -> None:
    found, faults = check_settings(write(tmp_path / "settings.yml", "city: suzhou\n"), {"rulebook": tmp_path / "r.yml"})
    assert faults == []
    assert found is not None
    assert (found.city, found.rulebook) == ("suzhou", tmp_path / "r.yml")


def test_the_clock_is_checked_too(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    config = write(tmp_path / "settings.yml", "city: demo\nclock: speed=0,origin=0\n")
    (fault,) = check_settings(config, {})[1]
    assert (fault.line, fault.key) == (2, "clock")
    monkeypatch.setenv("CITYBRAIN_CLOCK", "sundial")
    (fault,) = check_settings(None, {})[1]
    assert (fault.file, fault.key) == ("environment", "CITYBRAIN_CLOCK")


def test_no_fault_shows_a_password(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CITYBRAIN_MQTT_URL", "http://city:hunter2@broker")
    (fault,) = check_settings(None, {})[1]
    assert fault.key == "CITYBRAIN_MQTT_URL"
    assert "hunter2" not in str(fault)


def test_it_speaks_the_language_of_the_settings(app: typer.Typer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CITYBRAIN_LANGUAGE", "zh")
    assert "未发现错误" in CliRunner().invoke(app, ["check-config"]).stdout
