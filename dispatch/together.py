"""PURE. Which alerts belong together: the rules of grouping, and what they say of one alert."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from citybrain.kernel.conditions import ConditionInfo
from citybrain.kernel.model import Asset, Kind
from dispatch.labels import labels_of
from dispatch.matchers import Matcher, all_match

SILENT = "device_silent"
GATEWAY_OUT = "gateway_out"
"""A gateway that is silent itself is what its silent devices are explained by."""
INTERVAL_S = 300.0
"""How often a group's account is brought up to date, for conditions that only the rulebook groups."""
_AT_ONCE = frozenset({"feeder", "cabinet"})
_OF_CONDITION = frozenset({"condition", "cause", "severity"})
"""Labels that every alert of a condition has in common."""


@dataclass(frozen=True, slots=True)
class Together:
    """What the siblings of one alert share, and when they are one case."""

    name: str
    """Of the rule; the cause for a condition that only the rulebook groups."""
    group_by: str
    wait_s: float
    interval_s: float
    count: int | None
    share: float | None
    within_s: float | None
    """None: as long as they wait."""
    at_once: bool
    cause: str
    """What they are together, at their parent."""
    filing: str | None

    def enough(self, fallen: int, of: int) -> bool:
        """Are so many fallen siblings one case? `of`: how many there are; 0: not known."""
        if fallen < 2:
            return False
        by_count = self.count is not None and fallen >= self.count
        # half an asset more or less must not hang on how a computer writes 0.3
        return by_count or (self.share is not None and of > 0 and fallen >= math.ceil(self.share * of - 1e-9))


@dataclass(frozen=True, slots=True)
class GroupRule:
    """A rule of the table. None: what the condition of the rulebook says. Times in seconds."""

    name: str
    matchers: tuple[Matcher, ...]
    group_by: str
    group_interval_s: float
    cause: str
    filing: str | None
    at_once: bool
    group_wait_s: float | None = None
    count: int | None = None
    share: float | None = None
    within_s: float | None = None

    def of(self, info: ConditionInfo) -> Together | None:
        """What it means for a condition; None when that waits for nobody."""
        wait_s = info.group_wait_s if self.group_wait_s is None else self.group_wait_s
        if wait_s <= 0:
            return None
        count = info.group_min if self.count is None and self.share is None else self.count
        filing = self.filing or info.filing
        return Together(
            self.name,
            self.group_by,
            wait_s,
            self.group_interval_s,
            count,
            self.share,
            self.within_s,
            self.at_once,
            self.cause,
            filing,
        )


@dataclass(frozen=True, slots=True)
class SamePlace:
    """Within which distance (metres) and time (seconds) an alert is the same fault told twice."""

    within_m: float = 50.0
    within_s: float = 86400.0
    matchers: tuple[Matcher, ...] = ()
    """An alert of which one holds joins a neighbour's case even when both are in the register."""


class Grouping:
    """The table of grouping. The first rule whose matchers all hold counts, else the condition's own words."""

    def __init__(self, rules: Sequence[GroupRule] = (), same_place: SamePlace | None = None) -> None:
        self.rules, self.same_place = tuple(rules), same_place or SamePlace()
        used = {matcher.label for rule in self.rules for matcher in rule.matchers}
        self._simple = used <= _OF_CONDITION
        self._known: dict[ConditionInfo, Together | None] = {}
        self._also_simple = {matcher.label for matcher in self.same_place.matchers} <= _OF_CONDITION
        self._also: dict[ConditionInfo, bool] = {}

    def of(self, info: ConditionInfo, asset: Asset) -> Together | None:
        """What an alert of this condition on this asset shares with its siblings; None: it stands alone."""
        if not self._simple:
            return self._found(info, asset)
        if info not in self._known:
            self._known[info] = self._found(info, asset)
        return self._known[info]

    def _found(self, info: ConditionInfo, asset: Asset) -> Together | None:
        labels = _labels(info, asset)
        for rule in self.rules:
            if all_match(rule.matchers, labels):
                return rule.of(info)
        return by_rulebook(info)

    def interval_s(self, cause: str) -> float:
        """How often the account of a group with this cause is brought up to date at most, in seconds."""
        return next((rule.group_interval_s for rule in self.rules if rule.cause == cause), INTERVAL_S)

    def may_stand_beside(self, info: ConditionInfo, asset: Asset) -> bool:
        """May this alert be the fault of a neighbour in the register, told by another sensor?"""
        if not self._also_simple:
            return self._beside(info, asset)
        if info not in self._also:
            self._also[info] = self._beside(info, asset)
        return self._also[info]

    def _beside(self, info: ConditionInfo, asset: Asset) -> bool:
        labels = _labels(info, asset)
        return any(matcher.matches(labels) for matcher in self.same_place.matchers)


def by_rulebook(info: ConditionInfo) -> Together | None:
    """What the condition itself says of its siblings."""
    if info.group_by is None or info.group_wait_s <= 0:
        return None
    return Together(
        name=info.cause,
        group_by=info.group_by,
        wait_s=info.group_wait_s,
        interval_s=INTERVAL_S,
        count=info.group_min,
        share=None,
        within_s=None,
        at_once=info.group_by in _AT_ONCE,
        cause=f"{info.cause}_group",
        filing=info.filing,
    )


def cause_of(info: ConditionInfo, asset: Asset) -> str:
    """The cause of an alert. A gateway that is silent itself is what its silent devices are explained by."""
    return GATEWAY_OUT if asset.kind == Kind.GATEWAY and info.cause == SILENT else info.cause


def _labels(info: ConditionInfo, asset: Asset) -> Mapping[str, str]:
    return labels_of(asset, condition=info.id, cause=info.cause, severity=info.severity)
