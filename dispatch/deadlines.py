"""PURE. Where a time limit ends, and the arithmetic that a person can follow.

Units of limits (运城市城市综合管理服务立案、处置和结案标准; UK councils state theirs in the same ways):

- urgent_minute, urgent_hour (紧急工作时), natural_day (自然日): the clock never stops, a natural day is 24 hours;
- work_hour (工作时): only working time of the unit's calendar counts;
- work_day (工作日): so many working hours as the calendar's `day_hours` (8).

Times are aware datetimes, results are UTC.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from citybrain.kernel.calendar import Span, WorkCalendar
from citybrain.kernel.errors import InputError
from dispatch.arithmetic import sentences

CONTINUOUS = {
    "urgent_minute": timedelta(minutes=1),
    "urgent_hour": timedelta(hours=1),
    "natural_day": timedelta(days=1),
}
UNITS = (*CONTINUOUS, "work_hour", "work_day")


@dataclass(frozen=True, slots=True)
class Deadline:
    """The end of a limit."""

    start: datetime
    due_at: datetime
    value: float
    unit: str
    calendar: WorkCalendar

    @property
    def spans(self) -> tuple[Span, ...]:
        """The stretches of time that were counted, in order."""
        if self.unit in CONTINUOUS:
            return (Span(self.start.astimezone(UTC), self.due_at),)
        return self.calendar.spans(self.start, amount(self.value, self.unit, self.calendar))

    @property
    def steps(self) -> tuple[str, ...]:
        """The arithmetic, sentence by sentence, in English."""
        return self.explain("en")

    def explain(self, language: str) -> tuple[str, ...]:
        """The arithmetic, sentence by sentence."""
        return sentences(self.start, self.value, self.unit, self.spans, self.calendar, language)


def amount(value: float, unit: str, calendar: WorkCalendar) -> timedelta:
    """A limit as time on its clock. Raises InputError for a unit that does not exist or a value that is no limit."""
    if not math.isfinite(value) or value < 0:
        raise InputError(f"limit {value!r}: give a number of 0 or more")
    try:
        if unit in CONTINUOUS:
            return CONTINUOUS[unit] * value
        if unit == "work_hour":
            return timedelta(hours=value)
        if unit == "work_day":
            return timedelta(hours=value * calendar.day_hours)
    except OverflowError as error:
        raise InputError(f"limit {value!r} {unit} is too long") from error
    raise InputError(f"limit unit {unit!r}: one of {', '.join(UNITS)}")


def due(start: datetime, value: float, unit: str, calendar: WorkCalendar) -> Deadline:
    """Where a limit of `value` `unit` that begins at `start` ends.

    Working units that begin outside working time begin at the next opening. Raises InputError for a naive start, an unknown
    unit, a negative or endless value; ConfigError for a calendar without working time.
    """
    return Deadline(start, after(start, amount(value, unit, calendar), unit, calendar), value, unit, calendar)


def at_fraction(start: datetime, value: float, fraction: float, unit: str, calendar: WorkCalendar) -> datetime:
    """When a part (0.5 for half) of a limit has passed, on the same clock as the limit. UTC. Errors as in `due`."""
    return after(start, amount(value, unit, calendar) * fraction, unit, calendar)


def after(start: datetime, length: timedelta, unit: str, calendar: WorkCalendar) -> datetime:
    """When `length` has passed since `start` on the clock of a unit of limits. UTC. Errors as in `due`."""
    if unit not in CONTINUOUS:
        return calendar.add(start, length)
    if start.tzinfo is None:
        raise InputError(f"naive datetime {start!r}: give one with a time zone")
    try:
        return start.astimezone(UTC) + length
    except OverflowError as error:
        raise InputError(f"a limit of {length} from {start.isoformat()} ends after the year 9999") from error


def passed(start: datetime, end: datetime, unit: str, calendar: WorkCalendar) -> timedelta:
    """How much has passed from `start` to `end` on the clock of a unit of limits; nothing when `end` is not after `start`."""
    return max(end - start, timedelta(0)) if unit in CONTINUOUS else calendar.worked(start, end)
