"""PURE: what the rain gauges of the districts said of late. It does not matter in which order their readings came."""

from __future__ import annotations

from bisect import bisect_left, insort
from math import isnan, nan
from typing import Final, NamedTuple

from citybrain.kernel.model import Reading, Value

STEP_MS: Final = 600_000
"""Spans are moved back to whole ten minutes, so that one sum serves all drains of a district."""
KEEP_MS: Final = 50 * 3_600_000
"""A little more than the longest span a rule may ask for (48 h)."""


class Sample(NamedTuple):
    """What a gauge said: rain since its reading before, or its counter, in mm; NaN for what it did not say."""

    observed_ms: int
    key: int
    """Of the message, to know a repeat, and for one order of those of the same time."""
    fallen: float
    counter: float


class District:
    """The gauges of one district. Rain of a span is that of the gauge which saw most: dry means dry everywhere."""

    __slots__ = ("_sums", "gauges")

    def __init__(self) -> None:
        self.gauges: dict[str, list[Sample]] = {}
        self._sums: dict[tuple[int, int], float | None] = {}

    def add(self, gauge: str, sample: Sample, window_ms: int = 0) -> None:
        """Takes a sample in. Of a message heard twice within its window the earlier one stays."""
        samples = self.gauges.setdefault(gauge, [])
        first = bisect_left(samples, (sample.observed_ms - window_ms,))
        for index in range(first, bisect_left(samples, (sample.observed_ms + window_ms + 1,))):
            if samples[index].key == sample.key:
                if samples[index].observed_ms <= sample.observed_ms:
                    return
                del samples[index]
                break
        insort(samples, sample)
        self._sums.clear()
        newest = samples[-1].observed_ms
        if samples[0].observed_ms < newest - 2 * KEEP_MS:
            del samples[: bisect_left(samples, (newest - KEEP_MS,))]

    def fallen_mm(self, from_ms: int, to_ms: int) -> float | None:
        """Rain between two times (ms since the epoch, each moved back to whole ten minutes); None: no gauge was heard."""
        span = (from_ms // STEP_MS * STEP_MS, to_ms // STEP_MS * STEP_MS)
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
        sample, before = samples[index], samples[index - 1].counter if index else nan
        if not isnan(sample.fallen):
            total += sample.fallen
        elif not isnan(sample.counter) and not isnan(before):
            total += sample.counter - before if sample.counter >= before else sample.counter
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

    def hear(self, district: str | None, reading: Reading) -> None:
        """Takes a reading of a gauge in; one without rain or without district is no news."""
        fallen, counter = _number(reading.values.get("rain_mm")), _number(reading.values.get("rain_total_mm"))
        if district is not None and not (isnan(fallen) and isnan(counter)):
            sample = Sample(reading.observed_ms, reading.key, fallen, counter)
            self.district(district).add(reading.asset, sample, reading.window_ms)


def _number(value: Value | None) -> float:
    return float(value) if isinstance(value, int | float) else nan
