"""The arithmetic of a deadline as sentences, in the time zone of the unit."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date, datetime, timedelta

from citybrain.kernel.calendar import Span, WorkCalendar
from citybrain.text import text

_DAY = timedelta(days=1)
_WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_WORKING = {"work_hour", "work_day"}


def sentences(
    start: datetime, value: float, unit: str, spans: Sequence[Span], calendar: WorkCalendar, language: str
) -> tuple[str, ...]:
    """How a limit was counted: what the limit is, each stretch that counted and each that did not and why, the end."""
    if unit not in _WORKING:
        return tuple(_continuous(value, unit, spans[0], calendar, language))
    return tuple(_working(start, value, unit, spans, calendar, language))


def _continuous(value: float, unit: str, span: Span, calendar: WorkCalendar, language: str) -> Iterator[str]:
    yield text("deadlines.continuous", language, limit=limit_text(value, unit, language))
    yield text("deadlines.start", language, when=when(span.begin, calendar, language))
    yield from _clock_change(span, calendar, language)
    yield _due(span.end, calendar, language)


def _working(
    start: datetime, value: float, unit: str, spans: Sequence[Span], calendar: WorkCalendar, language: str
) -> Iterator[str]:
    yield text(
        "deadlines.working",
        language,
        limit=limit_text(value, unit, language),
        hours=", ".join(f"{opening:%H:%M}-{_closing(closing)}" for opening, closing in calendar.hours),
        calendar=calendar.name,
        zone=str(calendar.tz),
    )
    if unit == "work_day":
        yield text("deadlines.day_hours", language, hours=f"{calendar.day_hours:g}", total=f"{value * calendar.day_hours:g}")
    yield text("deadlines.start", language, when=when(start, calendar, language))
    if spans[0].begin > start:
        yield text("deadlines.waits", language, when=when(spans[0].begin, calendar, language))
    left = sum((span.end - span.begin for span in spans), timedelta(0))
    shown = start.astimezone(calendar.tz).date() - _DAY
    for span in spans:
        begin, end = span.begin.astimezone(calendar.tz), span.end.astimezone(calendar.tz)
        yield from _closed_days(shown + _DAY, begin.date() - _DAY, calendar, language)
        day = calendar.day(begin.date())
        if day.reason == "moved_working_day" and shown < begin.date():
            yield text("deadlines.moved", language, day=day_text(begin.date(), language), note=day.note)
        shown = begin.date()
        left -= span.end - span.begin
        yield text(
            "deadlines.span",
            language,
            day=day_text(begin.date(), language),
            begin=_clock(begin),
            end=_clock(end),
            counted=duration(span.end - span.begin, language),
            left=duration(left, language),
        )
        yield from _clock_change(span, calendar, language)
    yield _due(spans[-1].end, calendar, language)


def _closed_days(first: date, last: date, calendar: WorkCalendar, language: str) -> Iterator[str]:
    """One sentence for each run of days without working time that have the same reason."""
    while first <= last:
        day, end = calendar.day(first), first
        while end < last and calendar.day(end + _DAY)[1:] == day[1:]:
            end += _DAY
        if not day.working:
            reason = text(f"deadlines.{day.reason}", language, note=day.note)
            if end == first:
                yield text("deadlines.closed_day", language, day=day_text(first, language), reason=reason)
            else:
                yield text(
                    "deadlines.closed_days",
                    language,
                    first=day_text(first, language),
                    last=day_text(end, language),
                    reason=reason,
                )
        first = end + _DAY


def _clock_change(span: Span, calendar: WorkCalendar, language: str) -> Iterator[str]:
    begin, end = (moment.astimezone(calendar.tz).utcoffset() or timedelta(0) for moment in span)
    if begin != end:
        yield text("deadlines.clock_change", language, minutes=f"{(end - begin) // timedelta(minutes=1):+d}")


def _due(moment: datetime, calendar: WorkCalendar, language: str) -> str:
    utc = moment.isoformat(timespec="seconds").replace("+00:00", "Z")
    return text("deadlines.due", language, when=when(moment, calendar, language), utc=utc)


def when(moment: datetime, calendar: WorkCalendar, language: str) -> str:
    """A moment on the wall of the unit, with weekday and offset."""
    local = moment.astimezone(calendar.tz)
    return f"{day_text(local.date(), language)} {_clock(local)} (UTC{local.isoformat()[-6:]})"


def day_text(day: date, language: str) -> str:
    """`Fri 2026-06-12`."""
    return f"{text('deadlines.' + _WEEKDAYS[day.weekday()], language)} {day.isoformat()}"


def duration(length: timedelta, language: str) -> str:
    """`1 h 30 min`; seconds only where there are some."""
    seconds = round(length.total_seconds())
    parts = ((seconds // 3600, "h"), (seconds % 3600 // 60, "min"), (seconds % 60, "s"))
    said = [text(f"deadlines.{unit}", language, n=number) for number, unit in parts if number]
    return " ".join(said) or text("deadlines.nothing", language)


def limit_text(value: float, unit: str, language: str) -> str:
    """`2 urgent hours`, `1 working day`."""
    return text(f"deadlines.{unit}{'_one' if value == 1 else ''}", language, n=f"{value:g}")


def _clock(local: datetime) -> str:
    return f"{local:%H:%M:%S}" if local.second else f"{local:%H:%M}"


def _closing(closing: object) -> str:
    shown = f"{closing:%H:%M}"
    return "24:00" if shown == "00:00" else shown
