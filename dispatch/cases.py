"""PURE. Which case an alert belongs to.

One physical cause is one case. A lamp that goes dark with its whole feeder is a child of the feeder's case; a device that
falls silent with its gateway is a child of the gateway's. Alerts that the table of grouping knows siblings of wait
(`group_wait`) in a case of their own that is still *gathering*:

- a fault is known, or becomes known, at the cabinet, feeder or gateway: the waiting case is taken up by that case;
- enough siblings of one feeder or cabinet (`at_least`) came together (`within`): one case on the parent, at once;
- the same for a gateway, but only when the wait of the first is over: until then an electrical fault may still be reported,
  and devices without power are silent too;
- none of these: the order goes out alone.

A fault that a neighbour has told already (`same_place`) is a child of that neighbour's case.

An alert that was raised long before it is told (a device sends what it had stored) waits a minute: what is past never goes out.

Every decision carries a named reason.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from enum import StrEnum
from typing import NamedTuple

from citybrain.kernel.conditions import ConditionInfo
from citybrain.kernel.model import Asset, Kind, Severity
from dispatch.board import Board, OpenCase
from dispatch.causes import Surroundings, cause_of, explains, group_key, parent_of, parents
from dispatch.network import shared_of
from dispatch.together import Together

SEVERITIES = tuple(severity.value for severity in Severity)
"""Gravest first."""

_AT_ONCE = frozenset({"feeder", "cabinet"})

TOLD_LATE = timedelta(minutes=15)
"""An alert raised so long ago is news of the past: a device sends what it had stored, and its end may come with it."""
TOLD_LATE_REASON = "told_late"
TOLD_LATE_WAIT = timedelta(seconds=60)
"""So long its order waits for the rest of the story. What is over by then never goes out."""


class Action(StrEnum):
    """What becomes of an alert."""

    JOIN = "join"
    """it belongs to an open case of its asset"""
    CHILD = "child"
    """it belongs to the case of what it hangs on"""
    OPEN = "open"
    """a case of its own, with its order at once"""
    GATHER = "gather"
    """a case of its own whose order waits for siblings"""
    GROUP = "group"
    """a new case on the parent, which takes up the waiting siblings"""


class Placement(NamedTuple):
    """Where an alert goes, and why. `parent` is the asset of the group's case, `takes` the waiting cases that it takes up."""

    action: Action
    reason: str
    case_id: str | None = None
    parent: str | None = None
    takes: tuple[str, ...] = ()


def place(
    asset: Asset, info: ConditionInfo, board: Board, around: Surroundings, raised_at: datetime | None = None
) -> Placement:
    """Where a new alert goes. `board` holds the open cases of its asset, its parents, its waiting siblings, and around it.

    Without `raised_at` the times of siblings are not compared.
    """
    cause = cause_of(info, asset)
    own = board.at(asset.id, cause)
    beside = None
    if own is None or (own.filing is None and info.filing is not None):
        beside = _beside(asset, info, cause, board, around, raised_at)
    if own is not None:
        if beside is None:
            return Placement(Action.JOIN, "same_asset_and_cause", own.id)
        return beside._replace(takes=(own.id,))
    child = _child(asset, info, board, around) or beside
    if child is not None:
        return child
    together = around.waits(info, asset)
    key = group_key(together, asset) if together else None
    if together is not None and key is not None:
        siblings = [case for case in board.waiting_for(key) if case.asset != asset.id]
        enough = together.at_once and _enough(asset, together, siblings, around, raised_at)
        group = _group(asset, together, info, siblings, board, around.assets) if enough else None
        return group or Placement(Action.GATHER, "waits_for_siblings")
    newborn = OpenCase("", asset.id, asset.kind, cause, info.id, "open", filing=info.filing)
    return Placement(
        Action.OPEN, "no_order_by_rule" if info.filing is None else "alone", takes=_taken(newborn, board, around.assets)
    )


def if_told_late(found: Placement, info: ConditionInfo, raised_at: datetime, now: datetime) -> Placement:
    """The same placement, but an order of its own waits when the alert is news of the past."""
    if found.action is Action.OPEN and info.filing is not None and not found.takes and now - raised_at > TOLD_LATE:
        return Placement(Action.GATHER, TOLD_LATE_REASON)
    return found


def wait_over(case: OpenCase, asset: Asset, info: ConditionInfo, board: Board, around: Surroundings) -> Placement:
    """Where a waiting case goes when its wait is over: under a parent, into a group, or out alone."""
    child = _child(asset, info, board, around) or _beside(asset, info, case.cause, board, around, case.raised_at)
    if child is not None:
        return child
    together = around.waits(info, asset)
    if together is not None and case.group_key is not None:
        siblings = list(board.waiting_for(case.group_key))
        others = [one for one in siblings if one.asset != case.asset]
        if _enough(asset, together, others, around, case.raised_at):
            group = _group(asset, together, info, siblings, board, around.assets)
            if group is not None:
                return group
    return Placement(Action.OPEN, "wait_over", case.id)


def release(asset: Asset, info: ConditionInfo, board: Board, around: Surroundings) -> Placement:
    """Where a child goes whose parent's case is closed although the child still fires: nowhere to wait any more."""
    own = board.at(asset.id, cause_of(info, asset))
    if own is not None:
        return Placement(Action.JOIN, "same_asset_and_cause", own.id)
    return _child(asset, info, board, around) or Placement(Action.OPEN, "parent_cleared")


def gravest(one: str, other: str) -> str:
    """The graver of two severities; an unknown one counts least."""
    return min(one, other, key=lambda each: SEVERITIES.index(each) if each in SEVERITIES else len(SEVERITIES))


def _child(asset: Asset, info: ConditionInfo, board: Board, around: Surroundings) -> Placement | None:
    together = around.together(info, asset)
    if together is None:
        return None
    cases = {case.id: case for name in parents(asset, around) for case in board.on(name)}
    for case in _electrical_first(cases.values()):
        reason = explains(case, asset, info.cause, around.assets, together)
        if reason is not None:
            return Placement(Action.CHILD, reason, case.id, case.asset)
    return None


def _beside(
    asset: Asset, info: ConditionInfo, cause: str, board: Board, around: Surroundings, raised_at: datetime | None
) -> Placement | None:
    """The open case of the same fault, told by a neighbour (see `same_place` in grouping.yml)."""
    if asset.lat is None or asset.lon is None or not may_stand_beside(info, asset, around):
        return None
    same, always = around.grouping.same_place, around.grouping.may_stand_beside(info, asset)
    for case in board.around(cause, asset.lat, asset.lon, same.within_m):
        if case.asset == asset.id or case.kind != asset.kind or case.filing is None:
            continue
        known = around.assets.get(case.asset)
        if not always and (known is None or known.provisional):
            # two strangers: nothing says that they are one
            continue
        if raised_at is None or case.raised_at is None or abs((raised_at - case.raised_at).total_seconds()) <= same.within_s:
            return Placement(Action.CHILD, "same_place", case.id, case.asset)
    return None


def may_stand_beside(info: ConditionInfo, asset: Asset, around: Surroundings) -> bool:
    """Could this alert be a fault that a neighbour has told already?"""
    return asset.provisional or around.grouping.may_stand_beside(info, asset)


def _electrical_first(cases: Iterable[OpenCase]) -> list[OpenCase]:
    return sorted(cases, key=lambda case: (case.kind == Kind.GATEWAY, case.id))


def _enough(
    asset: Asset, together: Together, siblings: Iterable[OpenCase], around: Surroundings, raised_at: datetime | None
) -> bool:
    """Did enough siblings fall together, this one among them? Times are compared to within the reporting interval of the
    slowest: nobody knows better when each of them fell."""
    slack = asset.interval_s or 0.0
    times: dict[str, float] = {}
    for case in siblings:
        known = around.assets.get(case.asset)
        slack = max(slack, known.interval_s or 0.0) if known else slack
        apart = 0.0
        if together.within_s is not None and raised_at is not None and case.raised_at is not None:
            apart = (case.raised_at - raised_at).total_seconds()
        times[case.asset] = min(apart, times.get(case.asset, apart), key=abs)
    fallen = 1 + (len(times) if together.within_s is None else _most(list(times.values()), together.within_s + slack))
    if together.share is None:
        return together.enough(fallen, 0)
    kind = None if together.group_by == "gateway" else asset.kind
    shared = shared_of(asset, together.group_by) or ""
    return together.enough(fallen, around.network.size(together.group_by, shared, kind))


def _most(times: list[float], length: float) -> int:
    """The most of some times (seconds before and after 0) in a window of a length that has 0 in it."""
    near = sorted(time for time in times if abs(time) <= length)
    first = most = 0
    for last, end in enumerate(near):
        while max(end, 0.0) - min(near[first], 0.0) > length:
            first += 1
        most = max(most, last - first + 1)
    return most


def _taken(parent: OpenCase, board: Board, assets: Mapping[str, Asset]) -> tuple[str, ...]:
    """The waiting cases that a new case explains."""
    found = []
    for case in board.waiting_below(parent.asset):
        child = assets.get(case.asset)
        if child is not None and explains(parent, child, case.cause, assets) is not None:
            found.append(case.id)
    return tuple(found)


def _group(
    asset: Asset,
    together: Together,
    info: ConditionInfo,
    siblings: Iterable[OpenCase],
    board: Board,
    assets: Mapping[str, Asset],
) -> Placement | None:
    parent = parent_of(asset, together.group_by, assets)
    if board.at(parent.id, together.cause) is not None:
        # one that explains nothing here, such as a case for information: the siblings go out on their own
        return None
    newborn = OpenCase("", parent.id, parent.kind, together.cause, info.id, "open", filing=together.filing)
    takes = {case.id for case in siblings} | set(_taken(newborn, board, assets))
    return Placement(Action.GROUP, "group_formed", None, parent.id, tuple(sorted(takes)))
