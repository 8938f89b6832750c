"""PURE. What a trend says about one asset: a date with its interval and evidence, or the reason why there is none."""

from __future__ import annotations

from enum import StrEnum
from typing import Final, NamedTuple

from forecast.days import ms_of
from forecast.trend import Crossing


class Plan(StrEnum):
    """The kinds of forecasts."""

    SILT = "silt"
    BATTERY = "battery"
    COVER = "cover"
    LAMP = "lamp"
    REPEAT = "repeat"


class Why(StrEnum):
    """Why there is a planned order, or why there is none."""

    AHEAD = "ahead"
    """the date is within the horizon: planned"""
    MET = "met"
    """the threshold is met already: planned"""
    REPEATED = "repeated"
    """the same fault came too often: planned"""
    FAR_AWAY = "far_away"
    """there is a date, and time"""
    UNCERTAIN = "uncertain"
    """the interval is too wide to plan by"""
    NO_TREND = "no_trend"
    NORMAL = "normal"
    """nothing out of the ordinary: too small a trend, or like its peers"""
    TOO_FEW_DAYS = "too_few_days"
    STALE = "stale"
    """no readings of late"""
    NO_THRESHOLD = "no_threshold"
    """the register does not say what is needed (a pipe's diameter)"""
    NO_MODEL = "no_model"
    """no battery of the table fits the device"""
    UNKNOWN_START = "unknown_start"
    """nobody knows since when the battery is in use"""
    TOO_FEW_PEERS = "too_few_peers"
    NOT_REPEATED = "not_repeated"
    ACUTE = "acute"
    """an order for the fault itself is open"""


PLANNED: Final = frozenset({Why.AHEAD, Why.MET, Why.REPEATED})
CALM: Final = frozenset({Why.NO_TREND, Why.NORMAL, Why.NOT_REPEATED})
"""the readings say that all is well (the others say that they do not know)"""

Fact = tuple[str, float | str]
"""a name and what was found"""


class Finding(NamedTuple):
    """One forecast of one asset. Times are ms since 1970 (UTC), None where there is no date.

    `since_ms`: where the trend begins (the last reset, else the first day that was looked at). `reset_ms`: the newest time at
    which it was put back, if any was seen. `points`: newest (time ms, measure, value) of what it was made of.
    """

    plan: Plan
    asset: str
    why: Why
    at_ms: int | None = None
    low_ms: int | None = None
    high_ms: int | None = None
    since_ms: int | None = None
    reset_ms: int | None = None
    samples: int = 0
    facts: tuple[Fact, ...] = ()
    points: tuple[tuple[int, str, float], ...] = ()
    detail: str = ""

    @property
    def planned(self) -> bool:
        """Does it ask for an order?"""
        return self.why in PLANNED


def judged(
    finding: Finding, found: Crossing, today: float, *, horizon: float, width_max: float, early: bool = False
) -> Finding:
    """The finding with its date, and with what that date means today. `horizon` and `width_max` are days.

    `early`: the early end of the interval decides, not the best guess.
    """
    dated = finding._replace(at_ms=ms_of(found.at), low_ms=ms_of(found.low), high_ms=ms_of(found.high))
    if found.at <= today:
        return dated._replace(why=Why.MET)
    if found.high - found.low > width_max:
        return dated._replace(why=Why.UNCERTAIN)
    near = (found.low if early else found.at) - today <= horizon
    return dated._replace(why=Why.AHEAD if near else Why.FAR_AWAY)
