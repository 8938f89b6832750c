"""PURE. Where a series was put back: cleaned, replaced, repaired. After that a trend begins anew."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import median

from forecast.days import Point
from forecast.trend import jitter

_BEFORE, _AFTER, _LEAST_AFTER = 5, 4, 2
_NOISES = 5.0


def last_step(points: Sequence[Point], least: float) -> float | None:
    """The time of the newest lasting drop of at least `least` (and of five times the noise); None when there is none.

    Two values that stay down are enough, so that a cleaning is known two days later. For what rises when it is put back,
    give the values with the other sign.
    """
    values = [value for _, value in points]
    need = max(least, _NOISES * jitter(values))
    best: tuple[float, int] | None = None
    for cut in range(len(values) - _LEAST_AFTER, 1, -1):
        before, after = values[max(0, cut - _BEFORE) : cut], values[cut : cut + _AFTER]
        drop = median(before) - median(after)
        if drop >= need and values[cut - 1] - values[cut] >= need / 2:
            # the sharpest place of one and the same drop
            if best is not None and best[1] - cut > _AFTER:
                break
            if best is None or values[cut - 1] - values[cut] > best[0]:
                best = (values[cut - 1] - values[cut], cut)
        elif best is not None:
            break
    return points[best[1]][0] if best is not None else None
