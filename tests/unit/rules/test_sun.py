"""Dusk, dawn and schedules."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from citybrain.kernel.times import from_ms, to_ms
from rules.detectors.expected_state.schedule import Duty, parse, zone
from rules.detectors.expected_state.sun import DAY_MS, local_day, sun_above

MINUTE = 60_000


def ms(text: str) -> int:
    return to_ms(datetime.fromisoformat(text).replace(tzinfo=UTC))


@pytest.mark.parametrize(
    ("place", "lat", "lon", "noon", "rise", "set_"),
    [
        # Published times of sunrise and sunset (almanac), in UTC; -0.833 degrees is their upper limb with refraction.
        ("London", 51.5, -0.1, "2026-06-21T12:00", "03:43", "20:21"),
        ("Beijing", 39.9, 116.4, "2026-12-21T04:00", "23:32", "08:52"),
        ("New York", 40.7, -74.0, "2026-03-20T17:00", "10:59", "23:08"),
        ("Sydney", -33.9, 151.2, "2026-01-01T02:00", "18:47", "09:09"),
    ],
)
def test_sunrise_and_sunset_are_those_of_the_almanac(
    place: str, lat: float, lon: float, noon: str, rise: str, set_: str
) -> None:
    span = sun_above(lat, lon, -0.3, local_day(lon, ms(noon)))
    assert span is not None
    for moment, clock in zip(span, (rise, set_), strict=True):
        found = from_ms(moment)
        expected = found.replace(hour=int(clock[:2]), minute=int(clock[3:]), second=0, microsecond=0)
        assert abs((found - expected).total_seconds()) < 5 * 60, (place, found)


def test_polar_night_and_day() -> None:
    assert sun_above(69.6, 18.9, 0, local_day(18.9, ms("2026-12-21T11:00"))) is None
    begin, end = sun_above(69.6, 18.9, 0, local_day(18.9, ms("2026-06-21T11:00"))) or (0, 0)
    assert end - begin == DAY_MS


def duty(spec: str, *, lit: bool, lat: float = 51.5, lon: float = -0.1, name: str = "Europe/London") -> Duty:
    return Duty(spec, lat, lon, -6.0 if lit else 3.0, 15 * MINUTE, zone(name), lit=lit)


def test_the_lamp_must_be_lit_at_night_and_dark_by_day_and_neither_between() -> None:
    lit, dark = duty("dusk-dawn", lit=True), duty("dusk-dawn", lit=False)
    states = set()
    for minute in range(0, 48 * 60, 5):
        at = ms("2026-03-01T00:00") + minute * MINUTE
        state = (lit.asked(at), dark.asked(at))
        assert state != (True, True)
        states.add(state)
        hour = from_ms(at).hour
        if hour in (0, 3, 21):
            assert state == (True, False)
        if hour in (10, 13):
            assert state == (False, True)
    assert states == {(True, False), (False, True), (False, False)}


def test_the_answer_does_not_depend_on_what_was_asked_before() -> None:
    moments = [ms("2026-03-01T00:00") + n * 7 * 3_600_000 for n in range(40)]
    one = duty("dusk-23:30 05:00-dawn", lit=True)
    forward = [one.asked(at) for at in moments]
    backward = [one.asked(at) for at in reversed(moments)]
    fresh = [duty("dusk-23:30 05:00-dawn", lit=True).asked(at) for at in moments]
    assert forward == backward[::-1] == fresh


def test_parts_of_the_night_follow_the_clock_of_the_city() -> None:
    night = duty("dusk-23:30 05:00-dawn", lit=True, lat=31.3, lon=120.6, name="Asia/Shanghai")
    asked = {
        clock: night.asked(ms(f"2026-01-10T{clock}"))
        for clock in ("13:00", "15:10", "15:20", "16:00", "20:00", "21:20", "04:00")
    }
    assert asked == {
        "13:00": True,
        "15:10": True,
        "15:20": False,
        "16:00": False,
        "20:00": False,
        "21:20": True,
        "04:00": False,
    }


def test_clock_times_on_the_night_of_the_time_change() -> None:
    night = duty("dusk-02:30", lit=True)
    assert night.asked(ms("2026-10-25T01:00"))
    assert not night.asked(ms("2026-10-25T03:00"))


@pytest.mark.parametrize("spec", ["", "dusk", "dawn-dusk", "25:00-dawn", "dusk-dawn-dusk", "dusk to dawn"])
def test_schedules_that_cannot_be_read(spec: str) -> None:
    with pytest.raises(ValueError, match="is not a schedule"):
        parse(spec)


def test_always_and_never() -> None:
    assert duty("always", lit=True).asked(0)
    assert not duty("always", lit=False).asked(0)
    assert duty("never", lit=False).asked(0)
    assert not duty("never", lit=True).asked(0)


def test_no_such_zone() -> None:
    with pytest.raises(ValueError, match="not an IANA time zone"):
        zone("Mars/Olympus")


def test_the_north_in_june_and_december() -> None:
    june, december = ms("2026-06-21T23:00"), ms("2026-12-21T11:00")
    assert not duty("dusk-dawn", lit=True, lat=69.6, lon=18.9).asked(june)
    assert duty("dusk-dawn", lit=False, lat=69.6, lon=18.9).asked(june)
    assert duty("dusk-dawn", lit=True, lat=78.2, lon=15.6).asked(december)
    assert not duty("dusk-dawn", lit=False, lat=78.2, lon=15.6).asked(december)
