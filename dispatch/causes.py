"""PURE. What hangs on what: on which asset a group's case opens, and which fault explains which."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import NamedTuple

from citybrain.kernel.conditions import ConditionInfo
from citybrain.kernel.model import Asset, Kind
from dispatch.board import OpenCase
from dispatch.hiding import is_hidden
from dispatch.network import Network, shared_of
from dispatch.storm import CAUSE as CATCHMENT_FLOOD
from dispatch.together import GATEWAY_OUT, SILENT, Grouping, Together, cause_of

__all__ = ["EXPLAINS", "Surroundings", "cause_of", "explains", "group_key", "parent_of", "parents"]

EXPLAINS: Mapping[str, frozenset[str]] = {
    "feeder_trip": frozenset({"lamp_dark", "lamp_electric", SILENT}),
    "feeder_voltage": frozenset({"lamp_electric"}),
    "cabinet_schedule": frozenset({"lamp_schedule"}),
    GATEWAY_OUT: frozenset({SILENT}),
    # what belongs to the case of a catchment in a storm is decided there (`storming`)
    CATCHMENT_FLOOD: frozenset(),
}
"""cause at a cabinet, feeder or gateway -> causes at the assets behind it that it explains. A rule of grouping adds to it: the
cause of its parent explains the alerts that it groups."""


class Surroundings(NamedTuple):
    """What decisions about belonging together look up."""

    assets: Mapping[str, Asset]
    network: Network
    grouping: Grouping

    def together(self, info: ConditionInfo, asset: Asset) -> Together | None:
        """What an alert shares with its siblings; None: it stands alone."""
        return self.grouping.of(info, asset)

    def waits(self, info: ConditionInfo, asset: Asset) -> Together | None:
        """The same for an alert whose order waits for its siblings."""
        return self.grouping.of(info, asset) if info.filing is not None else None


def group_key(together: Together, asset: Asset) -> str | None:
    """What the asset shares with its siblings (`feeder:F1/feeder_dark`); None when the register does not say."""
    shared = shared_of(asset, together.group_by)
    return f"{together.group_by}:{shared}/{together.name}" if shared else None


def parent_of(asset: Asset, group_by: str, assets: Mapping[str, Asset]) -> Asset:
    """The asset on which a group's case opens: the cabinet for a feeder where there is one, else what is shared itself.

    What is not in the register is made up from the child, so that a unit can be found by its place.
    """
    cabinet = assets.get(asset.cabinet or "")
    if group_by == "feeder" and cabinet is not None and cabinet.feeder in {None, asset.feeder}:
        return cabinet
    shared = shared_of(asset, group_by) or asset.id
    known = assets.get(shared)
    if known is not None:
        return known
    if group_by == "catchment":
        return replace(asset, id=shared, name="", unit=None, provisional=True)
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


def parents(asset: Asset, around: Surroundings) -> tuple[str, ...]:
    """Ids of what the asset hangs on, electrical first: a fault there would explain a fault here."""
    names = [*_supply(asset, around.network), asset.gateway]
    gateway = around.assets.get(asset.gateway or "")
    if gateway is not None:
        names += _supply(gateway, around.network)
    names.append(asset.catchment)
    return tuple(dict.fromkeys(one for one in names if one and one != asset.id))


def _supply(asset: Asset, network: Network) -> list[str | None]:
    return [asset.cabinet, asset.feeder, *(network.feeding(asset.feeder) if asset.feeder else ())]


def explains(
    case: OpenCase, asset: Asset, cause: str, assets: Mapping[str, Asset], together: Together | None = None
) -> str | None:
    """The reason (`child_of_cabinet`…) when an open case explains `cause` at `asset`, else None."""
    # what a silence hides explains what hangs on it all the same: that is hidden with it
    known = case.state == "open" or is_hidden(case.group_key)
    if not known or case.filing is None or case.asset == asset.id:
        return None
    by_rule = together is not None and together.cause == case.cause
    if not by_rule and cause not in EXPLAINS.get(case.cause, _own_group(case.cause)):
        return None
    if asset.gateway == case.asset:
        return "child_of_gateway"
    if asset.catchment == case.asset:
        return "child_of_catchment"
    reason = _fed_by(asset, case, assets)
    if reason is not None:
        return reason
    gateway = assets.get(asset.gateway or "")
    if cause == SILENT and gateway is not None and _fed_by(gateway, case, assets) is not None:
        return "gateway_without_power"
    return None


def _fed_by(asset: Asset, case: OpenCase, assets: Mapping[str, Asset]) -> str | None:
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
