"""Ticks never overtake the stream."""

from __future__ import annotations

from citybrain.kernel.model import Reading
from citybrain.runtime.ticker import BUSY_S, SETTLE_S, SLACK_S, Ticker


def _reading(observed_ms: int) -> Reading:
    return Reading("A", "drain", "A", observed_ms, observed_ms, {"level_mm": 1.0})


def _settled(speed: float = 1.0) -> Ticker:
    ticker = Ticker(speed)
    assert ticker.due(1_000_000, [], connected=True, real=0) is None
    return ticker


def test_time_follows_the_clock_when_nothing_comes() -> None:
    ticker = _settled()
    assert ticker.due(1_010_000, [], connected=True, real=SETTLE_S + 0.1) == 1_010_000 - int(SLACK_S * 1000)
    assert ticker.due(1_010_500, [], connected=True, real=SETTLE_S + 0.6) is None, "a second has not passed"
    assert ticker.due(1_011_100, [], connected=True, real=SETTLE_S + 1.2) == 1_011_100 - int(SLACK_S * 1000)


def test_a_backlog_holds_time_back_and_lets_it_go() -> None:
    ticker = _settled()
    assert ticker.due(2_000_000, [_reading(1_500_000), _reading(1_600_000)], connected=True, real=5) == 1_600_000
    assert ticker.due(2_000_200, [_reading(1_900_000)], connected=True, real=5.2) == 1_900_000
    # between two batches of a busy stream the lag stays
    assert ticker.due(2_000_500, [], connected=True, real=5.5) is None
    assert ticker.due(2_001_500, [], connected=True, real=5.2 + BUSY_S + 0.1) == 2_001_500 - int(SLACK_S * 1000)


def test_a_device_with_a_clock_ahead_does_not_push_time() -> None:
    ticker = _settled()
    assert ticker.due(2_000_000, [_reading(2_500_000)], connected=True, real=5) == 2_000_000 - int(SLACK_S * 1000)


def test_no_time_passes_without_a_broker_or_right_after_it_came_back() -> None:
    ticker = _settled()
    assert ticker.due(3_000_000, [], connected=False, real=50) is None
    assert ticker.due(3_000_000, [], connected=True, real=51) is None
    assert ticker.due(3_000_500, [_reading(2_000_000)], connected=True, real=51.5) is None
    assert ticker.due(3_001_500, [_reading(2_900_000)], connected=True, real=52.5) == 2_900_000


def test_time_never_goes_back() -> None:
    ticker = _settled()
    assert ticker.due(4_000_000, [], connected=True, real=10) is not None
    assert ticker.due(4_001_000, [_reading(3_000_000)], connected=True, real=11) is None
