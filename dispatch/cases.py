"""PURE. Which case an alert belongs to.

One physical cause is one case. A lamp that goes dark with its whole feeder is a child of the feeder's case; a device that
falls silent with its gateway is a child of the gateway's. Alerts whose condition names what siblings share (`group_by`)
wait `group_wait_s` in a case of their own that is still *gathering*:

- a fault is known, or becomes known, at the cabinet, feeder or gateway: the waiting case is taken up by that case;
- `group_min` siblings of one feeder or cabinet came together: one case on the parent, at once;
- the same for a gateway, but only when the wait of the first is over: until then an electrical fault may still be reported,
  and devices without power are silent too;
- none of these: the order goes out alone.

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
from dispatch.causes import cause_of, explains, group_key, group_of, parent_of, waits

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


def place(asset: Asset, info: ConditionInfo, board: Board, assets: Mapping[str, Asset]) -> Placement:
    """Where a new alert goes. `board` holds the open cases of its asset, of its parents, and of its waiting siblings."""
    cause = cause_of(info, asset)
    own = board.at(asset.id, cause)
    if own is not None:
        return Placement(Action.JOIN, "same_asset_and_cause", own.id)
    child = _child(asset, info, board, assets)
    if child is not None:
        return child
    key = group_key(info, asset)
    if waits(info) and key is not None:
        siblings = _siblings(key, board, but=asset.id)
        enough = len({case.asset for case in siblings}) + 1 >= info.group_min
        group = _group(asset, info, siblings, board, assets) if enough and info.group_by in _AT_ONCE else None
        return group or Placement(Action.GATHER, "waits_for_siblings")
    newborn = OpenCase("", asset.id, asset.kind, cause, info.id, "open", filing=info.filing)
    return Placement(
        Action.OPEN,
        "no_order_by_rule" if info.filing is None else "alone",
        takes=tuple(case.id for case in board.waiting() if _taken(newborn, case, assets)),
    )


def if_told_late(found: Placement, info: ConditionInfo, raised_at: datetime, now: datetime) -> Placement:
    """The same placement, but an order of its own waits when the alert is news of the past."""
    if found.action is Action.OPEN and info.filing is not None and not found.takes and now - raised_at > TOLD_LATE:
        return Placement(Action.GATHER, TOLD_LATE_REASON)
    return found


def wait_over(case: OpenCase, asset: Asset, info: ConditionInfo, board: Board, assets: Mapping[str, Asset]) -> Placement:
    """Where a waiting case goes when its wait is over: under a parent, into a group, or out alone."""
    child = _child(asset, info, board, assets)
    if child is not None:
        return child
    siblings = _siblings(case.group_key or "", board, but=None)
    enough = info.group_by is not None and len({one.asset for one in siblings} | {case.asset}) >= info.group_min
    group = _group(asset, info, siblings, board, assets) if enough else None
    return group or Placement(Action.OPEN, "wait_over", case.id)


def release(asset: Asset, info: ConditionInfo, board: Board, assets: Mapping[str, Asset]) -> Placement:
    """Where a child goes whose parent's case is closed although the child still fires: nowhere to wait any more."""
    own = board.at(asset.id, cause_of(info, asset))
    if own is not None:
        return Placement(Action.JOIN, "same_asset_and_cause", own.id)
    return _child(asset, info, board, assets) or Placement(Action.OPEN, "parent_cleared")


def gravest(one: str, other: str) -> str:
    """The graver of two severities; an unknown one counts least."""
    return min(one, other, key=lambda each: SEVERITIES.index(each) if each in SEVERITIES else len(SEVERITIES))


def _child(asset: Asset, info: ConditionInfo, board: Board, assets: Mapping[str, Asset]) -> Placement | None:
    if info.group_by is None:
        return None
    for case in _electrical_first(board.cases.values()):
        reason = explains(case, asset, info.cause, assets)
        if reason is not None:
            return Placement(Action.CHILD, reason, case.id, case.asset)
    return None


def _electrical_first(cases: Iterable[OpenCase]) -> list[OpenCase]:
    return sorted(cases, key=lambda case: (case.kind == Kind.GATEWAY, case.id))


def _siblings(key: str, board: Board, *, but: str | None) -> list[OpenCase]:
    return [case for case in board.waiting() if case.group_key == key and case.asset != but]


def _taken(parent: OpenCase, case: OpenCase, assets: Mapping[str, Asset]) -> bool:
    child = assets.get(case.asset)
    return child is not None and explains(parent, child, case.cause, assets) is not None


def _group(
    asset: Asset, info: ConditionInfo, siblings: Iterable[OpenCase], board: Board, assets: Mapping[str, Asset]
) -> Placement | None:
    parent = parent_of(asset, info.group_by or "", assets)
    cause, filing = group_of(info)
    if board.at(parent.id, cause) is not None:
        # one that explains nothing here, such as a case for information: the siblings go out on their own
        return None
    newborn = OpenCase("", parent.id, parent.kind, cause, info.id, "open", filing=filing)
    takes = {case.id for case in siblings} | {case.id for case in board.waiting() if _taken(newborn, case, assets)}
    return Placement(Action.GROUP, "group_formed", None, parent.id, tuple(sorted(takes)))
