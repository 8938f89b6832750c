"""PURE. Which case an alert belongs to.

One physical cause is one case. A lamp that goes dark with its whole feeder is a child of the feeder's case; a device that
falls silent with its gateway is a child of the gateway's. Alerts whose condition names what siblings share (`group_by`)
wait `group_wait_s` in a case of their own that is still *gathering*:

- a fault is known, or becomes known, at the cabinet, feeder or gateway: the waiting case is taken up by that case;
- `group_min` siblings of one feeder or cabinet came together: one case on the parent, at once;
- the same for a gateway, but only when the wait of the first is over: until then an electrical fault may still be reported,
  and devices without power are silent too;
- none of these: the order goes out alone.

Every decision carries a named reason.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import NamedTuple

from citybrain.kernel.conditions import ConditionInfo
from citybrain.kernel.model import Asset, Kind, Severity

SEVERITIES = tuple(severity.value for severity in Severity)
"""Gravest first."""


class Group(NamedTuple):
    """What siblings that fall together are: the cause at their parent and its filing item (None: that of the siblings)."""

    cause: str
    filing: str | None


GROUPS: Mapping[str, Group] = {
    "lamp_dark": Group("feeder_trip", "SL-GROUP"),
    "lamp_electric": Group("feeder_voltage", "SL-GROUP"),
    "lamp_schedule": Group("cabinet_schedule", "SL-SCHEDULE"),
    "device_silent": Group("gateway_out", "DEV-REPAIR"),
}
"""cause of the siblings -> what it is at their parent; feeder_trip is also the cause of CAB-TRIP, so both are one case"""

EXPLAINS: Mapping[str, frozenset[str]] = {
    "feeder_trip": frozenset({"lamp_dark", "lamp_electric", "device_silent"}),
    "feeder_voltage": frozenset({"lamp_electric"}),
    "cabinet_schedule": frozenset({"lamp_schedule"}),
    "gateway_out": frozenset({"device_silent"}),
}
"""cause at a cabinet, feeder or gateway -> causes at the assets behind it that it explains"""

_AT_ONCE = frozenset({"feeder", "cabinet"})


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


class OpenCase(NamedTuple):
    """A case that is not closed. `state` is gathering or open; `filing` None: information only."""

    id: str
    asset: str
    kind: str
    cause: str
    condition: str
    state: str
    severity: str = "minor"
    filing: str | None = None
    group_key: str | None = None


class Placement(NamedTuple):
    """Where an alert goes, and why. `parent` is the asset of the group's case, `takes` the waiting cases that it takes up."""

    action: Action
    reason: str
    case_id: str | None = None
    parent: str | None = None
    takes: tuple[str, ...] = ()


@dataclass(slots=True)
class Board:
    """The open cases that matter to a decision. The caller has locked them."""

    cases: dict[str, OpenCase] = field(default_factory=dict)

    @classmethod
    def of(cls, cases: Iterable[OpenCase]) -> Board:
        """A board with these cases."""
        return cls({case.id: case for case in cases})

    def put(self, case: OpenCase) -> None:
        """Add or replace a case."""
        self.cases[case.id] = case

    def drop(self, case_id: str) -> None:
        """A case that is closed now."""
        self.cases.pop(case_id, None)

    def on(self, asset: str) -> Iterator[OpenCase]:
        """Open cases of an asset."""
        return (case for case in self.cases.values() if case.asset == asset)

    def at(self, asset: str, cause: str) -> OpenCase | None:
        """The open case of an asset and cause; there is at most one."""
        return next((case for case in self.on(asset) if case.cause == cause), None)

    def waiting(self) -> Iterator[OpenCase]:
        """Cases that gather."""
        return (case for case in self.cases.values() if case.state == "gathering")


def cause_of(info: ConditionInfo, asset: Asset) -> str:
    """The cause of an alert. A gateway that is silent itself is what its silent devices are explained by."""
    if asset.kind == Kind.GATEWAY and info.cause == "device_silent":
        return GROUPS["device_silent"].cause
    return info.cause


def group_of(info: ConditionInfo) -> Group:
    """What siblings with this condition are together."""
    group = GROUPS.get(info.cause)
    return group if group else Group(f"{info.cause}_group", info.filing)


def waits(info: ConditionInfo) -> bool:
    """Does an order for this condition wait for siblings?"""
    return info.group_by is not None and info.group_wait_s > 0 and info.filing is not None


def group_key(info: ConditionInfo, asset: Asset) -> str | None:
    """What the asset shares with its siblings (`feeder:F1/lamp_dark`); None when the register does not say."""
    shared = {"feeder": asset.feeder, "cabinet": asset.cabinet, "gateway": asset.gateway}.get(info.group_by or "")
    return f"{info.group_by}:{shared}/{info.cause}" if shared else None


def parent_of(asset: Asset, group_by: str, assets: Mapping[str, Asset]) -> Asset:
    """The asset on which a group's case opens: the cabinet for a feeder where there is one, else what is shared itself.

    What is not in the register is made up from the child, so that a unit can be found by its place.
    """
    cabinet = assets.get(asset.cabinet or "")
    if group_by == "feeder" and cabinet is not None and cabinet.feeder in {None, asset.feeder}:
        return cabinet
    shared = {"feeder": asset.feeder, "cabinet": asset.cabinet, "gateway": asset.gateway}[group_by] or asset.id
    known = assets.get(shared)
    if known is not None:
        return known
    return Asset(
        id=shared,
        kind=Kind.GATEWAY if group_by == "gateway" else Kind.CABINET,
        lat=asset.lat,
        lon=asset.lon,
        district=asset.district,
        cell=asset.cell,
        feeder=None if group_by == "gateway" else asset.feeder,
        cabinet=None if group_by == "gateway" else asset.cabinet,
        provisional=True,
    )


def parents(asset: Asset) -> tuple[str, ...]:
    """Ids of what the asset hangs on, electrical first: a fault there would explain a fault here."""
    return tuple(dict.fromkeys(one for one in (asset.cabinet, asset.feeder, asset.gateway) if one and one != asset.id))


def explains(case: OpenCase, asset: Asset, cause: str, assets: Mapping[str, Asset]) -> str | None:
    """The reason (`child_of_cabinet`…) when an open case explains `cause` at `asset`, else None."""
    if case.state != "open" or case.filing is None or case.asset == asset.id:
        return None
    if cause not in EXPLAINS.get(case.cause, _own_group(case.cause)):
        return None
    if asset.gateway == case.asset:
        return "child_of_gateway"
    if asset.feeder == case.asset:
        return "child_of_feeder"
    there = assets.get(case.asset)
    narrower = there.feeder if there else None
    if asset.cabinet == case.asset and (narrower is None or asset.feeder in {None, narrower}):
        return "child_of_cabinet"
    if narrower is not None and asset.feeder == narrower and case.kind == Kind.CABINET:
        return "child_of_feeder"
    return None


def _own_group(cause: str) -> frozenset[str]:
    return frozenset({cause.removesuffix("_group")}) if cause.endswith("_group") else frozenset()


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
