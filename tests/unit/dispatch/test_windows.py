"""Windows that come again, on the clock of the wall."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from citybrain.kernel.errors import InputError
from dispatch.windows import Recurrence, Span, from_facts, recurrence

HOUR = timedelta(hours=1)


def at(*parts: int) -> datetime:
    year, month, day, *rest = parts
    hour, minute = [*rest, 0, 0][:2]
    return datetime(year, month, day, hour, minute, tzinfo=UTC)


def nightly(start: str = "2026-01-01", hours: float = 6, rule: str = "FREQ=DAILY") -> Recurrence:
    return recurrence(rule, start=datetime.fromisoformat(start), zone="Europe/Berlin", duration=hours * HOUR)


@pytest.mark.parametrize(
    ("now", "begins", "ends"),
    [
        # in winter the wall is an hour ahead of UTC, in summer two
        (at(2026, 1, 9, 23, 30), at(2026, 1, 9, 23), at(2026, 1, 10, 5)),
        (at(2026, 6, 1, 12), at(2026, 6, 1, 22), at(2026, 6, 2, 4)),
        # the night of 29 March has no 02:30, that of 25 October has it twice
        (at(2026, 3, 28, 23), at(2026, 3, 28, 23), at(2026, 3, 29, 4)),
        (at(2026, 10, 25, 1), at(2026, 10, 24, 22), at(2026, 10, 25, 5)),
        # the end does not belong to the window
        (at(2026, 1, 10, 5), at(2026, 1, 10, 23), at(2026, 1, 11, 5)),
    ],
)
def test_a_window_follows_the_wall(now: datetime, begins: datetime, ends: datetime) -> None:
    assert nightly().at_or_after(now) == Span(begins, ends)


def test_a_window_that_the_jump_swallows_is_left_out() -> None:
    window = nightly("2026-03-20T02:00", hours=1)
    assert window.at_or_after(at(2026, 3, 29, 0, 30)) == Span(at(2026, 3, 30, 0), at(2026, 3, 30, 1))


def test_the_first_is_not_before_its_beginning_and_none_after_the_last() -> None:
    window = nightly("2026-05-05T22:00", hours=2, rule="RRULE:FREQ=WEEKLY;BYDAY=TU;COUNT=2")
    assert window.at_or_after(at(2026, 1, 1)) == Span(at(2026, 5, 5, 20), at(2026, 5, 5, 22))
    assert window.at_or_after(at(2026, 5, 5, 22)) == Span(at(2026, 5, 12, 20), at(2026, 5, 12, 22))
    assert window.at_or_after(at(2026, 5, 12, 22)) is None


@pytest.mark.parametrize("until", ["20260322T000000Z", "20260322T010000", "20260321"])
def test_the_last_day_is_written_as_people_write_it(until: str) -> None:
    window = nightly("2026-03-20T01:00", hours=1, rule=f"FREQ=DAILY;UNTIL={until}")
    last = window.at_or_after(at(2026, 3, 21, 12))
    assert (last is not None) == (until != "20260321")


def test_facts_read_back() -> None:
    assert from_facts(nightly().facts()) == nightly()


def test_a_beginning_with_a_zone_goes_to_the_windows_own() -> None:
    window = recurrence("FREQ=DAILY", start=at(2026, 1, 1, 16), zone="Asia/Shanghai", duration=HOUR)
    assert window.start == datetime.fromisoformat("2026-01-02")


@pytest.mark.parametrize(
    ("rule", "zone", "duration", "message"),
    [
        ("FREQ=HOURLY", "UTC", HOUR, "FREQ must be one of"),
        ("FREQ=DAILY;BYMINUTE=1,2", "UTC", HOUR, "FREQ must be one of"),
        ("every tuesday", "UTC", HOUR, "such as FREQ=WEEKLY;BYDAY=TU"),
        ("FREQ=WEEKLY;BYDAY=XX", "UTC", HOUR, "BYDAY"),
        ("FREQ=DAILY;UNTIL=soon", "UTC", HOUR, "20261231"),
        ("FREQ=DAILY;UNTIL=19990101", "UTC", HOUR, "never comes"),
        ("DTSTART:20260101T000000\nRRULE:FREQ=DAILY", "UTC", HOUR, "the rule alone"),
        ("FREQ=DAILY", "Mars/Base", HOUR, "Asia/Shanghai"),
        ("FREQ=DAILY", "UTC", timedelta(0), "more than nothing"),
        ("FREQ=DAILY", "UTC", timedelta(days=400), "at most 366 days"),
    ],
)
def test_what_is_no_window_is_refused_in_words(rule: str, zone: str, duration: timedelta, message: str) -> None:
    with pytest.raises(InputError, match=message):
        recurrence(rule, start=datetime.fromisoformat("2026-01-01"), zone=zone, duration=duration)
