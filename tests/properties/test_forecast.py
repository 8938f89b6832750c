"""Trends and the life of planned orders, for any values."""

from __future__ import annotations

import math

from hypothesis import given
from hypothesis import strategies as st

from citybrain.kernel.events import AlertChange, AlertPhase
from forecast.book import load_book
from forecast.days import DAY_MS
from forecast.finding import Finding, Plan, Why
from forecast.life import Held, decide
from forecast.steps import last_step
from forecast.trend import crossing, theil_sen

BOOK = load_book()
INFO = BOOK.condition_of[Plan.SILT]

values = st.lists(st.integers(-1000, 1000), min_size=5, max_size=40).map(lambda found: [float(value) for value in found])


def points(found: list[float]) -> list[tuple[float, float]]:
    return [(float(day), value) for day, value in enumerate(found)]


@given(values, st.integers(-500, 500), st.sampled_from([0.25, 0.5, 2.0, 4.0]))
def test_a_trend_moves_and_stretches_with_its_values(found: list[float], shift: int, factor: float) -> None:
    one, other = theil_sen(points(found)), theil_sen(points([factor * value + shift for value in found]))
    assert one is not None
    assert other is not None
    assert math.isclose(other.slope, factor * one.slope, abs_tol=1e-6)
    assert math.isclose(other.level, factor * one.level + shift, abs_tol=1e-6)


@given(values)
def test_a_trend_turned_around_is_the_other_way(found: list[float]) -> None:
    one, other = theil_sen(points(found)), theil_sen(points([-value for value in found]))
    assert one is not None
    assert other is not None
    assert math.isclose(one.slope, -other.slope, abs_tol=1e-9)
    assert one.significant == other.significant


@given(values, st.integers(-5000, 5000))
def test_an_interval_holds_its_date(found: list[float], threshold: int) -> None:
    trend = theil_sen(points(found))
    assert trend is not None
    assert trend.low <= trend.slope <= trend.high
    met = crossing(trend, threshold, rising=trend.slope > 0)
    assert (met is None) == (not trend.significant)
    if met is not None:
        assert met.low <= met.at <= met.high
        assert math.isfinite(met.at)


@given(values, st.integers(1, 500))
def test_a_step_is_where_the_values_fall(found: list[float], least: int) -> None:
    at = last_step(points(found), least)
    if at is not None:
        cut = int(at)
        assert found[cut - 1] - found[cut] >= least / 2


findings = st.builds(
    lambda why, at, width, since, reset: Finding(
        Plan.SILT,
        "dr-1",
        why,
        since_ms=since * DAY_MS,
        reset_ms=None if reset is None else reset * DAY_MS,
        **({} if at is None else {"at_ms": at * DAY_MS, "low_ms": (at - width) * DAY_MS, "high_ms": (at + width) * DAY_MS}),
    ),
    st.sampled_from(Why), st.none() | st.integers(20_000, 20_300), st.integers(0, 40), st.integers(19_900, 20_000),
    st.none() | st.integers(19_950, 20_200),
)  # fmt: skip


@given(st.lists(findings, max_size=30))
def test_any_life_is_a_chain_of_episodes(life: list[Finding]) -> None:
    """Raised before anything else, one open at a time, ids never come back, and the same finding twice tells nothing new."""
    held, used, live = Held(), set[str](), ""
    for day, found in enumerate(life, 20_000):
        now = day * DAY_MS
        done = decide(held, found, INFO, "drain", now, BOOK.plans.life, 30)
        if done.event is not None:
            if done.event.change == AlertChange.RAISED:
                assert not live
                assert found.planned
                assert done.event.id not in used
                live = done.event.id
                used.add(live)
            else:
                assert done.event.id == live
            if done.event.phase == AlertPhase.RESOLVED:
                live = ""
        assert (done.held.alert or "") == live
        held = done.held
        again = decide(held, found, INFO, "drain", now, BOOK.plans.life, 30)
        if live:
            assert again.event is None or again.event.change == AlertChange.RESOLVED
