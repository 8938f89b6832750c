"""Calendars out and in."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from citybrain.kernel.errors import InputError, NotFound
from dispatch.people import ical
from dispatch.people.feed import is_key, key_of, path_of
from dispatch.people.model import Contact, Member, People
from tests.unit.dispatch.people.people_kit import DUTY, EMPTY, FIRST, NOON, people, person

WEEK = timedelta(days=7)


def everybody() -> People:
    known = people()
    li = replace(
        person("an", "mailto:an@example.org"), name="An Li", name_zh="李安", contacts=(Contact("mailto:An@Example.org"),)
    )
    return replace(known, people={**known.people, "an": li})


def calendar(*events: str) -> bytes:
    body = "".join(f"BEGIN:VEVENT\nUID:u{number}\n{event}\nEND:VEVENT\n" for number, event in enumerate(events))
    return f"BEGIN:VCALENDAR\nVERSION:2.0\nPRODID:-//x//y//EN\n{body}END:VCALENDAR\n".replace("\n", "\r\n").encode()


def read(*events: str, known: People | None = None) -> ical.Read:
    return ical.read(calendar(*events), EMPTY, known or everybody(), NOON, NOON + WEEK)


DAY = "DTSTART:20260613T000000Z\nDTEND:20260614T000000Z"


def test_what_is_written_is_read_back_as_the_same_shifts() -> None:
    known = everybody()
    data = ical.feed(known, "schedule", "duty", NOON, NOON + WEEK, now=NOON, language="en")
    found = ical.read(data, EMPTY, known, NOON, NOON + WEEK)
    assert found.faults == ()
    planned = ical.stretches(known, [DUTY], NOON, NOON + WEEK)
    assert [(one.person, one.begin, one.end) for one in found.entries] == sorted(
        (one.person, one.begin, one.end) for one in planned
    )
    text = data.decode()
    assert "SUMMARY:An Li\r\n" in text
    assert "X-WR-CALNAME:Duty\r\n" in text
    assert all(len(line.encode()) <= 75 for line in text.split("\r\n"))


def test_the_calendar_of_a_person_has_only_that_person_and_speaks_the_language() -> None:
    data = ical.feed(everybody(), "person", "an", NOON, NOON + WEEK, now=NOON, language="zh").decode()
    assert data.count("BEGIN:VEVENT") == 4
    assert "SUMMARY:值班" in data
    assert "X-WR-CALNAME:李安" in data
    again = ical.feed(everybody(), "person", "an", NOON, NOON + WEEK, now=NOON, language="zh").decode()
    assert again == data, "the same shifts have the same ids"
    with pytest.raises(NotFound, match="no person 'zoe'"):
        ical.feed(everybody(), "person", "zoe", NOON, NOON + WEEK, now=NOON, language="en")


def test_two_layers_that_say_the_same_are_one_stretch() -> None:
    both = replace(DUTY, layers=(FIRST, replace(FIRST, id="second", members=(Member("an"),))))
    found = ical.stretches(people(), [both], NOON, NOON + WEEK, "an")
    assert [(one.begin, one.end) for one in found] == [(NOON, NOON + WEEK)]


@pytest.mark.parametrize(
    ("event", "who"),
    [
        ("SUMMARY:an", ["an"]),
        ("SUMMARY:[L2] AN LI", ["an"]),
        ("SUMMARY:李安", ["an"]),
        ("SUMMARY:an\\, bo", ["an", "bo"]),
        ("SUMMARY:bo、李安", ["an", "bo"]),
        ("SUMMARY:night\nATTENDEE;CN=Somebody:mailto:an@example.org", ["an"]),
        ("SUMMARY:an, zoe", []),
        ("SUMMARY:", []),
        ("SUMMARY:night\nATTENDEE:mailto:zoe@example.org", []),
    ],
)
def test_who_is_meant(event: str, who: list[str]) -> None:
    found = read(f"{DAY}\n{event}")
    assert [one.person for one in found.entries] == who
    assert [fault.reason for fault in found.faults] == ([] if who else ["unknown_name"])


def test_recurring_events_are_unfolded_with_what_is_left_out_and_moved() -> None:
    rule = "DTSTART;TZID=Asia/Shanghai:20260613T080000\nDTEND;TZID=Asia/Shanghai:20260613T200000\nRRULE:FREQ=DAILY;COUNT=4"
    found = read(f"{rule}\nEXDATE;TZID=Asia/Shanghai:20260614T080000\nSUMMARY:bo")
    assert [one.begin for one in found.entries] == [datetime(2026, 6, day, 0, tzinfo=UTC) for day in (13, 15, 16)]
    assert {one.end - one.begin for one in found.entries} == {timedelta(hours=12)}


def test_days_and_times_without_a_zone_are_those_of_the_schedule() -> None:
    known = everybody()
    data = calendar("DTSTART;VALUE=DATE:20260613\nDTEND;VALUE=DATE:20260614\nSUMMARY:bo")
    (entry,) = ical.read(data, DUTY, known, NOON, NOON + WEEK).entries
    assert (entry.begin, entry.end) == (datetime(2026, 6, 12, 16, tzinfo=UTC), datetime(2026, 6, 13, 16, tzinfo=UTC))
    (entry,) = ical.read(
        calendar("DTSTART:20260613T080000\nDTEND:20260613T100000\nSUMMARY:bo"), DUTY, known, NOON, NOON + WEEK
    ).entries
    assert entry.begin == datetime(2026, 6, 13, 0, tzinfo=UTC)


def test_what_would_fill_the_memory_is_refused() -> None:
    found = read(f"{DAY}\nRRULE:FREQ=SECONDLY\nSUMMARY:bo")
    assert [fault.reason for fault in found.faults] == ["too_often"]
    with pytest.raises(InputError, match="at most 400 days"):
        ical.read(calendar(), EMPTY, people(), NOON, NOON + 60 * WEEK)
    with pytest.raises(InputError, match="at most"):
        ical.read(b"x" * (ical.MAX_BYTES + 1), EMPTY, people(), NOON, NOON + WEEK)


@pytest.mark.parametrize("data", [b"", b"hello", b"\xff\xfe", b"BEGIN:VCALENDAR\r\nBEGIN:VEVENT\r\n"])
def test_what_is_no_calendar_is_refused(data: bytes) -> None:
    with pytest.raises(InputError, match="not a calendar"):
        ical.read(data, EMPTY, people(), NOON, NOON + WEEK)


def test_an_event_without_length_is_a_fault() -> None:
    assert [fault.reason for fault in read("DTSTART:20260613T000000Z\nDTEND:20260613T000000Z\nSUMMARY:bo").faults] == [
        "no_time"
    ]


def test_a_key_opens_one_calendar() -> None:
    key = key_of("token", "person", "an")
    assert is_key(key, "token", "person", "an")
    assert not any(
        is_key(key, *other) for other in (("other", "person", "an"), ("token", "person", "bo"), ("token", "schedule", "an"))
    )
    assert not is_key("ключ", "token", "person", "an")
    assert path_of("token", "person", "an") == f"/calendar/person/an.ics?key={key}"
