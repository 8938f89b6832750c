"""Calendars from YAML: the shipped ones, a city's own, and every fault with file, line and key."""

from __future__ import annotations

from datetime import date, datetime
from pathlib import Path

import pytest

from citybrain.kernel.errors import ConfigError
from citybrain.kernel.model import Unit
from dispatch.calendars import check_calendars, load_calendars
from dispatch.deadlines import due


def test_the_shipped_calendars() -> None:
    assert check_calendars() == []
    assert set(load_calendars().names) >= {"default", "plain", "always", "uk", "us"}


@pytest.mark.parametrize(
    ("day", "working", "reason"),
    [
        ("2026-02-13", True, "working_day"),
        ("2026-02-14", True, "moved_working_day"),  # a Saturday
        ("2026-02-15", False, "holiday"),
        ("2026-02-17", False, "holiday"),
        ("2026-02-23", False, "holiday"),
        ("2026-02-24", True, "working_day"),
        ("2026-02-28", True, "moved_working_day"),  # a Saturday
        ("2026-03-01", False, "weekend"),
        ("2026-10-07", False, "holiday"),
        ("2026-10-10", True, "moved_working_day"),  # a Saturday
        ("2025-10-11", True, "moved_working_day"),  # known to the country's table, not to our file
    ],
)
def test_the_default_calendar_knows_holidays_and_moved_days(day: str, working: bool, reason: str) -> None:
    found = load_calendars().of("default", "Asia/Shanghai").day(date.fromisoformat(day))
    assert (found.working, found.reason) == (working, reason)
    assert found.note or reason in {"working_day", "weekend"}


def test_a_unit_has_its_calendar_in_its_time_zone_made_once() -> None:
    calendars = load_calendars()
    unit = Unit("lights", "Street lighting", timezone="Europe/London", calendar="uk")
    calendar = calendars.for_unit(unit)
    assert calendars.for_unit(unit) is calendar
    # Good Friday and Easter Monday 2026 are free
    end = due(datetime(2026, 4, 2, 16, 0, tzinfo=calendar.tz), 1, "work_hour", calendar).due_at
    assert end == datetime(2026, 4, 7, 9, 0, tzinfo=calendar.tz)


def test_a_calendar_that_never_closes() -> None:
    always = load_calendars().of("always", "UTC")
    start = datetime(2026, 10, 1, 23, 30, tzinfo=always.tz)
    assert due(start, 2, "work_hour", always).due_at == datetime(2026, 10, 2, 1, 30, tzinfo=always.tz)
    assert due(start, 1, "work_day", always).due_at == datetime(2026, 10, 2, 23, 30, tzinfo=always.tz)


@pytest.mark.parametrize("timezone", ["Mars/Olympus", "", "../../etc/passwd", "Asia"])
def test_an_unknown_time_zone_is_named(timezone: str) -> None:
    with pytest.raises(ConfigError, match="IANA"):
        load_calendars().of("default", timezone)


def test_an_unknown_calendar_names_those_there_are() -> None:
    with pytest.raises(ConfigError, match="always, default"):
        load_calendars().of("nightly", "UTC")


def test_a_citys_own_calendar_comes_over_the_shipped_ones(tmp_path: Path) -> None:
    own = tmp_path / "calendars.yml"
    own.write_text("default:\n  hours: ['09:00-17:00']\n  weekdays: [sat]\n", encoding="utf-8")
    calendars = load_calendars(own)
    assert not calendars.of("default", "UTC").day(date(2026, 6, 12)).working
    assert calendars.of("default", "UTC").day(date(2026, 10, 3)).working
    assert calendars.of("plain", "UTC").day(date(2026, 6, 12)).working


GOOD = "hours: ['08:00-12:00'], weekdays: [mon]"


@pytest.mark.parametrize(
    ("text", "line", "key", "part"),
    [
        ("city:\n  hours: [8-12]\n  weekdays: [mon]\n", 2, "city.hours", "08:00-12:00"),
        ("city:\n  hours: ['12:00-08:00']\n  weekdays: [mon]\n", 1, "city", "out of order"),
        ("city:\n  hours: ['08:00-12:00']\n  weekdays: [monday]\n", 3, "city.weekdays", "mon, tue"),
        ("city:\n  hours: ['08:00-12:00']\n", 1, "city.weekdays", "missing"),
        ("city:\n  hours: ['08:00-12:00']\n  weekdays: [mon]\n  lunch: no\n", 4, "city.lunch", "unknown key"),
        (f"city: {{{GOOD}, country: XX}}\n", 1, "city", "public holidays"),
        (f"city: {{{GOOD}, day_hours: 0}}\n", 1, "city", "above 0"),
        (f"city: {{{GOOD}, language: en_US}}\n", 1, "city", "country"),
        (f"city: {{{GOOD}, holidays: {{2026-05-01: a}}, workdays: {{2026-05-01: b}}}}\n", 1, "city", "both"),
        (f"city: {{{GOOD}, holidays: {{2026-02-30: a}}}}\n", 1, "city.holidays.2026-02-30", "date"),
        ("city: 5\n", 1, "city", ""),
        ("- city\n", 1, "", "mapping"),
        ("city: [\n", 2, "", "not YAML"),
    ],
)
def test_every_fault_names_file_line_and_key(tmp_path: Path, text: str, line: int, key: str, part: str) -> None:
    own = tmp_path / "calendars.yml"
    own.write_text(text, encoding="utf-8")
    (error,) = check_calendars(own)
    assert (error.file, error.line, error.key) == (str(own), line, key)
    assert part in error.message
    with pytest.raises(ConfigError):
        load_calendars(own)


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    assert "cannot be read" in check_calendars(tmp_path / "none.yml")[0].message
