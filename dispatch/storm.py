"""PURE. Storm mode: when it begins and ends in a district, and which drain is worked on first.

When a district has more open cases than its crews can have at a time, one order for each drain is no plan any more: the drains
are grouped by catchment, one order each, and ranked within it by what is at stake. When the district is calm again the drains
that are still bad get their own orders.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, time, timedelta, tzinfo
from enum import StrEnum
from typing import NamedTuple

from citybrain.kernel.model import Asset

CAUSE = "catchment_flood"
"""Cause of the case of a catchment in a storm."""


@dataclass(frozen=True, slots=True)
class Weights:
    """Points for what is at stake. `freeboard_mm` are (at most so much, points), least first."""

    freeboard_mm: tuple[tuple[float, float], ...] = ()
    overflow: float = 0
    street_class: Mapping[str, float] = field(default_factory=dict)
    near: Mapping[str, float] = field(default_factory=dict)
    night: float = 0


@dataclass(frozen=True, slots=True)
class StormRules:
    """The table of storm mode; see `dispatch/data/storm.yml`."""

    kinds: frozenset[str]
    causes: frozenset[str]
    filing: str
    crews: float
    per_crew: float
    districts: Mapping[str, float] = field(default_factory=dict)
    begin_above: float = 1.0
    end_below: float = 0.5
    calm: timedelta = timedelta(hours=1)
    night: tuple[time, time] = (time(22), time(6))
    weights: Weights = field(default_factory=Weights)

    def capacity(self, district: str) -> float:
        """So many open cases the crews of a district can have at a time."""
        return self.districts.get(district, self.crews) * self.per_crew

    def concerns(self, kind: str, cause: str) -> bool:
        """Is this a fault that is grouped in a storm?"""
        return kind in self.kinds and cause in self.causes


class Step(StrEnum):
    """What to do about a district."""

    NOTHING = "nothing"
    BEGIN = "begin"
    HOLD = "hold"
    """the storm goes on"""
    CALM = "calm"
    """few cases are left: remember since when"""
    END = "end"


class Verdict(NamedTuple):
    """A step and its reason."""

    step: Step
    reason: str


def decide(rules: StormRules, district: str, cases: int, *, storm: bool, calm_since: datetime | None, now: datetime) -> Verdict:
    """What to do about a district with so many open cases. `storm`: one is on; `calm_since`: since when few are left of it."""
    capacity = rules.capacity(district)
    if not storm:
        if cases > capacity * rules.begin_above:
            return Verdict(Step.BEGIN, "more_cases_than_crews")
        return Verdict(Step.NOTHING, "crews_can_do_it")
    if cases >= capacity * rules.end_below:
        return Verdict(Step.HOLD, "still_many_cases")
    if calm_since is None:
        return Verdict(Step.CALM, "few_cases_left")
    if now - calm_since >= rules.calm:
        return Verdict(Step.END, "calm_for_long_enough")
    return Verdict(Step.CALM, "not_calm_for_long_enough")


class Stake(NamedTuple):
    """What a drain's rank is made of: points by name, and their sum."""

    asset: str
    points: float
    why: Mapping[str, float]


def stake(asset: Asset, conditions: Sequence[str], freeboard_mm: float | None, weights: Weights, *, night: bool) -> Stake:
    """What is at stake at one drain. `freeboard_mm` is the room between water and rim, None when nobody knows."""
    why: dict[str, float] = {}
    if any(condition.endswith("OVERFLOW") for condition in conditions):
        why["overflow"] = weights.overflow
    elif freeboard_mm is not None:
        why["freeboard"] = next((points for most, points in weights.freeboard_mm if freeboard_mm <= most), 0.0)
    why["street_class"] = weights.street_class.get(asset.street_class or "", 0.0)
    for near in asset.attributes.get("near", "").split(";"):
        why[f"near_{near.strip()}"] = weights.near.get(near.strip(), 0.0)
    if night:
        why["night"] = weights.night
    said = {name: points for name, points in why.items() if points}
    return Stake(asset.id, sum(said.values()), said)


def ranked(stakes: Sequence[Stake]) -> list[Stake]:
    """The order in which drains are worked on: most at stake first, then by name."""
    return sorted(stakes, key=lambda one: (-one.points, one.asset))


def is_night(now: datetime, tz: tzinfo, night: tuple[time, time]) -> bool:
    """Is it night on the wall of a unit?"""
    clock, (begin, end) = now.astimezone(tz).time(), night
    return begin <= clock < end if begin <= end else clock >= begin or clock < end
