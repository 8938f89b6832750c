"""Signs of gaming: shown when they are there, silent when they are not, and never without a reason."""

from __future__ import annotations

import math
import random
from datetime import timedelta

import pytest

from dispatch.scores.gaming import REASONS, Suspicion, signs, tail
from dispatch.scores.history import histories
from dispatch.scores.rules import load_rules
from tests.dispatch_kit import NOON
from tests.unit.dispatch.scores.test_figures import clock
from tests.unit.dispatch.scores.town import Ledger

RULES = load_rules()
LATER = NOON + timedelta(days=60)


def found(ledger: Ledger) -> dict[tuple[str, str], Suspicion]:
    told = signs(histories(ledger.entries), RULES, asof=LATER)
    assert all(one.reason in REASONS and one.orders for one in told)
    return {(one.reason, one.unit): one for one in told}


def test_honest_work_shows_no_sign() -> None:
    dice, ledger = random.Random(4), Ledger()
    for n in range(600):
        ledger.case(f"c{n}", unit=f"u{n % 6}", fix=dice.uniform(3, 119), at=NOON + timedelta(minutes=n))
    assert found(ledger) == {}


def test_closes_bunched_before_the_limit() -> None:
    dice, ledger = random.Random(4), Ledger()
    for n in range(200):
        ledger.case(f"a{n}", unit="honest", fix=dice.uniform(3, 119))
        ledger.case(f"b{n}", unit="bunched", fix=dice.uniform(110, 119) if n % 3 == 0 else dice.uniform(3, 107))
    (only,) = found(ledger).values()
    assert (only.reason, only.unit) == ("bunched_before_limit", "bunched")
    assert len(only.orders) == 5


def test_by_limits_of_working_time_units_are_compared_with_each_other() -> None:
    """All of them close in the morning before the limit: the calendar does that, not the unit."""
    dice, ledger = random.Random(4), Ledger()
    for n in range(200):
        for unit in ("one", "two", "three"):
            ledger.case(f"{unit}{n}", unit=unit, fix=dice.uniform(109, 119), limit_unit="work_day")
    assert found(ledger) == {}
    ledger = Ledger()
    for n in range(100):
        ledger.case(f"a{n}", unit="one", fix=dice.uniform(3, 119), limit_unit="work_day")
        ledger.case(f"b{n}", unit="two", fix=dice.uniform(109, 119), limit_unit="work_day")
    assert set(found(ledger)) == {("bunched_against_others", "two")}


def test_repairs_that_do_not_hold() -> None:
    ledger = Ledger()
    for n in range(40):
        ledger.case(f"a{n}", unit="solid", asset=f"s-{n}")
        ledger.case(f"b{n}", unit="sloppy", asset=f"x-{n // 2}", at=NOON + timedelta(hours=30 * (n % 2)))
    assert set(found(ledger)) == {("back_soon", "sloppy")}


def test_fixed_is_said_and_the_sensor_disagrees() -> None:
    ledger = Ledger()
    for n in range(40):
        ledger.case(f"a{n}", unit="true")
        ledger.case(f"b{n}", unit="false", fix=90, steps=[(30, "fix"), (50, "rework")] if n % 2 else [])
    assert set(found(ledger)) == {("sensor_disagrees", "false")}


def test_pauses_asked_for_just_before_the_limit() -> None:
    ledger = Ledger()
    for n in range(12):
        early = [(20 + n, "pause", clock("paused", 120)), (60 + n, "resume", clock("running", 160))]
        late = [(112, "pause", clock("paused", 120)), (172, "resume", clock("running", 180))]
        ledger.case(f"a{n}", unit="needs-parts", fix=100 + n, steps=early)
        ledger.case(f"b{n}", unit="plays", fix=175, steps=late)
    told = found(ledger)
    assert ("pauses_before_limit", "plays") in told
    assert not any(unit == "needs-parts" for _, unit in told)


def test_pauses_far_more_often_than_others() -> None:
    ledger = Ledger()
    pause = [(20, "pause", clock("paused", 120)), (40, "resume", clock("running", 140))]
    for n in range(40):
        ledger.case(f"a{n}", unit="one", fix=30)
        ledger.case(f"b{n}", unit="two", fix=60, steps=pause if n % 2 else [])
    assert ("pauses_often", "two") in found(ledger)


@pytest.mark.parametrize(("n", "of", "p"), [(0, 5, 0.3), (3, 5, 0.3), (5, 5, 0.5), (40, 50, 0.6), (1, 1, 0.01)])
def test_the_tail_is_exact(n: int, of: int, p: float) -> None:
    exact = sum(math.comb(of, k) * p**k * (1 - p) ** (of - k) for k in range(n, of + 1))
    assert tail(n, of, p) == pytest.approx(exact, rel=1e-9)
    assert (tail(1, 3, 0), tail(1, 3, 1)) == (0, 1)
