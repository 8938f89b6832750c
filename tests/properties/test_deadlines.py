"""What must hold of every deadline, in every zone, over every weekend, holiday, moved day and jump of the clock."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from hypothesis import example, given
from hypothesis import strategies as st

from citybrain.kernel.calendar import WorkCalendar
from dispatch.deadlines import CONTINUOUS, at_fraction, due

# zones with jumps at 01:00 UTC, at 02:00 local, at midnight, of half an hour, across the date line; and two without
ZONES = (
    "Asia/Shanghai",
    "UTC",
    "Europe/London",
    "Europe/Berlin",
    "America/New_York",
    "America/Havana",
    "Africa/Cairo",
    "Asia/Beirut",
    "Australia/Lord_Howe",
    "Pacific/Apia",
    "America/Sao_Paulo",
)
HOURS = (
    ((time(8), time(12)), (time(14), time(18))),
    ((time(9), time(17)),),
    ((time(0), time(6)), (time(22), time(0))),
    ((time(0), time(0)),),
    ((time(0, 30), time(1, 30)), (time(1, 45), time(3)), (time(23), time(23, 59))),
)
days = st.dates(date(2010, 1, 1), date(2027, 12, 31))
moments = st.datetimes(datetime(2010, 1, 1), datetime(2027, 12, 31), timezones=st.just(UTC))  # noqa: DTZ001 - hypothesis wants naive bounds and adds the zone
amounts = st.timedeltas(timedelta(0), timedelta(hours=120))
calendars = st.builds(
    WorkCalendar,
    st.just("any"),
    st.sampled_from(ZONES).map(ZoneInfo),
    st.sampled_from(HOURS),
    st.sets(st.integers(0, 6), min_size=1).map(frozenset),
    st.dictionaries(days, st.just("holiday"), max_size=8),
    st.dictionaries(days, st.just("moved"), max_size=8),
)
OFFICE = WorkCalendar("office", ZoneInfo("Asia/Shanghai"))


def near(calendar: WorkCalendar, moment: datetime) -> WorkCalendar:
    """The calendar with a holiday and a moved day just where the action is."""
    first = moment.date()
    return WorkCalendar(
        calendar.name,
        calendar.tz,
        calendar.hours,
        calendar.weekdays,
        {**calendar.holidays, first + timedelta(days=1): "holiday"},
        {**calendar.workdays, first + timedelta(days=3): "moved"},
    )


@given(calendars, moments, amounts, amounts)
@example(OFFICE, datetime(2026, 6, 12, 8, tzinfo=UTC), timedelta(hours=2), timedelta(hours=2))
@example(OFFICE, datetime(2026, 6, 12, 8, tzinfo=UTC), timedelta(hours=2), timedelta(0))
def test_a_then_b_is_a_plus_b(calendar: WorkCalendar, start: datetime, a: timedelta, b: timedelta) -> None:
    calendar = near(calendar, start)
    assert calendar.add(calendar.add(start, a), b) == calendar.add(start, a + b)


@given(calendars, moments, amounts, st.timedeltas(timedelta(0), timedelta(days=20)))
def test_a_later_start_is_never_due_earlier(
    calendar: WorkCalendar, start: datetime, amount: timedelta, later: timedelta
) -> None:
    calendar = near(calendar, start)
    assert calendar.add(start, amount) <= calendar.add(start + later, amount)


@given(calendars, moments, amounts, st.timedeltas(timedelta(microseconds=1), timedelta(hours=50)))
def test_a_longer_limit_is_always_due_later(
    calendar: WorkCalendar, start: datetime, amount: timedelta, more: timedelta
) -> None:
    calendar = near(calendar, start)
    assert calendar.add(start, amount) < calendar.add(start, amount + more)


@given(calendars, moments, amounts)
def test_due_is_inside_working_time_and_not_before_the_start(
    calendar: WorkCalendar, start: datetime, amount: timedelta
) -> None:
    calendar = near(calendar, start)
    end = calendar.add(start, amount)
    assert calendar.is_working(end)
    assert end >= start + amount
    assert end.tzinfo is UTC


@given(calendars, moments, amounts)
def test_what_was_counted_is_what_was_asked(calendar: WorkCalendar, start: datetime, amount: timedelta) -> None:
    calendar = near(calendar, start)
    spans = calendar.spans(start, amount)
    assert sum((span.end - span.begin for span in spans), timedelta(0)) == amount
    assert calendar.worked(start, spans[-1].end) == amount
    assert all(before.end <= after.begin for before, after in zip(spans, spans[1:], strict=False))


@given(calendars, moments, amounts)
def test_no_second_of_a_closed_day_is_counted(calendar: WorkCalendar, start: datetime, amount: timedelta) -> None:
    calendar = near(calendar, start)
    for span in calendar.spans(start, amount):
        if span.begin == span.end:
            continue
        local = span.begin.astimezone(calendar.tz)
        assert calendar.day(local.date()).working
        last = (span.end - timedelta(microseconds=1)).astimezone(calendar.tz)
        assert calendar.day(last.date()).working


@given(moments, st.integers(1, 60 * 60))
def test_the_lunch_gap_is_never_counted(start: datetime, minutes: int) -> None:
    for span in OFFICE.spans(start, timedelta(minutes=minutes)):
        begin, end = span.begin.astimezone(OFFICE.tz).time(), span.end.astimezone(OFFICE.tz).time()
        assert (time(8) <= begin <= end <= time(12)) or (time(14) <= begin <= end <= time(18))


@given(moments, st.integers(1, 500))
def test_a_working_day_is_the_same_hour_of_a_later_working_day(start: datetime, quarters: int) -> None:
    # an office of exactly eight hours without holidays: whole days keep the time of day
    begin = OFFICE.add(start, timedelta(minutes=1))
    found = due(begin, quarters, "work_day", OFFICE).due_at
    same = {begin.astimezone(OFFICE.tz).time()}
    # the end of a morning and the start of an afternoon are the same moment of working time, as are closing and opening
    same |= {time(12)} if same & {time(14)} else set()
    same |= {time(18)} if same & {time(8)} else set()
    assert found.astimezone(OFFICE.tz).time() in same


@given(calendars, moments, st.sampled_from(sorted(CONTINUOUS)), st.floats(0, 1000))
def test_urgent_clocks_never_stop(calendar: WorkCalendar, start: datetime, unit: str, value: float) -> None:
    assert due(start, value, unit, calendar).due_at == start + CONTINUOUS[unit] * value


@given(
    calendars,
    moments,
    st.sampled_from([*CONTINUOUS, "work_hour", "work_day"]),
    st.floats(0.1, 20),
    st.floats(0, 1),
    st.floats(0, 1),
)
def test_reminders_come_in_order_and_before_the_limit(
    calendar: WorkCalendar, start: datetime, unit: str, value: float, one: float, other: float
) -> None:
    first, second = sorted((one, other))
    end = due(start, value, unit, calendar).due_at
    assert at_fraction(start, value, first, unit, calendar) <= at_fraction(start, value, second, unit, calendar) <= end
    assert at_fraction(start, value, 1, unit, calendar) == end


@given(calendars, moments, st.sampled_from(["urgent_hour", "work_hour", "work_day"]), st.floats(0.01, 40))
def test_the_arithmetic_always_ends_with_the_deadline(calendar: WorkCalendar, start: datetime, unit: str, value: float) -> None:
    found = due(start, value, unit, near(calendar, start))
    for language in ("en", "zh"):
        assert found.due_at.isoformat(timespec="seconds").replace("+00:00", "Z") in found.explain(language)[-1]


def minute_by_minute(calendar: WorkCalendar, start: datetime, minutes: int) -> datetime:
    """The slow and obvious way: walk from minute to minute and count those that begin inside the opening hours."""
    moment, left = start, minutes
    while left:
        local = moment.astimezone(calendar.tz)
        inside = any(
            opening <= local.time() and (local.time() < closing or closing == time(0)) for opening, closing in calendar.hours
        )
        if inside and calendar.day(local.date()).working:
            left -= 1
        moment += timedelta(minutes=1)
    return moment


JUMPS = st.sampled_from(
    [datetime(2026, 3, 28, 22, tzinfo=UTC), datetime(2026, 10, 24, 22, tzinfo=UTC), datetime(2026, 3, 7, 12, tzinfo=UTC)]
)


@given(
    st.sampled_from(["Europe/London", "Europe/Berlin", "America/New_York"]),
    st.sampled_from(HOURS[:4]),
    JUMPS,
    st.integers(0, 600),
    st.integers(1, 900),
)
def test_equals_the_walk_from_minute_to_minute_around_jumps(
    zone: str, hours: tuple[tuple[time, time], ...], jump: datetime, offset: int, minutes: int
) -> None:
    calendar = WorkCalendar("any", ZoneInfo(zone), hours, frozenset(range(7)))
    start = jump + timedelta(minutes=offset)
    assert calendar.add(start, timedelta(minutes=minutes)) == minute_by_minute(calendar, start, minutes)
