"""PURE. When a child that still fires after its parent is over is a case of its own: at once, or when its sensor can tell.

A wait always has a physical reason, by name. It counts from the moment at which the parent's fault was gone, not from when the
case was closed: the time that the parent's sensor needed to be sure has helped the child as well.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from functools import lru_cache
from typing import NamedTuple

from astral import Observer
from astral.sun import elevation

from citybrain.kernel.conditions import ConditionInfo
from citybrain.kernel.model import Asset, Kind
from dispatch.verification import NIGHT_S, SETTLE_S, patience_s

REASONS = {
    "at_once": "its sensor has had time to show that it is well, and does not",
    "parent_was_none": "the parent's fault was cancelled: it explains nothing",
    "next_report": "its device has not reported since",
    "lamp_by_day": "by day nobody can see whether a lamp burns",
    "clearing": "its sensor says that it is well, but not for long enough to be believed",
}
"""Why a child is released now or waits: the closed set, with what each means."""

_NO_FAULT = frozenset({"cancelled", "withdrawn"})
_DARK = -6.0
"""Elevation of the sun, in degrees, below which every lamp burns (end of civil twilight)."""
_STEP = timedelta(minutes=10)


class Release(NamedTuple):
    """When a child gets a case of its own, and the reason (a key of REASONS)."""

    at: datetime
    reason: str


def release_at(
    asset: Asset, info: ConditionInfo, phase: str, *, outcome: str, cleared_at: datetime, closed_at: datetime
) -> Release:
    """When a child goes out alone. `cleared_at`: since when the parent's fault is gone; `outcome` that of the parent's case."""
    if outcome in _NO_FAULT:
        return Release(closed_at, "parent_was_none")
    if phase == "clearing":
        return Release(closed_at + timedelta(seconds=patience_s(info)), "clearing")
    least = timedelta(seconds=max(asset.interval_s or SETTLE_S, SETTLE_S))
    if info.kind == Kind.STREETLIGHT and info.cause != "pole":
        dark = None if asset.schedule else dark_from(asset.lat, asset.lon, cleared_at)
        at = cleared_at + timedelta(seconds=NIGHT_S) if dark is None else dark + least
        return Release(
            max(at, closed_at), "lamp_by_day" if at > cleared_at + least and at > closed_at else _late(at, closed_at)
        )
    return Release(max(cleared_at + least, closed_at), _late(cleared_at + least, closed_at))


def _late(at: datetime, closed_at: datetime) -> str:
    return "next_report" if at > closed_at else "at_once"


def dark_from(lat: float | None, lon: float | None, at: datetime) -> datetime | None:
    """The first moment from `at` on at which it is dark, to ten minutes; None for an unknown place or a night without dark."""
    if lat is None or lon is None:
        return None
    return _dark_from(round(lat, 1), round(lon, 1), at)


@lru_cache(maxsize=1024)
def _dark_from(lat: float, lon: float, at: datetime) -> datetime | None:
    observer = Observer(lat, lon)
    moments = (at + number * _STEP for number in range(int(timedelta(seconds=NIGHT_S) / _STEP)))
    return next((moment for moment in moments if elevation(observer, moment) < _DARK), None)
