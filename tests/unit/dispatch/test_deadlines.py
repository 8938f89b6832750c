"""Deadlines, written as a table of what a clerk would work out by hand."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest

from citybrain.kernel.calendar import WorkCalendar
from citybrain.kernel.errors import ConfigError, InputError
from dispatch.deadlines import at_fraction, due

SHANGHAI = ZoneInfo("Asia/Shanghai")
PLAIN = WorkCalendar("plain", SHANGHAI)
FESTIVE = WorkCalendar(
    "festive",
    SHANGHAI,
    holidays={date(2026, 10, day): "National Day" for day in range(1, 8)},
    workdays={date(2026, 9, 20): "moved for National Day", date(2026, 10, 10): "moved for National Day"},
)


def at(text: str, zone: ZoneInfo = SHANGHAI) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=zone)


@pytest.mark.parametrize(
    ("start", "value", "unit", "expected"),
    [
        # the two that the project was given
        ("2026-06-12 22:36", 2, "urgent_hour", "2026-06-13 00:36"),
        ("2026-06-12 16:00", 4, "work_hour", "2026-06-15 10:00"),
        # clocks that never stop
        ("2026-06-12 22:36", 90, "urgent_minute", "2026-06-13 00:06"),
        ("2026-02-27 09:00", 2, "natural_day", "2026-03-01 09:00"),
        # lunch
        ("2026-06-11 11:30", 1, "work_hour", "2026-06-11 14:30"),
        ("2026-06-11 11:30", 0.5, "work_hour", "2026-06-11 12:00"),
        ("2026-06-11 12:00", 0.5, "work_hour", "2026-06-11 14:30"),
        ("2026-06-11 13:00", 2, "work_hour", "2026-06-11 16:00"),
        # before opening, after closing, at the weekend
        ("2026-06-11 03:00", 1, "work_hour", "2026-06-11 09:00"),
        ("2026-06-11 18:00", 1, "work_hour", "2026-06-12 09:00"),
        ("2026-06-13 10:00", 1, "work_hour", "2026-06-15 09:00"),
        # working days of eight hours
        ("2026-06-11 08:00", 1, "work_day", "2026-06-11 18:00"),
        ("2026-06-11 10:00", 1, "work_day", "2026-06-12 10:00"),
        ("2026-06-12 10:00", 1, "work_day", "2026-06-15 10:00"),
        ("2026-06-12 16:30", 5, "work_day", "2026-06-19 16:30"),
        ("2026-06-11 15:00", 0.5, "work_day", "2026-06-12 09:00"),
    ],
)
def test_table(start: str, value: float, unit: str, expected: str) -> None:
    assert due(at(start), value, unit, PLAIN).due_at == at(expected)


@pytest.mark.parametrize(
    ("start", "value", "unit", "expected"),
    [
        # over the holidays, and the Saturday after them is worked
        ("2026-09-30 17:00", 2, "work_hour", "2026-10-08 09:00"),
        ("2026-10-09 17:00", 2, "work_hour", "2026-10-10 09:00"),
        ("2026-10-10 17:00", 2, "work_hour", "2026-10-12 09:00"),
        # the Sunday before them is worked
        ("2026-09-19 10:00", 8, "work_hour", "2026-09-20 18:00"),
        # an urgent hour does not care
        ("2026-10-01 23:30", 1, "urgent_hour", "2026-10-02 00:30"),
    ],
)
def test_holidays_and_moved_working_days(start: str, value: float, unit: str, expected: str) -> None:
    assert due(at(start), value, unit, FESTIVE).due_at == at(expected)


def test_result_is_utc_and_the_start_may_be_in_any_zone() -> None:
    start = datetime(2026, 6, 12, 8, 0, tzinfo=UTC)  # 16:00 in Shanghai
    found = due(start, 4, "work_hour", PLAIN).due_at
    assert found == datetime(2026, 6, 15, 2, 0, tzinfo=UTC)
    assert found.tzinfo is UTC


NEW_YORK = ZoneInfo("America/New_York")
NIGHT = WorkCalendar("night", NEW_YORK, hours=((time(0), time(6)),), weekdays=frozenset(range(7)))


def test_spring_forward_inside_working_time_leaves_an_hour_less() -> None:
    # 2026-03-08 02:00 -> 03:00: from 00:00 to 06:00 only five hours pass
    found = due(at("2026-03-08 00:00", NEW_YORK), 5, "work_hour", NIGHT)
    assert found.due_at == at("2026-03-08 06:00", NEW_YORK)
    assert any("clocks change by +60 min" in step for step in found.steps)
    assert due(at("2026-03-08 00:00", NEW_YORK), 5.5, "work_hour", NIGHT).due_at == at("2026-03-09 00:30", NEW_YORK)


def test_fall_back_inside_working_time_gives_an_hour_more() -> None:
    # 2026-11-01 02:00 -> 01:00: from 00:00 to 06:00 seven hours pass
    found = due(at("2026-11-01 00:00", NEW_YORK), 7, "work_hour", NIGHT)
    assert found.due_at == at("2026-11-01 06:00", NEW_YORK)
    assert any("clocks change by -60 min" in step for step in found.steps)


def test_an_opening_that_is_skipped_is_the_moment_of_the_jump() -> None:
    early = WorkCalendar("early", NEW_YORK, hours=((time(2, 30), time(6)),), weekdays=frozenset(range(7)))
    assert due(at("2026-03-08 00:00", NEW_YORK), 1, "work_hour", early).due_at == at("2026-03-08 04:00", NEW_YORK)


def test_an_opening_that_comes_twice_counts_from_the_first() -> None:
    early = WorkCalendar("early", NEW_YORK, hours=((time(1, 30), time(2, 30)),), weekdays=frozenset(range(7)))
    # 01:30 EDT to 02:30 EST are two hours
    found = due(at("2026-11-01 00:00", NEW_YORK), 2, "work_hour", early)
    assert found.due_at == datetime(2026, 11, 1, 7, 30, tzinfo=UTC)
    assert found.spans[0].begin == datetime(2026, 11, 1, 5, 30, tzinfo=UTC)


def test_office_hours_do_not_notice_a_jump_at_night() -> None:
    office = WorkCalendar("office", ZoneInfo("Europe/Berlin"))
    assert due(at("2026-03-27 17:00", office.tz), 2, "work_hour", office).due_at == at("2026-03-30 09:00", office.tz)
    urgent = due(at("2026-03-29 01:30", office.tz), 2, "urgent_hour", office)
    assert urgent.due_at == at("2026-03-29 04:30", office.tz)


def test_a_date_that_does_not_exist_has_no_working_time() -> None:
    # Samoa left out Friday 2011-12-30
    samoa = WorkCalendar("samoa", ZoneInfo("Pacific/Apia"))
    assert samoa.windows(date(2011, 12, 30)) == ()
    assert due(at("2011-12-29 17:00", samoa.tz), 2, "work_hour", samoa).due_at == at("2012-01-02 09:00", samoa.tz)


def test_midnight_shift() -> None:
    night = WorkCalendar("night", SHANGHAI, hours=((time(0), time(6)), (time(22), time(0))))
    # Friday 22:00-24:00, then nothing until Monday 00:00
    assert due(at("2026-06-12 21:00"), 3, "work_hour", night).due_at == at("2026-06-15 01:00")
    assert due(at("2026-06-11 23:00"), 2, "work_hour", night).due_at == at("2026-06-12 01:00")


def test_reminders_on_the_same_clock() -> None:
    start = at("2026-06-12 16:00")
    assert at_fraction(start, 4, 0.5, "work_hour", PLAIN) == at("2026-06-12 18:00")
    assert at_fraction(start, 4, 0.8, "work_hour", PLAIN) == at("2026-06-15 09:12")
    assert at_fraction(start, 4, 1, "work_hour", PLAIN) == due(start, 4, "work_hour", PLAIN).due_at
    assert at_fraction(start, 2, 0.5, "urgent_hour", PLAIN) == at("2026-06-12 17:00")


def test_the_arithmetic_can_be_followed() -> None:
    assert due(at("2026-06-12 16:00"), 4, "work_hour", PLAIN).steps == (
        "Limit: 4 working hours. Only working time counts: 08:00-12:00, 14:00-18:00 on working days"
        " (calendar plain, Asia/Shanghai).",
        "Starts Fri 2026-06-12 16:00 (UTC+08:00).",
        "Fri 2026-06-12 16:00-18:00: 2 h, 2 h left.",
        "Sat 2026-06-13 to Sun 2026-06-14: weekend, not counted.",
        "Mon 2026-06-15 08:00-10:00: 2 h, nothing left.",
        "Due Mon 2026-06-15 10:00 (UTC+08:00) = 2026-06-15T02:00:00Z.",
    )


def test_the_arithmetic_names_holidays_moved_days_and_waiting() -> None:
    steps = due(at("2026-09-30 19:00"), 2.5, "work_day", FESTIVE).steps
    assert "That is outside working time: counting begins at the next opening, Thu 2026-10-08 08:00 (UTC+08:00)." in steps
    assert "Thu 2026-10-01 to Wed 2026-10-07: public holiday (National Day), not counted." in steps
    assert "Sat 2026-10-10 is a working day (moved for National Day)." in steps
    assert "A working day is 8 working hours: 20 h in all." in steps


def test_the_arithmetic_of_a_clock_that_never_stops_in_chinese() -> None:
    assert due(at("2026-06-12 22:36"), 2, "urgent_hour", PLAIN).explain("zh") == (
        "时限：2 紧急工作时。连续计时：夜间、周末、节假日都计入。",
        "起算：周五 2026-06-12 22:36 (UTC+08:00)。",
        "到期：周六 2026-06-13 00:36 (UTC+08:00) = 2026-06-12T16:36:00Z。",
    )


@pytest.mark.parametrize("value", [-1, float("nan"), float("inf"), 1e300])
@pytest.mark.parametrize("unit", ["urgent_hour", "work_hour", "work_day", "natural_day"])
def test_what_is_no_limit_is_refused(value: float, unit: str) -> None:
    with pytest.raises(InputError):
        due(at("2026-06-12 16:00"), value, unit, PLAIN)


def test_an_unknown_unit_is_refused_and_the_known_ones_are_named() -> None:
    with pytest.raises(InputError, match="urgent_minute, urgent_hour, natural_day, work_hour, work_day"):
        due(at("2026-06-12 16:00"), 1, "hours", PLAIN)


@pytest.mark.parametrize("unit", ["urgent_hour", "work_hour"])
def test_a_naive_start_is_refused(unit: str) -> None:
    with pytest.raises(InputError, match="time zone"):
        due(datetime(2026, 6, 12, 16), 1, unit, PLAIN)  # noqa: DTZ001 - the fault under test


@pytest.mark.parametrize("unit", ["urgent_hour", "work_hour"])
def test_a_limit_beyond_the_calendar_of_python_is_refused(unit: str) -> None:
    with pytest.raises(InputError, match="9999"):
        due(datetime(9999, 12, 20, tzinfo=UTC), 5000, unit, PLAIN)


def test_a_calendar_without_working_time_is_an_error_and_no_endless_loop() -> None:
    never = WorkCalendar("never", SHANGHAI, weekdays=frozenset())
    with pytest.raises(ConfigError, match="no working time"):
        due(at("2026-06-12 16:00"), 1, "work_hour", never)


@pytest.mark.parametrize(
    "hours",
    [(), ((time(12), time(8)),), ((time(8), time(12)), (time(11), time(18))), ((time(8), time(0)), (time(9), time(10)))],
)
def test_hours_out_of_order_are_refused(hours: tuple[tuple[time, time], ...]) -> None:
    with pytest.raises(ConfigError):
        WorkCalendar("bad", SHANGHAI, hours=hours)


def test_worked_time_between_two_moments() -> None:
    assert PLAIN.worked(at("2026-06-12 16:00"), at("2026-06-15 10:00")) == timedelta(hours=4)
    assert PLAIN.worked(at("2026-06-13 10:00"), at("2026-06-14 10:00")) == timedelta(0)
    assert PLAIN.worked(at("2026-06-15 10:00"), at("2026-06-12 16:00")) == timedelta(0)


def test_is_working() -> None:
    assert PLAIN.is_working(at("2026-06-12 11:59"))
    assert not PLAIN.is_working(at("2026-06-12 13:00"))
    assert not PLAIN.is_working(at("2026-06-13 10:00"))
