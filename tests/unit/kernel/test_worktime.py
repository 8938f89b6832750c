"""Working time as running sums: the same as the walk from day to day, wherever it is asked first."""

from __future__ import annotations

import random
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest

from citybrain.kernel.calendar import WorkCalendar
from citybrain.kernel.errors import ConfigError, InputError
from citybrain.kernel.worktime import WorkTime

OFFICE = WorkCalendar("office", ZoneInfo("Europe/London"), ((time(8, 30), time(12, 30)), (time(13), time(16, 30))))
NIGHT = WorkCalendar("night", ZoneInfo("America/New_York"), ((time(0), time(3)), (time(22), time(0))), frozenset(range(7)))


@pytest.mark.parametrize("calendar", [OFFICE, NIGHT], ids=lambda calendar: calendar.name)
def test_sums_and_walk_agree_to_the_microsecond(calendar: WorkCalendar) -> None:
    luck = random.Random(1)
    begin = datetime(2026, 2, 1, tzinfo=UTC)
    for _ in range(300):
        start = begin + timedelta(microseconds=luck.randrange(300 * 86_400_000_000))
        amount = timedelta(microseconds=luck.randrange(200 * 3_600_000_000))
        end = calendar.add(start, amount)
        assert end == calendar.spans(start, amount)[-1].end
        assert calendar.worked(start, end) == amount


def test_an_earlier_question_is_answered_too() -> None:
    calendar = WorkCalendar("office", ZoneInfo("UTC"))
    late, early = datetime(2026, 6, 12, 9, tzinfo=UTC), datetime(2020, 6, 12, 9, tzinfo=UTC)
    assert calendar.add(late, timedelta(hours=1)) == late + timedelta(hours=1)
    assert calendar.add(early, timedelta(hours=1)) == early + timedelta(hours=1)
    assert calendar.add(late, timedelta(hours=1)) == late + timedelta(hours=1)


def test_nothing_to_count_is_the_moment_itself_or_the_next_opening() -> None:
    assert OFFICE.add(datetime(2026, 6, 12, 15, 30, tzinfo=UTC), timedelta(0)) == datetime(2026, 6, 12, 15, 30, tzinfo=UTC)
    assert OFFICE.add(datetime(2026, 6, 12, 15, 31, tzinfo=UTC), timedelta(0)) == datetime(2026, 6, 15, 7, 30, tzinfo=UTC)


def test_what_has_no_working_time_says_so() -> None:
    assert WorkTime(lambda day: (), date(2026, 1, 1)).add(datetime(2026, 1, 2, tzinfo=UTC), timedelta(hours=1)) is None
    empty = WorkCalendar("empty", ZoneInfo("UTC"), weekdays=frozenset())
    with pytest.raises(ConfigError, match="no working time"):
        empty.add(datetime(2026, 1, 2, tzinfo=UTC), timedelta(hours=1))
    with pytest.raises(InputError, match="9999"):
        OFFICE.add(datetime(9999, 12, 30, tzinfo=UTC), timedelta(days=9))
