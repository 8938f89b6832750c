"""The one clock. Everything else is given `now`."""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from citybrain.kernel.errors import ConfigError
from citybrain.kernel.times import from_ms, to_ms

_FASTEST = 1e6
"""A faster city passes a century within the hour."""


class Clock(Protocol):
    """Tells the time of the city, which in a demo runs faster than life."""

    def now_ms(self) -> int:
        """Milliseconds since the epoch, UTC."""
        ...

    def now(self) -> datetime:
        """The same as an aware datetime."""
        ...

    def real_s(self, city_s: float) -> float:
        """How many real seconds a span of city seconds lasts."""
        ...


class SystemClock:
    """The time as it is."""

    def now_ms(self) -> int:
        return time.time_ns() // 1_000_000  # noqa: TID251 - this is the clock

    def now(self) -> datetime:
        return from_ms(self.now_ms())

    def real_s(self, city_s: float) -> float:
        return city_s


@dataclass(frozen=True, slots=True)
class ScaledClock:
    """A city whose time runs `speed` times as fast as ours, from `origin_ms` at the real moment `started_ms`."""

    speed: float
    origin_ms: int
    started_ms: int

    def now_ms(self) -> int:
        return self.origin_ms + int((SystemClock().now_ms() - self.started_ms) * self.speed)

    def now(self) -> datetime:
        return from_ms(self.now_ms())

    def real_s(self, city_s: float) -> float:
        return city_s / self.speed

    def __str__(self) -> str:
        return f"speed={self.speed:g},origin={self.origin_ms},started={self.started_ms}"


def real_ms() -> int:
    """The wall clock in ms, for lateness of machines and not of the city."""
    return SystemClock().now_ms()


def parse(spec: str) -> Clock:
    """A clock from its setting: "" or "system", or `speed=600,origin=ISO-or-ms,started=ms` (started: default now)."""
    if spec in {"", "system"}:
        return SystemClock()
    try:
        parts = dict(item.split("=", 1) for item in spec.split(","))
        origin = parts["origin"]
        origin_ms = int(origin) if origin.lstrip("-").isdigit() else to_ms(datetime.fromisoformat(origin))
        speed = float(parts["speed"])
        if not 0 < speed < _FASTEST:
            raise ValueError("speed")
        clock = ScaledClock(speed, origin_ms, int(parts.get("started", real_ms())))
        clock.now()
        return clock
    except (KeyError, ValueError, OverflowError) as error:
        raise ConfigError(
            f"{spec!r} is not a clock: give 'system', or 'speed=600,origin=2026-06-12T14:00:00+00:00' "
            "with a speed above 0 and an origin with its zone",
            key="clock",
        ) from error
