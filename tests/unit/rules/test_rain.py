"""Rain of a district, whatever the order in which its gauges are heard."""

from __future__ import annotations

import itertools

import pytest

from citybrain.kernel.model import Asset
from rules.rain import KEEP_MS, District, RainHistory, Sample
from tests.unit.rules.helpers import at, reading

GAUGE = Asset("rg-1", "rain_gauge", district="north")
NAN = float("nan")


def history(*readings: object) -> RainHistory:
    rain = RainHistory()
    for one in readings:
        rain.hear("north", one)
    return rain


def fallen(rain: RainHistory, begin: float, end: float) -> float | None:
    return rain.district("north").fallen_mm(at(begin), at(end))


def test_counters_in_any_order_with_a_reset() -> None:
    readings = [reading(GAUGE, minute, rain_total_mm=mm) for minute, mm in ((0, 100.0), (20, 101.5), (40, 0.5), (60, 0.5))]
    for order in itertools.permutations(readings):
        assert fallen(history(*order), -10, 90) == pytest.approx(2.0)


def test_rain_since_the_last_reading_wins_over_the_counter() -> None:
    rain = history(reading(GAUGE, 0, rain_mm=0.2, rain_total_mm=50.0), reading(GAUGE, 10, rain_mm=0.4, rain_total_mm=99.0))
    assert fallen(rain, -10, 30) == pytest.approx(0.6)


def test_spans_and_silence() -> None:
    rain = history(reading(GAUGE, 0, rain_mm=1.0), reading(GAUGE, 60, rain_mm=2.0))
    assert fallen(rain, 30, 90) == 2.0
    assert fallen(rain, 90, 150) is None
    assert RainHistory().rain(None) is None
    assert RainHistory().district("south").fallen_mm(0, 1) is None


def test_the_wettest_gauge_counts() -> None:
    other = Asset("rg-2", "rain_gauge", district="north")
    rain = history(reading(GAUGE, 0, rain_mm=0.0), reading(other, 0, rain_mm=3.0))
    assert fallen(rain, -10, 30) == 3.0


def test_what_is_no_rain_is_no_news() -> None:
    rain = history(reading(GAUGE, 0, battery_pct=50), reading(GAUGE, 1, rain_mm="much"))
    rain.hear(None, reading(GAUGE, 2, rain_mm=5.0))
    assert not rain.districts


def test_a_message_heard_twice_counts_once_and_early() -> None:
    once = reading(GAUGE, 5, key=9, window_ms=60_000, rain_mm=1.0)
    again = once._replace(observed_ms=once.observed_ms + 30_000)
    for order in ((once, again), (again, once), (once, once, again)):
        rain = history(*order)
        assert [sample.observed_ms for sample in rain.district("north").gauges["rg-1"]] == [once.observed_ms]


def test_old_samples_are_forgotten() -> None:
    district = District()
    step = KEEP_MS // 10
    for number in range(100):
        district.add("g", Sample(number * step, number, 0.1, NAN))
    assert len(district.gauges["g"]) <= 21
    for number in range(200):
        district.fallen_mm(number * 600_000, 99 * step)
