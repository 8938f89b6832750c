"""`citybrain profiles`: list, check, try."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

import ingest.decoders
from citybrain.cli.profiles import app

_SAMPLE = Path(ingest.decoders.__file__).parent / "unquoted_object" / "sample.json"
_RUN = CliRunner()


def test_list_as_json() -> None:
    result = _RUN.invoke(app, ["list", "-o", "json"])
    assert result.exit_code == 0
    assert "icra_overflow" in {row["name"] for row in json.loads(result.output)}


def test_check_names_every_fault(tmp_path: Path) -> None:
    good = "name: good\ntitle: Good\nkind: drain\nenvelopes: [tts]\nvalues: {level_mm: level}\n"
    (tmp_path / "good.yml").write_text(good)
    (tmp_path / "bad.yml").write_text(good.replace("good", "bad").replace("drain", "volcano"))
    result = _RUN.invoke(app, ["check", str(tmp_path / "good.yml")])
    assert (result.exit_code, result.output) == (0, "1 profile(s), no fault\n")
    result = _RUN.invoke(app, ["check", str(tmp_path)])
    assert result.exit_code == 1
    assert "bad.yml:3: kind: " in result.output


@pytest.mark.parametrize("payload", [str(_SAMPLE), _SAMPLE.read_text(encoding="utf-8"), "-"], ids=["file", "text", "stdin"])
def test_try_shows_the_reading(payload: str) -> None:
    result = _RUN.invoke(app, ["try", "icra_overflow", payload, "-o", "json"], input=_SAMPLE.read_bytes())
    assert result.exit_code == 0, result.output
    (reading,) = json.loads(result.output)
    assert reading["asset"] == "70B3D57ED0000001"
    assert reading["values"]["temperature_cel"] == 12.4
    assert reading["observed"] == "2026-01-01T00:00:00.000Z"


def test_try_tells_the_reason_of_quarantine() -> None:
    result = _RUN.invoke(app, ["try", "icra_overflow", '{"endDevice": {"devEui": "A"}, "payload": "zz"}'])
    assert result.exit_code == 1
    assert "bad_field" in result.output


def test_try_a_file_that_is_not_there() -> None:
    result = _RUN.invoke(app, ["try", "icra_overflow", "nowhere.json"])
    assert result.exit_code == 1
    assert "nowhere.json" in result.output


def test_people_are_told_in_the_language_of_the_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CITYBRAIN_LANGUAGE", "zh")
    assert "信封" in _RUN.invoke(app, ["list"]).output
    result = _RUN.invoke(app, ["try", "icra_overflow", '{"endDevice": {"devEui": "A"}, "payload": "zz"}'])
    assert result.exit_code == 1
    assert "关键字段的类型或值不对" in result.output
    shown = _RUN.invoke(app, ["try", "icra_overflow", str(_SAMPLE)]).output
    assert "部件 70B3D57ED0000001（drain）" in shown
    assert "测量量" in shown
