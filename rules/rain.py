"""PURE: what the rain gauges of the districts said of late, in whatever order their readings came."""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Mapping
from typing import Final

from citybrain.kernel.model import Value

STEP_MS: Final = 600_000
"""Spans are widened to whole ten minutes, so that one sum serves all drains of a district."""
KEEP_MS: Final = 50 * 3_600_000
"""A little more than the longest span a rule may ask for (48 h)."""

Sample = tuple[int, float, float]
"""(observed ms, rain since the reading before or NaN, counter or NaN), in mm."""


class District:
    """The gauges of one district. Rain of a span is that of the gauge which saw most: dry means dry everywhere."""

    __slots__ = ("_sums", "gauges")

    def __init__(self) -> None:
        self.gauges: dict[str, list[Sample]] = {}
        self._sums: dict[tuple[int, int], float | None] = {}

    def add(self, gauge: str, sample: Sample) -> None:
        """Takes a sample in; one of a time that is known already is the same sample heard again."""
        samples = self.gauges.setdefault(gauge, [])
        at = bisect_left(samples, (sample[0],))
        if at < len(samples) and samples[at][0] == sample[0]:
            return
        self._sums.clear()
        insort(samples, sample)
        if samples[0][0] < samples[-1][0] - 2 * KEEP_MS:
            del samples[: bisect_left(samples, (samples[-1][0] - KEEP_MS,))]

    def fallen_mm(self, from_ms: int, to_ms: int) -> float | None:
        """Rain between two times (ms since the epoch, widened to whole ten minutes); None: no gauge was heard."""
        span = (from_ms // STEP_MS * STEP_MS, -(-to_ms // STEP_MS) * STEP_MS)
        if span not in self._sums:
            if len(self._sums) > 64:
                self._sums.clear()
            sums = [fallen for samples in self.gauges.values() if (fallen := _fallen(samples, *span)) is not None]
            self._sums[span] = max(sums, default=None)
        return self._sums[span]


def _fallen(samples: list[Sample], from_ms: int, to_ms: int) -> float | None:
    """Rain of the samples in (from, to]. A counter that fell has begun anew, so what it shows is what fell."""
    first, end = bisect_left(samples, (from_ms + 1,)), bisect_left(samples, (to_ms + 1,))
    if first == end:
        return None
    total = 0.0
    for index in range(first, end):
        _, fallen, counter = samples[index]
        if fallen == fallen:
            total += fallen
        elif index and counter == counter and samples[index - 1][2] == samples[index - 1][2]:
            before = samples[index - 1][2]
            total += counter - before if counter >= before else counter
    return total


class RainHistory:
    """The districts of one shard."""

    __slots__ = ("districts",)

    def __init__(self) -> None:
        self.districts: dict[str, District] = {}

    def rain(self, district: str | None) -> District | None:
        """The district's history; None for an asset without district."""
        return None if district is None else self.district(district)

    def district(self, name: str) -> District:
        """The history of a district, empty at first."""
        return self.districts.setdefault(name, District())

    def hear(self, gauge: str, district: str | None, observed_ms: int, values: Mapping[str, Value]) -> None:
        """Takes a reading of a gauge in; one without rain or without district is no news."""
        fallen, counter = _number(values.get("rain_mm")), _number(values.get("rain_total_mm"))
        if district is not None and (fallen == fallen or counter == counter):
            self.district(district).add(gauge, (observed_ms, fallen, counter))


def _number(value: Value | None) -> float:
    return float(value) if isinstance(value, int | float) else float("nan")
