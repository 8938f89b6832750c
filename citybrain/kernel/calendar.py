"""Working time: which moments count for a limit in working hours, and where such a limit ends.

A moment is working time when the clock on the wall of the calendar's time zone stands inside the opening hours of a working
day. What is counted is *elapsed* time between such moments, so a jump of the clock (DST) inside the opening hours neither
gives nor takes: a window 01:00-05:00 in which the clock jumps from 02:00 to 03:00 holds three hours, and four hours more
when it falls back. For the edges of a window the rule is:

- an opening or closing time that the jump skips stands for the moment of the jump;
- of an opening time that comes twice the first counts, of a closing time that comes twice the last
  (24:00 is the first midnight after the day).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from typing import NamedTuple

from citybrain.kernel.errors import ConfigError, InputError
from citybrain.kernel.worktime import WorkTime

_DAY = timedelta(days=1)
_FAR = timedelta(days=1000)
"""A question so far beyond what is known begins anew, instead of working out all the years between."""
_IDLE_DAYS = 400
"""A calendar without any working time for so many days is an error and not a long weekend."""


class Span(NamedTuple):
    """Working time from `begin` to `end`, aware UTC."""

    begin: datetime
    end: datetime


class Day(NamedTuple):
    """What a date is. `reason`: working_day, moved_working_day, weekend or holiday; `note` is the holiday's name."""

    working: bool
    reason: str
    note: str = ""


@dataclass(frozen=True)
class WorkCalendar:
    """Opening hours, working weekdays, public holidays and moved working days (调休) in one time zone.

    `hours` are (opening, closing) pairs of one day in order; a closing time of 00:00 means 24:00. `weekdays` counts Monday
    as 0. A date in `workdays` is a working day whatever else says. `day_hours` is what a limit of one working day is worth
    in working hours: 8 by 运城市城市综合管理服务立案、处置和结案标准.
    """

    name: str
    tz: tzinfo
    hours: tuple[tuple[time, time], ...] = ((time(8), time(12)), (time(14), time(18)))
    weekdays: frozenset[int] = frozenset(range(5))
    holidays: Mapping[date, str] = field(default_factory=dict)
    workdays: Mapping[date, str] = field(default_factory=dict)
    day_hours: float = 8.0
    _windows: dict[date, tuple[Span, ...]] = field(default_factory=dict, init=False, repr=False, compare=False)
    _times: list[WorkTime] = field(default_factory=list, init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        if not self.hours:
            raise ConfigError("give at least one pair of opening and closing times", key="hours")
        before = time(0)
        for opening, closing in self.hours:
            if opening < before or (closing != time(0) and closing <= opening):
                raise ConfigError(f"{opening:%H:%M}-{closing:%H:%M} is empty or out of order", key="hours")
            before = time.max if closing == time(0) else closing
        if not self.day_hours > 0:
            raise ConfigError(f"{self.day_hours!r} must be above 0", key="day_hours")

    def day(self, date_: date) -> Day:
        """What a date is, and why."""
        moved = self.workdays.get(date_)
        if moved is not None:
            return Day(True, "moved_working_day", moved)
        holiday = self.holidays.get(date_)
        if holiday is not None:
            return Day(False, "holiday", holiday)
        return Day(True, "working_day") if date_.weekday() in self.weekdays else Day(False, "weekend")

    def windows(self, date_: date) -> tuple[Span, ...]:
        """The working time of one local date, in order, without overlap."""
        known = self._windows.get(date_)
        if known is None:
            known = self._windows[date_] = tuple(self._open(date_)) if self.day(date_).working else ()
        return known

    def _open(self, date_: date) -> list[Span]:
        found: list[Span] = []
        for opening, closing in self.hours:
            begin = instant(datetime.combine(date_, opening), self.tz, last=False)
            if closing == time(0):
                end = instant(datetime.combine(date_ + _DAY, closing), self.tz, last=False)
            else:
                end = instant(datetime.combine(date_, closing), self.tz, last=True)
            if found and begin < found[-1].end:  # only when the clock falls back over the gap between two windows
                begin = found[-1].end
            if begin < end:
                found.append(Span(begin, end))
        return found

    def is_working(self, moment: datetime) -> bool:
        """Whether an aware moment is working time (a closing time itself still is)."""
        local = moment.astimezone(self.tz).date()
        return any(span.begin <= moment <= span.end for day in (local - _DAY, local) for span in self.windows(day))

    def spans(self, start: datetime, amount: timedelta) -> tuple[Span, ...]:
        """The stretches of working time from `start` that together last `amount`; the last one ends at the result.

        A start outside working time begins at the next opening. An amount of 0 gives one empty span: the start itself, or
        the next opening. Raises InputError for a naive start, a negative amount or a date beyond the year 9999, ConfigError
        when the calendar has no working time.
        """
        if start.tzinfo is None:
            raise InputError(f"naive datetime {start!r}: give one with a time zone")
        if amount < timedelta(0):
            raise InputError(f"a limit cannot be negative: {amount}")
        cursor, left, idle = start.astimezone(UTC), amount, 0
        found: list[Span] = []
        try:
            # the day before: where the clock falls back over midnight, its hours reach into the next date
            date_ = cursor.astimezone(self.tz).date() - _DAY
            while idle < _IDLE_DAYS:
                idle += 1
                for begin, end in self.windows(date_):
                    if end < cursor or (end == cursor and left):
                        continue
                    idle = 0
                    begin = max(begin, cursor)
                    if left <= end - begin:
                        found.append(Span(begin, begin + left))
                        return tuple(found)
                    found.append(Span(begin, end))
                    left -= end - begin
                    cursor = end
                date_ += _DAY
        except OverflowError as error:
            raise InputError(f"a limit of {amount} from {start.isoformat()} ends after the year 9999") from error
        raise ConfigError(f"no working time within {_IDLE_DAYS} days after {cursor.isoformat()}", key=f"calendars.{self.name}")

    def add(self, start: datetime, amount: timedelta) -> datetime:
        """The moment (UTC) at which `amount` of working time has passed since `start`. Errors as in `spans`."""
        if start.tzinfo is not None and amount >= timedelta(0):
            try:
                found = self._time_from(start).add(start, amount)
            except OverflowError:
                found = None
            if found is not None:
                return found
        return self.spans(start, amount)[-1].end  # which says what is wrong

    def worked(self, start: datetime, end: datetime) -> timedelta:
        """How much working time lies between two aware moments (0 when `end` is not after `start`)."""
        if end <= start:
            return timedelta(0)
        try:
            found = self._time_from(start).passed(start, end)
        except OverflowError:
            found = None
        return self._walked(start, end) if found is None else found

    def _time_from(self, start: datetime) -> WorkTime:
        """The running sums of working time, from the day before a moment on or from earlier."""
        # the day before: where the clock falls back over midnight, its hours reach into the next date
        day = start.astimezone(self.tz).date() - _DAY
        known = self._times[0] if self._times else None
        if known is None or not known.first <= day <= known.next + _FAR:
            known = WorkTime(self.windows, day)
            self._times[:] = [known]
        return known

    def _walked(self, start: datetime, end: datetime) -> timedelta:
        total = timedelta(0)
        last = end.astimezone(self.tz).date()
        date_ = start.astimezone(self.tz).date() - _DAY
        cursor = start
        while date_ <= last:
            for span in self.windows(date_):
                begin, stop = max(span.begin, cursor), min(span.end, end)
                if begin < stop:
                    total += stop - begin
                    cursor = stop
            date_ += _DAY
        return total


def instant(local: datetime, tz: tzinfo, *, last: bool) -> datetime:
    """The moment (UTC) at which the wall clock shows `local`: the first or last time; the moment of the jump if never."""
    moment = local.replace(tzinfo=tz, fold=int(last)).astimezone(UTC)
    if moment.astimezone(tz).replace(tzinfo=None) == local:
        return moment
    early = local.replace(tzinfo=tz, fold=1).astimezone(UTC)
    late = local.replace(tzinfo=tz, fold=0).astimezone(UTC)
    before = early.astimezone(tz).utcoffset()
    while late - early > timedelta(seconds=1):
        middle = early + timedelta(seconds=int((late - early).total_seconds()) // 2)
        if middle.astimezone(tz).utcoffset() == before:
            early = middle
        else:
            late = middle
    return late
