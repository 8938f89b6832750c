"""PURE. Calendars (RFC 5545): shifts out, and shifts in from whoever plans them elsewhere."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, NamedTuple

import icalendar
import recurring_ical_events

from citybrain.kernel.calendar import instant
from citybrain.kernel.errors import InputError, NotFound
from citybrain.kernel.ids import derived_id
from dispatch.people.duty import shifts
from dispatch.people.model import Entry, People, Person, Schedule

LONGEST = timedelta(days=400)
"""No feed and no import reaches further at once."""
MAX_BYTES = 4_000_000
_FINE = frozenset({"SECONDLY", "MINUTELY", "HOURLY"})
"""Nobody's duty changes that often; such a rule would only fill the memory."""
_LEVEL = re.compile(r"^\s*\[L\d+\]\s*")
"""Grafana OnCall puts the level of a rotation before the name."""
_REFRESH = timedelta(hours=1)


class Stretch(NamedTuple):
    """Somebody is on duty in a schedule from a moment to another."""

    schedule: Schedule
    person: str
    begin: datetime
    end: datetime
    reason: str


class Fault(NamedTuple):
    """An event that is nobody's shift, and why."""

    uid: str
    at: str
    summary: str
    reason: str
    """unknown_name, no_time, too_often"""


class Read(NamedTuple):
    """What a calendar says."""

    entries: tuple[Entry, ...]
    faults: tuple[Fault, ...]


def stretches(
    people: People, schedules: Iterable[Schedule], begin: datetime, end: datetime, person: str | None = None
) -> list[Stretch]:
    """Who is on duty when; of one person only, when one is named. What two layers say alike is one stretch."""
    _span(begin, end)
    found: list[Stretch] = []
    for schedule in schedules:
        last: dict[str, int] = {}
        for shift in shifts(schedule, begin, end, people):
            for one in shift.people:
                if person not in {None, one.person}:
                    continue
                before = found[last[one.person]] if one.person in last else None
                if before is not None and shift.begin <= before.end:
                    found[last[one.person]] = before._replace(end=max(before.end, shift.end))
                    continue
                last[one.person] = len(found)
                found.append(Stretch(schedule, one.person, shift.begin, shift.end, one.reason))
    return sorted(found, key=lambda one: (one.begin, one.schedule.id, one.person))


def write(name: str, found: Iterable[Stretch], people: People, now: datetime, language: str, *, of_person: bool) -> bytes:
    """A calendar of stretches. An event of a person is named by the schedule, one of a schedule by the person."""
    calendar = icalendar.Calendar()
    calendar.add("prodid", "-//citybrain//duty//EN")
    calendar.add("version", "2.0")
    calendar.add("method", "PUBLISH")
    calendar.add("x-wr-calname", name)
    calendar.add("refresh-interval", _REFRESH, parameters={"VALUE": "DURATION"})
    calendar.add("x-published-ttl", "PT1H")
    for one in found:
        event = icalendar.Event()
        event.add("uid", f"{derived_id('shift', one.schedule.id, one.person, one.begin.isoformat())}@citybrain")
        event.add("dtstamp", now.astimezone(UTC))
        event.add("dtstart", one.begin)
        event.add("dtend", one.end)
        person = people.people.get(one.person)
        called = person.title(language) if person else one.person
        event.add("summary", one.schedule.title(language) if of_person else called)
        event.add("categories", [one.schedule.id])
        event.add("description", f"{called}, {one.schedule.title(language)}: {one.reason}")
        calendar.add_component(event)
    return bytes(calendar.to_ical())


def feed(people: People, kind: str, name: str, begin: datetime, end: datetime, *, now: datetime, language: str) -> bytes:
    """The calendar of a schedule or a person (`kind`). Raises NotFound, InputError."""
    known: Schedule | Person | None = (people.people if kind == "person" else people.schedules).get(name)
    if known is None:
        raise NotFound(f"no {kind} {name!r}")
    if isinstance(known, Schedule):
        return write(known.title(language), stretches(people, [known], begin, end), people, now, language, of_person=False)
    found = stretches(people, people.schedules.values(), begin, end, name)
    return write(known.title(language), found, people, now, language, of_person=True)


def read(data: bytes, schedule: Schedule, people: People, begin: datetime, end: datetime) -> Read:
    """The shifts of a calendar that begin within a span; recurring events are unfolded. Raises InputError: no calendar.

    Who has a shift is said by the attendees (their addresses), else by the summary: ids or names of people, several with
    commas. A day without a time is a day of the schedule's time zone.
    """
    _span(begin, end)
    if len(data) > MAX_BYTES:
        raise InputError(f"a calendar of {len(data)} bytes: at most {MAX_BYTES}")
    try:
        calendar = icalendar.Calendar.from_ical(data)
        often = [event for event in calendar.walk("VEVENT") if _often(event)]
        if often:
            return Read((), tuple(_fault(event, "too_often") for event in often))
        events = recurring_ical_events.of(calendar).between(begin, end)
    except (ValueError, KeyError, TypeError, AttributeError, OverflowError) as error:
        raise InputError(f"not a calendar (iCalendar, RFC 5545): {error}") from error
    entries: list[Entry] = []
    faults: list[Fault] = []
    for event in events:
        span = _times(event, schedule)
        names = _who(event, people)
        if span is None:
            faults.append(_fault(event, "no_time"))
        elif not names:
            faults.append(_fault(event, "unknown_name"))
        elif span[0] >= begin:
            entries += [Entry(name, *span, str(event.get("UID", ""))) for name in names]
    unique = {(one.person, one.begin): one for one in sorted(entries)}
    return Read(tuple(unique.values()), tuple(sorted(set(faults))))


def _span(begin: datetime, end: datetime) -> None:
    if not timedelta(0) < end - begin <= LONGEST:
        raise InputError(f"from {begin.isoformat()} to {end.isoformat()}: at most {LONGEST.days} days, and not backwards")


def _often(event: Any) -> bool:
    rules = event.get("RRULE")
    every = rules if isinstance(rules, list) else [rules] if rules else []
    return any(str(freq).upper() in _FINE for rule in every for freq in rule.get("FREQ", ()))


def _fault(event: Any, reason: str) -> Fault:
    start = event.get("DTSTART")
    return Fault(str(event.get("UID", "")), str(getattr(start, "dt", "")), str(event.get("SUMMARY", "")), reason)


def _times(event: Any, schedule: Schedule) -> tuple[datetime, datetime] | None:
    try:
        begin, end = (_moment(value, schedule) for value in (event.start, event.end))
    except (AttributeError, ValueError, TypeError):
        return None
    return (begin, end) if begin < end else None


def _moment(value: date | datetime, schedule: Schedule) -> datetime:
    """A time without a zone is that of the schedule's wall."""
    if not isinstance(value, datetime):
        value = datetime.combine(value, time(0))
    if value.tzinfo is not None:
        return value.astimezone(UTC)
    return instant(value, schedule.tz, last=False)


def _who(event: Any, people: People) -> list[str]:
    """Everybody whom an event names; nobody when one of its names is unknown, since a shift with half of them is wrong."""
    attendees = event.get("ATTENDEE") or []
    addresses = [str(one) for one in (attendees if isinstance(attendees, list) else [attendees])]
    known = [name for name in (_by_address(address, people) for address in addresses) if name]
    if known:
        return list(dict.fromkeys(known))
    summary = _LEVEL.sub("", str(event.get("SUMMARY", "")))
    whole = _by_name(summary, people)
    if whole:
        return [whole]
    found = [_by_name(part, people) for part in re.split(r"[,;、，；]", summary)]
    return [name for name in dict.fromkeys(found) if name] if all(found) else []


def _by_name(text: str, people: People) -> str | None:
    wanted = text.strip().casefold()
    return next(
        (one.id for one in _here(people) if wanted in {one.id, one.name.casefold(), one.name_zh.casefold()} - {""}), None
    )


def _by_address(address: str, people: People) -> str | None:
    wanted = address.strip().casefold()
    if not wanted.startswith("mailto:"):
        return None
    return next((one.id for one in _here(people) if wanted in {contact.target.casefold() for contact in one.contacts}), None)


def _here(people: People) -> Iterator[Person]:
    return (one for _, one in sorted(people.people.items()) if one.active)
