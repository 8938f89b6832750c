"""Trends, steps and crossings on small series."""

from __future__ import annotations

from random import Random

import pytest

from forecast.steps import last_step
from forecast.trend import crossing, jitter, scatter, theil_sen


def line(n: int, slope: float, noise: float = 0.0, seed: int = 1) -> list[tuple[float, float]]:
    random = Random(seed)
    return [(float(day), 10 + slope * day + random.gauss(0, noise)) for day in range(n)]


def test_a_line_is_found_and_met() -> None:
    trend = theil_sen(line(30, 0.5))
    assert trend is not None
    assert trend.slope == pytest.approx(0.5)
    met = crossing(trend, 40, rising=True)
    assert met is not None
    assert (met.low, met.at, met.high) == pytest.approx((60, 60, 60))


def test_a_third_of_nonsense_changes_little() -> None:
    points = line(60, 0.5, 1)
    spoilt = [(day, 0.0 if day % 4 == 0 else value) for day, value in points]
    trend = theil_sen(spoilt)
    assert trend is not None
    assert trend.slope == pytest.approx(0.5, abs=0.1)


@pytest.mark.parametrize("n", [0, 1, 3])
def test_too_few_points_are_no_trend(n: int) -> None:
    assert theil_sen(line(n, 1)) is None


def test_points_of_one_moment_are_no_trend() -> None:
    assert theil_sen([(5.0, float(value)) for value in range(6)]) is None


def test_values_that_are_all_alike_have_no_direction() -> None:
    trend = theil_sen([(float(day), 7.0) for day in range(30)])
    assert trend is not None
    assert not trend.significant
    assert crossing(trend, 9, rising=True) is None


def test_noise_has_a_direction_about_as_often_as_said() -> None:
    wrong = sum(bool((trend := theil_sen(line(40, 0, 1, seed))) and trend.significant) for seed in range(200))
    assert wrong <= 30  # 10 % are said to


def test_a_falling_line_never_meets_what_is_met_by_rising() -> None:
    trend = theil_sen(line(30, -0.5, 0.1))
    assert trend is not None
    assert crossing(trend, 40, rising=True) is None
    assert crossing(trend, -10, rising=False) is not None


def test_what_was_met_already_lies_in_the_past() -> None:
    trend = theil_sen(line(30, 0.5, 0.1))
    assert trend is not None
    met = crossing(trend, 15, rising=True)
    assert met is not None
    assert met.at == pytest.approx(10, abs=1)


def test_a_wave_is_not_taken_for_a_trend() -> None:
    """Neighbours that resemble each other widen the interval."""
    wave = [(float(day), (day // 6 % 2) * 3.0 + 0.02 * day) for day in range(40)]
    trend = theil_sen(wave)
    assert trend is not None
    assert not trend.significant


def test_scatter_and_jitter() -> None:
    assert scatter([]) == jitter([1.0]) == 0.0
    assert jitter([1.0, 2.0, 3.0, 4.0, 100.0, 101.0]) == pytest.approx(1.4826 / 2**0.5)


class TestSteps:
    def test_a_cleaning_is_seen_two_values_later(self) -> None:
        points = [(float(day), 60.0 + day % 3) for day in range(20)] + [(20.0, 12.0), (21.0, 13.0)]
        assert last_step(points, 20) == 20.0
        assert last_step(points[:-1], 20) is None

    def test_one_low_value_is_no_cleaning(self) -> None:
        points = [(float(day), 60.0 + day % 3 if day != 12 else 0.0) for day in range(25)]
        assert last_step(points, 20) is None

    def test_the_newest_of_two(self) -> None:
        values = [60.0] * 10 + [10.0] * 10 + [70.0] * 10 + [12.0] * 10
        assert last_step([(float(day), value + day % 2) for day, value in enumerate(values)], 20) == 30.0

    def test_a_slow_fall_is_none(self) -> None:
        assert last_step([(float(day), 100 - day + day % 2) for day in range(60)], 20) is None

    def test_noise_is_none(self) -> None:
        random = Random(3)
        assert last_step([(float(day), random.gauss(50, 8)) for day in range(60)], 20) is None
