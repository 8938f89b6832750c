import pytest
from hypothesis import given
from hypothesis import strategies as st

from citybrain.kernel.errors import InputError
from citybrain.kernel.model import Asset
from citybrain.runtime.demo.pace import ENDLESS_SPEED, HOURS, MOST_PER_S, SPEEDS, Pace, choose, messages_per_city_s


def test_a_small_city_shows_fourteen_hours_when_there_is_time() -> None:
    assert choose(100, 0.5) == Pace(504.0, 100, HOURS)


def test_a_short_demo_is_not_so_fast_that_a_hiccup_is_an_hour() -> None:
    assert choose(15, 0.5) == Pace(SPEEDS[1], 15, 3)


def test_a_large_city_goes_slower_so_that_the_messages_stay_few() -> None:
    pace = choose(60, 2.5)
    assert pace.speed == MOST_PER_S / 2.5
    assert pace.hours == 10


@given(st.floats(1, 10_000), st.floats(0.01, 2000))
def test_there_are_never_more_messages_than_a_laptop_takes(seconds: float, per_s: float) -> None:
    pace = choose(seconds, per_s)
    assert pace.speed == 1 or pace.speed * per_s <= MOST_PER_S * 1.01 + per_s * 0.01
    assert pace.hours == pytest.approx(seconds * pace.speed / 3600)


def test_what_is_given_is_kept() -> None:
    assert choose(None, 1) == Pace(ENDLESS_SPEED, None, None)
    assert choose(None, 1, speed=60) == Pace(60, None, None)
    assert choose(None, 1, hours=2) == Pace(ENDLESS_SPEED, 60, 2)
    assert choose(60, 100, speed=600) == Pace(600, 60, 10)
    assert choose(60, 100, hours=5) == Pace(300, 60, 5)


@pytest.mark.parametrize("given", [{"seconds": 0}, {"seconds": -1}, {"speed": 0}, {"hours": -2}, {"seconds": float("nan")}])
def test_nonsense_is_refused_by_its_name(given: dict[str, float]) -> None:
    with pytest.raises(InputError, match=f"--{next(iter(given))}"):
        choose(given.get("seconds"), 1, speed=given.get("speed"), hours=given.get("hours"))


def test_three_wishes_are_one_too_many() -> None:
    with pytest.raises(InputError, match="two of them"):
        choose(60, 1, speed=2, hours=3)


def test_the_rate_of_a_city() -> None:
    assets = [Asset("a", "manhole", interval_s=900), Asset("b", "drain", interval_s=600), Asset("c", "drain")]
    assert messages_per_city_s(assets) == pytest.approx(1 / 900 + 1 / 600)
