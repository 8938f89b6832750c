"""Simulated wear, and how early and how right the forecasts of it are: these numbers are the quality of the part."""

from __future__ import annotations

import pytest

from citybrain.runtime.forecast_backtest import FIRST_DAY, Outcome, Score, outcomes, score
from forecast.book import load_book
from simulators.wear import KINDS, worn

BOOK = load_book()
DAYS = 180
WORN = {"silt": 30, "battery": 40, "cover": 14, "lamp": 16, "repeat": 40}
"""assets of each kind: so many that the shares mean something, so few that it takes seconds"""
LEAST_LEAD = {"silt": 14, "battery": 30, "cover": 14, "lamp": 12, "repeat": 0}
"""days; measured with three seeds: 22..24, 94..123, 21..24, 19..21, 9..13"""
MOST_OFF = {"silt": 5, "battery": 200, "cover": 12, "lamp": 10, "repeat": 20}
"""days; measured: 2.0..3.1, 96..140, 4.8..5.8, 5.4..6.1, 8..13"""


@pytest.fixture(scope="module", params=KINDS)
def run(request: pytest.FixtureRequest) -> list[Outcome]:
    return list(outcomes(BOOK, request.param, 11, WORN[request.param], DAYS))


def test_the_figures_are_told(found: Score, capsys: pytest.CaptureFixture[str]) -> None:
    with capsys.disabled():
        print(
            f"\n{found.plan}: {found.detected} of {found.due} in time, {found.missed} missed, {found.false_ones} false of "
            f"{found.worn + found.healthy}; {found.lead_days} days ahead, {found.error_days} days off, "
            f"{found.coverage or 0:.0%} within the interval"
        )


@pytest.fixture
def found(run: list[Outcome]) -> Score:
    return score(run[0].plan, run, BOOK, DAYS)


def test_wear_is_told_in_time(found: Score) -> None:
    assert found.due >= 8
    assert found.missed <= max(1, 0.1 * found.due), found
    assert found.lead_days is not None
    assert found.lead_days >= LEAST_LEAD[found.plan], found


def test_dates_are_right_and_intervals_hold_what_they_say(found: Score) -> None:
    assert found.error_days is not None
    assert found.error_days <= MOST_OFF[found.plan], found
    assert found.coverage is not None
    assert found.coverage >= 0.8 - 0.08 * (found.plan == "repeat"), found  # its intervals say 80 %, the others 90 %


def test_next_to_nothing_is_planned_for_nothing(found: Score, run: list[Outcome]) -> None:
    assert found.false_ones <= 0.04 * (found.worn + found.healthy), found
    assert [one for one in run if not one.wears and one.raised is not None] == []


@pytest.mark.parametrize("kind", KINDS)
def test_the_same_seed_gives_the_same_days(kind: str) -> None:
    one, same, other = (worn(seed, kind, 4, FIRST_DAY, 90, wears=True) for seed in (1, 1, 2))
    assert one == same
    assert one != other


@pytest.mark.parametrize("kind", KINDS)
def test_days_are_in_order_and_within_the_time_that_was_asked_for(kind: str) -> None:
    one = worn(1, kind, 4, FIRST_DAY, 90, wears=False)
    for days in one.daily.values():
        assert [day[0] for day in days] == sorted({day[0] for day in days})
        assert all(FIRST_DAY <= day[0] < FIRST_DAY + 90 for day in days)
