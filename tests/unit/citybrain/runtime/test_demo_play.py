"""How many faults a demo without an end makes: enough to see something soon, not more than crews can follow."""

from __future__ import annotations

import pytest

from citybrain.runtime.demo.play import faults_per_hour, round_hours


@pytest.mark.parametrize(("speed", "hours", "rate"), [(120.0, 10.0, 2.0), (720.0, 60.0, 1 / 3), (1.0, 1 / 12, 30.0)])
def test_a_round_is_five_minutes_and_faults_follow_the_speed(speed: float, hours: float, rate: float) -> None:
    assert round_hours(speed) == pytest.approx(hours)
    assert faults_per_hour(speed) == pytest.approx(rate)
