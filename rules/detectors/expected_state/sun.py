"""PURE: when the sun crosses a height at a place. Computed once per place, height and day."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Final

from astral import Observer
from astral.sun import elevation

from citybrain.kernel.times import from_ms

DAY_MS: Final = 86_400_000
HALF_MS: Final = DAY_MS // 2
_EXACT_MS: Final = 15_000

Span = tuple[int, int]
"""From and to, ms since the epoch."""


def local_day(lon: float, at_ms: int) -> int:
    """The number of the day by the mean sun at a longitude: it begins at midnight there, whatever the time zone says."""
    return int((at_ms + lon * 240_000) // DAY_MS)


def noon_ms(lon: float, day: int) -> int:
    """Noon of a local day by the mean sun (ms since the epoch)."""
    return int(day * DAY_MS + HALF_MS - lon * 240_000)


@lru_cache(maxsize=4096)
def sun_above(lat: float, lon: float, degrees: float, day: int) -> Span | None:
    """From when to when the sun is higher than `degrees` on a local day (see `local_day`); None: not at all that day.

    Where it stays above all day, the span is the whole day. Good to 15 s, with refraction.
    """
    noon = noon_ms(lon, day)
    observer = Observer(lat, lon)

    def above(at_ms: int) -> bool:
        return bool(elevation(observer, from_ms(at_ms)) > degrees)

    if not above(noon):
        return None
    return _edge(noon - HALF_MS, noon, above), _edge(noon + HALF_MS, noon, above)


def _edge(outside: int, inside: int, above: Callable[[int], bool]) -> int:
    """Where `above` begins to hold between two times, by halving; `outside` itself where it holds there already."""
    if above(outside):
        return outside
    while abs(inside - outside) > _EXACT_MS:
        middle = (outside + inside) // 2
        if above(middle):
            inside = middle
        else:
            outside = middle
    return inside
