"""PURE. What hangs on what: which causes siblings share, on which asset a group's case opens, which fault explains which."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from citybrain.kernel.conditions import ConditionInfo
from citybrain.kernel.model import Asset, Kind
from dispatch.board import OpenCase


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
