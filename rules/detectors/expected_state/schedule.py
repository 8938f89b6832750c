"""PURE: when a lamp must be lit, by the sun at its place and by the schedule it belongs to."""

from __future__ import annotations

import re
from datetime import datetime, time, timedelta, tzinfo
from typing import Final, NamedTuple
from zoneinfo import ZoneInfo

from citybrain.kernel.times import from_ms, to_ms
from rules.detectors.expected_state.sun import local_day, noon_ms, sun_above

DUSK_TO_DAWN: Final = "dusk-dawn"
ALWAYS: Final = "always"
NEVER: Final = "never"
_CLOCK: Final = re.compile(r"([01]\d|2[0-3]):([0-5]\d)")
_FOREVER: Final = 1 << 60


class Part(NamedTuple):
    """A part of the night."""

    begin: time | None
    """None: dusk."""
    end: time | None
    """None: dawn."""


def parse(spec: str) -> tuple[Part, ...]:
    """The parts of a schedule such as `dusk-23:30 05:00-dawn`. Raises ValueError for one that cannot be read."""
    if spec in (ALWAYS, NEVER):
        return ()
    try:
        pairs = [part.split("-") for part in spec.split()]
        parts = tuple(Part(_clock(begin, "dusk"), _clock(end, "dawn")) for begin, end in pairs)
    except ValueError:
        parts = ()
    if not parts:
        raise ValueError(f"{spec!r} is not a schedule: give always, never, or parts such as dusk-23:30 05:00-dawn")
    return parts


def _clock(text: str, sun: str) -> time | None:
    found = _CLOCK.fullmatch(text)
    if found is None and text != sun:
        raise ValueError(text)
    return time(int(found[1]), int(found[2])) if found else None


class Duty:
    """Whether a lamp must be lit (`lit` true) or must be dark at a moment.

    The moments of switching are those at which the sun passes `degrees`, or the schedule's; for `grace_ms` before and after
    them nothing is asked of the lamp. Asked again for the same hours, as thousands of lamps do, it answers from memory.
    """

    __slots__ = ("_from", "_grace", "_lat", "_lit", "_lon", "_parts", "_spec", "_sun", "_to", "_true", "_zone")

    def __init__(self, spec: str, lat: float, lon: float, degrees: float, grace_ms: int, zone: tzinfo, *, lit: bool) -> None:
        self._spec, self._parts = spec, parse(spec)
        self._lat, self._lon, self._sun, self._zone = lat, lon, degrees, zone
        self._grace = -grace_ms if lit else grace_ms
        self._lit = lit
        self._from = self._to = 0
        self._true = False

    def asked(self, at_ms: int) -> bool:
        """Whether at this moment (ms since the epoch) the lamp must be lit, or dark."""
        if not self._from <= at_ms < self._to:
            self._look(at_ms)
        return self._true

    def _look(self, at_ms: int) -> None:
        if not self._parts:
            self._from, self._to, self._true = -_FOREVER, _FOREVER, (self._spec == ALWAYS) is self._lit
            return
        today = local_day(self._lon, at_ms)
        spans = [span for day in (today - 2, today - 1, today, today + 1) for span in self._night(day)]
        burning = any(begin <= at_ms < end for begin, end in spans)
        edges = [edge for span in spans for edge in span]
        self._from = max((edge for edge in edges if edge <= at_ms), default=at_ms)
        self._to = min((edge for edge in edges if edge > at_ms), default=at_ms + 1)
        self._true = burning is self._lit

    def _night(self, day: int) -> list[tuple[int, int]]:
        """When the lamp burns in the night after a local day; wider by the grace, or narrower where it must be lit."""
        evening, morning = sun_above(self._lat, self._lon, self._sun, day), sun_above(self._lat, self._lon, self._sun, day + 1)
        noon, next_noon = noon_ms(self._lon, day), noon_ms(self._lon, day + 1)
        # In a polar night nothing is switched at noon, so there is no grace either.
        dusk = evening[1] if evening else noon + self._grace
        dawn = morning[0] if morning else next_noon - self._grace
        spans = []
        for part in self._parts:
            begin = self._moment(part.begin, noon) if part.begin else dusk
            end = self._moment(part.end, noon) if part.end else dawn
            if begin - self._grace < end + self._grace:
                spans.append((begin - self._grace, end + self._grace))
        return spans

    def _moment(self, clock: time, noon: int) -> int:
        """The clock time in the night that begins at a noon."""
        midday = from_ms(noon).astimezone(self._zone)
        day = midday.date() if clock.hour >= 12 else midday.date() + timedelta(days=1)
        return to_ms(datetime.combine(day, clock, self._zone))


def zone(name: str) -> tzinfo:
    """A time zone by its IANA name. Raises ValueError for one that is not known."""
    try:
        return ZoneInfo(name)
    except (KeyError, OSError) as error:
        raise ValueError(f"timezone: {name!r} is not an IANA time zone such as Europe/London") from error
