"""Sun, lamp hours and rain."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from citybrain.kernel.times import from_ms, to_ms
from simulators.world.sky import DAY_MS, Sky
from simulators.world.weather import Rain, Weather

HOUR = 3_600_000
SKY = Sky(31.30, 120.60)
MARCH = to_ms(datetime(2026, 3, 2, 15, tzinfo=UTC))


def test_local_midnight_is_eight_hours_before_utc() -> None:
    assert SKY.local_ms(to_ms(datetime(2026, 3, 2, 16, tzinfo=UTC))) == 0


@pytest.mark.parametrize("month", range(1, 13))
def test_the_sun_rises_before_noon_and_sets_after(month: int) -> None:
    day = SKY.day_of(to_ms(datetime(2026, month, 15, 4, tzinfo=UTC)))
    rise, fall = SKY.sun(day)
    assert day == SKY.day_of(rise) == SKY.day_of(fall)
    assert 4 * HOUR < SKY.local_ms(rise) < 8 * HOUR
    assert 16 * HOUR < SKY.local_ms(fall) < 20 * HOUR
    assert 9.5 * HOUR < fall - rise < 14.5 * HOUR


def test_the_sun_of_the_second_of_march() -> None:
    rise, fall = SKY.sun(SKY.day_of(MARCH))
    # Suzhou almanac: 06:22 and 17:55 local, to a few minutes
    assert abs(rise - to_ms(datetime(2026, 3, 1, 22, 22, tzinfo=UTC))) < 5 * 60_000
    assert abs(fall - to_ms(datetime(2026, 3, 2, 9, 55, tzinfo=UTC))) < 5 * 60_000


@pytest.mark.parametrize(("hour", "dim"), [(12, 0), (17, 0), (19, 75), (22, 75), (23, 50), (4, 50), (5, 75), (7, 0)])
def test_the_schedule(hour: int, dim: float) -> None:
    moment = SKY.day_of(MARCH) * DAY_MS - 8 * HOUR + hour * HOUR
    assert SKY.dim_pct(moment, 120_000) == dim


def test_lit_hours_grow_only_at_night() -> None:
    day = SKY.day_of(MARCH)
    moments = [day * DAY_MS - 8 * HOUR + step * HOUR // 4 for step in range(4 * 72)]
    lit = [SKY.lit_ms(moment, day) for moment in moments]
    for before, after, moment in zip(lit, lit[1:], moments, strict=False):
        assert 0 <= after - before <= HOUR // 4
        if SKY.is_night(moment) and SKY.is_night(moment + HOUR // 4):
            assert after - before == HOUR // 4, from_ms(moment)


def test_rain_reaches_the_pipe_late_and_leaves_it_slowly() -> None:
    weather = Weather(1, 2, MARCH, 0.0)
    weather.add(0, Rain(MARCH, MARCH + HOUR, 50.0))
    felt = [weather.runoff_mm_h(0, MARCH + minute * 60_000, 300_000, 900_000) for minute in range(0, 300, 5)]
    assert felt[0] == felt[1] == 0.0
    assert 45.0 < max(felt) <= 50.0
    assert felt.index(max(felt)) * 5 >= 60
    assert felt[-1] < 0.01
    assert weather.runoff_mm_h(1, MARCH + HOUR, 300_000, 900_000) == 0.0


def test_the_counter_of_rain_counts_all_of_it() -> None:
    weather = Weather(1, 1, MARCH, 0.0)
    weather.add(0, Rain(MARCH + HOUR, MARCH + 2 * HOUR, 30.0))
    assert weather.total_mm(0, MARCH + HOUR) == 0.0
    assert weather.total_mm(0, MARCH + HOUR + HOUR // 2) == pytest.approx(15.0)
    assert weather.total_mm(0, MARCH + 9 * HOUR) == pytest.approx(30.0)


def test_showers_come_as_often_as_asked() -> None:
    weather = Weather(5, 1, MARCH, 0.3)
    showers = weather.rain_within(0, MARCH, MARCH + 365 * DAY_MS)
    assert 70 < len(showers) < 150
    assert all(rain.mm_h < 10 and rain.to_ms > rain.from_ms for rain in showers)
    assert list(showers) == sorted(showers)


def test_rain_does_not_depend_on_what_was_asked_before() -> None:
    one, two = Weather(5, 2, MARCH, 0.3), Weather(5, 2, MARCH, 0.3)
    for day in range(40):
        one.recent(0, MARCH + day * DAY_MS)
    assert one.rain_within(1, MARCH, MARCH + 40 * DAY_MS) == two.rain_within(1, MARCH, MARCH + 40 * DAY_MS)
