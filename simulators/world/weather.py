"""Rain: showers that come by themselves (seeded, a few a month), storms that a plan adds, and what a catchment makes of them.

The run-off is the rational method with one linear reservoir: rain that falls on a catchment reaches the pipe after a lag and
leaves it with a time constant, so an event of constant intensity gives i (1 - exp(-t/K)) while it rains and decays after.
"""

from __future__ import annotations

import math
from bisect import bisect_right, insort
from typing import NamedTuple

from simulators.world.noise import mix, text_bits, unit
from simulators.world.sky import DAY_MS

MEMORY_MS = 8 * 3_600_000
"""A pipe has forgotten rain that ended so long ago (more than ten time constants)."""
_BUCKET_MS = 1_800_000


class Rain(NamedTuple):
    """Rain of constant intensity over one district; times in ms since the epoch, intensity in mm/h."""

    from_ms: int
    to_ms: int
    mm_h: float


class Weather:
    """Rain by district. `showers_per_day` is the mean number of light showers a day over the whole city."""

    def __init__(self, seed: int, districts: int, start_ms: int, showers_per_day: float) -> None:
        self._seed, self._districts, self._rate = seed, districts, showers_per_day
        self._rain: list[list[Rain]] = [[] for _ in range(districts)]
        self._next_day = self._first_day = start_ms // DAY_MS - 1
        self._recent: dict[tuple[int, int], tuple[Rain, ...]] = {}

    def add(self, district: int, rain: Rain) -> None:
        """A storm over a district."""
        insort(self._rain[district], rain)
        self._recent.clear()

    def _until(self, t_ms: int) -> None:
        """Draws the showers of all days up to the one after `t_ms`."""
        while self._next_day <= t_ms // DAY_MS + 1:
            day = self._next_day
            self._next_day += 1
            for number in range(2):
                bits = text_bits(self._seed, "shower", day, number)
                if unit(bits, 0) >= self._rate / 2 or day <= self._first_day:
                    continue
                begin = day * DAY_MS + (bits >> 16) % DAY_MS
                length = 1_200_000 + (bits >> 44) % 4_800_000
                intensity = 1.0 + 6.0 * unit(bits, 1) ** 2
                for district in range(self._districts):
                    own = mix(bits ^ district)
                    shift = int(own % 600_000)
                    rain = Rain(begin + shift, begin + shift + length, round(intensity * (0.7 + 0.6 * unit(own, 5)), 2))
                    insort(self._rain[district], rain)
            self._recent.clear()

    def recent(self, district: int, t_ms: int) -> tuple[Rain, ...]:
        """The events that a pipe of this district still remembers at this moment."""
        bucket = t_ms // _BUCKET_MS
        known = self._recent.get((district, bucket))
        if known is None:
            self._until(t_ms)
            if len(self._recent) > 4096:
                self._recent.clear()
            begin, end = bucket * _BUCKET_MS - MEMORY_MS, (bucket + 1) * _BUCKET_MS
            known = tuple(rain for rain in self._rain[district] if rain.from_ms < end and rain.to_ms > begin)
            self._recent[district, bucket] = known
        return known

    def runoff_mm_h(self, district: int, t_ms: int, lag_ms: float, constant_ms: float) -> float:
        """Rain intensity as the pipe feels it, mm/h, after a lag and through a reservoir of a time constant."""
        felt = 0.0
        for rain in self.recent(district, t_ms):
            since = t_ms - lag_ms - rain.from_ms
            if since <= 0:
                continue
            length = rain.to_ms - rain.from_ms
            if since <= length:
                felt += rain.mm_h * (1.0 - math.exp(-since / constant_ms))
            else:
                felt += rain.mm_h * (1.0 - math.exp(-length / constant_ms)) * math.exp((length - since) / constant_ms)
        return felt

    def total_mm(self, district: int, t_ms: int) -> float:
        """Rain since the world began, mm."""
        self._until(t_ms)
        total = 0.0
        for rain in self._rain[district]:
            if rain.from_ms >= t_ms:
                break
            total += rain.mm_h * (min(t_ms, rain.to_ms) - rain.from_ms) / 3_600_000
        return total

    def rain_within(self, district: int, from_ms: int, to_ms: int) -> tuple[Rain, ...]:
        """The events that touch a span, in time order."""
        self._until(to_ms)
        events = self._rain[district]
        return tuple(rain for rain in events[: bisect_right(events, to_ms, key=lambda r: r.from_ms)] if rain.to_ms > from_ms)
