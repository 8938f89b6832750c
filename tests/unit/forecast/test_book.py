"""The YAML of the forecasts: what is shipped holds together, and faults are named by file, line and key."""

from __future__ import annotations

from pathlib import Path

import pytest

from citybrain.kernel.errors import ConfigError
from dispatch.profiles import load_profile
from forecast.book import check_forecast, load_book, planned_infos
from forecast.finding import Plan
from rules.load import load as load_rulebook


def own(folder: Path, text: str) -> Path:
    path = folder / "forecast.yml"
    path.write_text(text, encoding="utf-8")
    return path


@pytest.mark.parametrize("city", ["cn", "uk"])
def test_what_is_shipped_is_right_in_every_city(city: str) -> None:
    assert check_forecast(filings=set(load_profile(city).items)) == []
    infos = planned_infos()
    assert {info.severity for info in infos.values()} == {"warning"}
    assert all(info.title_en and info.title_zh for info in infos.values())
    assert set(load_book().condition_of) == set(Plan)


def test_planned_orders_share_no_cause_and_no_name_with_faults() -> None:
    rulebook = load_rulebook().info
    planned = planned_infos()
    assert not set(planned) & set(rulebook)
    assert not {info.cause for info in planned.values()} & {info.cause for info in rulebook.values()}
    for conditions in load_book().plans.acute.values():
        assert set(conditions) <= set(rulebook)


@pytest.mark.parametrize("item", ["PL-CLEAN", "PL-BATTERY", "PL-FRAME", "PL-LAMP", "PL-ENGINEER"])
@pytest.mark.parametrize("city", ["cn", "uk"])
def test_limits_of_planned_orders_are_long(city: str, item: str) -> None:
    profile = load_profile(city)
    assert all(row.value >= 20 and row.unit in {"work_day", "natural_day"} for row in profile.of(item).repair)


def test_a_citys_own_file_needs_only_what_differs(tmp_path: Path) -> None:
    book = load_book(own(tmp_path, "silt: {window_days: 90}\nbatteries:\n  own:\n    kinds: []\n" + OWN_BATTERY))
    assert book.plans.silt.window_days == 90
    assert book.plans.silt.share_of_diameter == 0.2
    assert [model.name for model in book.plans.batteries] == ["er26500", "er34615", "own"]


OWN_BATTERY = """    devices: ["*x*"]
    capacity_ah: 3.6
    self_discharge: 0.02
    tx_ma: 30
    airtime_s: {12: 2.0}
    spreading_factor: 12
    measure_mah: 0.01
    measures_per_uplink: 2
    sleep_ua: 5
    doubt: 0.2
"""


@pytest.mark.parametrize(
    ("text", "key", "line", "words"),
    [
        ("silt:\n  window_day: 3\n", "silt.window_day", 2, "unknown key"),
        ("silt:\n  window_days: many\n", "silt.window_days", 2, "valid integer"),
        ("silt:\n  confidence: 1.5\n", "silt.confidence", 2, "a share"),
        ("lamp:\n  horizon_days: -1\n", "lamp.horizon_days", 2, "above 0"),
        ("slit: {}\n", "slit", 1, "unknown part"),
        ("acute: {slit: []}\n", "acute.slit", 1, "no kind of forecast"),
        ("conditions:\n  PLAN-LAMP: {kind: bench}\n", "conditions.PLAN-LAMP.kind", 2, "'bench'"),
        ("batteries: {x: {capacity_ah: 3}}\n", "batteries.x.devices", 1, "missing"),
        ("- a\n", "", 1, "must be a mapping"),
        ("silt: 3\n", "silt", 1, "must be a mapping"),
    ],
)
def test_faults_name_file_line_and_key(tmp_path: Path, text: str, key: str, line: int, words: str) -> None:
    path = own(tmp_path, text)
    fault = next(one for one in check_forecast(path) if one.key == key)
    assert (fault.file, fault.line) == (str(path), line)
    assert words in fault.message
    with pytest.raises(ConfigError):
        load_book(path)


def test_a_filing_item_without_a_limit_is_a_fault(tmp_path: Path) -> None:
    [fault] = check_forecast(
        own(tmp_path, "conditions: {PLAN-SILT: {filing: PL-NONE}}\n"),
        filings={"PL-CLEAN", "PL-BATTERY", "PL-FRAME", "PL-LAMP", "PL-ENGINEER"},
    )
    assert fault.key == "conditions.PLAN-SILT.filing"
