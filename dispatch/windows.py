"""PURE. Windows that come again: an RRULE (RFC 5545) from a local beginning, for a while, in a time zone.

Windows live on the wall clock: "every night from 0 to 6" begins and ends at those hours on the days when the clocks change too,
so it is an hour shorter or longer then. A time that the clocks jump over counts as if they had not jumped yet, a time that
comes twice is the first one. A window that the jump swallows whole is left out.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any, Final, NamedTuple
from zoneinfo import ZoneInfo

from dateutil.rrule import rrule, rrulestr

from citybrain.kernel.errors import InputError

FREQUENCIES: Final = ("DAILY", "WEEKLY", "MONTHLY", "YEARLY")
"""Anything more frequent is a noisy rule and not a window: its dwell belongs into the rulebook."""
LONGEST: Final = timedelta(days=366)
_STAMPS = ("%Y%m%dT%H%M%SZ", "%Y%m%dT%H%M%S", "%Y%m%d")


class Span(NamedTuple):
    """From `begins_at` on and before `ends_at`; both aware, UTC."""

    begins_at: datetime
    ends_at: datetime


class Recurrence(NamedTuple):
    """A window that comes again. `start` is local time without a zone, `zone` an IANA name."""

    rule: str
    start: datetime
    zone: str
    duration: timedelta

    def at_or_after(self, now: datetime) -> Span | None:
        """The window that is open at `now`, else the next one; None when none comes any more."""
        zone, rule = ZoneInfo(self.zone), _rule(self.rule, self.start, self.zone)
        local = now.astimezone(zone).replace(tzinfo=None)
        # a day of slack: the clocks may have changed since the window began
        for begin in _from(rule, local - self.duration - timedelta(days=1)):
            span = Span(_utc(begin, zone), _utc(begin + self.duration, zone))
            if span.ends_at > now and span.begins_at < span.ends_at:
                return span
        return None

    def facts(self) -> dict[str, Any]:
        """The same as plain data; `from_facts` reads it back."""
        seconds = int(self.duration.total_seconds())
        return {"rule": self.rule, "start": self.start.isoformat(), "zone": self.zone, "duration_s": seconds}


def from_facts(facts: Mapping[str, Any]) -> Recurrence:
    """A recurrence out of what `facts` wrote."""
    start = datetime.fromisoformat(facts["start"])
    return Recurrence(facts["rule"], start, facts["zone"], timedelta(seconds=facts["duration_s"]))


def recurrence(rule: str, *, start: datetime, zone: str, duration: timedelta) -> Recurrence:
    """A checked recurrence. `start` is local time (a zone on it is taken off after going there).

    Raises InputError that says what is wrong and what would be right.
    """
    try:
        place = ZoneInfo(zone)
    except (OSError, ValueError, KeyError) as error:
        raise InputError(f"zone {zone!r}: no such time zone; write it as Asia/Shanghai") from error
    if not timedelta(0) < duration <= LONGEST:
        raise InputError(f"duration {duration}: more than nothing and at most {LONGEST.days} days")
    local = start.astimezone(place).replace(tzinfo=None) if start.tzinfo else start
    words = rule.strip().upper().removeprefix("RRULE:")
    if "\n" in words or "DTSTART" in words:
        raise InputError("rrule: the rule alone, such as FREQ=WEEKLY;BYDAY=TU; where it begins is an option of its own")
    parts = dict(part.split("=", 1) for part in words.split(";") if "=" in part)
    if parts.get("FREQ") not in FREQUENCIES or {"BYMINUTE", "BYSECOND"} & parts.keys():
        raise InputError(f"rrule {rule!r}: FREQ must be one of {', '.join(FREQUENCIES)}, such as FREQ=WEEKLY;BYDAY=TU")
    found = Recurrence(words, local, zone, duration)
    try:
        if _utc(local, place) and next(_from(_rule(words, local, zone), local), None) is None:
            raise InputError(f"rrule {rule!r}: from {local.isoformat(' ')} on it never comes")
    except (ValueError, TypeError, KeyError) as error:
        raise InputError(f"rrule {rule!r}: {error}; write it as FREQ=WEEKLY;BYDAY=TU,TH") from error
    return found


@lru_cache(maxsize=4096)
def _rule(words: str, start: datetime, zone: str) -> rrule:
    """The rule on the local clock. UNTIL in UTC is what the RFC asks for: it goes to the local clock as well."""
    parts = [_local_until(part, ZoneInfo(zone)) if part.startswith("UNTIL=") else part for part in words.split(";")]
    found = rrulestr(";".join(parts), dtstart=start)
    if not isinstance(found, rrule):
        raise ValueError("one rule, not a set")
    return found


def _local_until(part: str, zone: ZoneInfo) -> str:
    text = part.removeprefix("UNTIL=")
    for form in _STAMPS:
        try:
            at = datetime.strptime(text, form).replace(tzinfo=UTC)
        except ValueError:
            continue
        if form.endswith("Z"):
            at = at.astimezone(zone)
        elif "T" not in form:
            # a date includes its day
            at += timedelta(days=1) - timedelta(seconds=1)
        return f"UNTIL={at:%Y%m%dT%H%M%S}"
    raise ValueError(f"UNTIL {text!r} is no date such as 20261231")


def _from(rule: rrule, local: datetime) -> Iterator[datetime]:
    yield from rule.xafter(local, inc=True)


def _utc(local: datetime, zone: ZoneInfo) -> datetime:
    return local.replace(tzinfo=zone, fold=0).astimezone(UTC)
