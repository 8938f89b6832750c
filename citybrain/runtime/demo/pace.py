"""PURE: how fast the demo's city lives."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from citybrain.kernel.errors import InputError
from citybrain.kernel.model import Asset

ENDLESS_SPEED = 120.0
"""without an end: half a minute is an hour, slow enough to read along"""
HOURS = 14.0
"""city hours that a demo with an end wants to show at most: a night between two days"""
MOST_PER_S = 1500.0
"""messages a real second on average; what a laptop takes beside a browser"""
SPEEDS = (1.0, 720.0)
"""bounds of a speed that nobody gave: beyond, half a second in which a busy machine does nothing is six minutes in which a
whole city is silent"""


class Pace(NamedTuple):
    """City seconds a real second; real seconds of the demo, None without an end; city hours that this makes."""

    speed: float
    seconds: float | None
    hours: float | None


def messages_per_city_s(assets: Iterable[Asset]) -> float:
    """How many messages the devices of these assets send in a city second."""
    return sum(1 / asset.interval_s for asset in assets if asset.interval_s)


def choose(seconds: float | None, per_city_s: float, *, speed: float | None = None, hours: float | None = None) -> Pace:
    """The pace. What is given is kept; what is not follows from it, within MOST_PER_S. Raises InputError."""
    for name, value in (("--seconds", seconds), ("--speed", speed), ("--hours", hours)):
        if value is not None and not value > 0:
            raise InputError(f"{name}: must be greater than 0, not {value:g}")
    if seconds and speed and hours:
        raise InputError("--seconds, --speed and --hours: give two of them at most, the third follows")
    if seconds is None:
        speed = speed or ENDLESS_SPEED
        return Pace(speed, hours * 3600 / speed if hours else None, hours)
    if speed is None:
        if hours is not None:
            speed = hours * 3600 / seconds
        else:
            fitting = min(HOURS * 3600 / seconds, MOST_PER_S / per_city_s if per_city_s else SPEEDS[1])
            speed = min(SPEEDS[1], max(SPEEDS[0], fitting))
        speed = round(speed, 2)
    return Pace(speed, seconds, seconds * speed / 3600)
