"""PURE. What is known of a group: the rule, how many fell of how many, and where a feeder is cut."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from citybrain.kernel.model import Asset, Kind
from dispatch.network import Network, shared_of
from dispatch.together import Grouping

CUT = frozenset({"feeder_trip"})
"""Causes under which poles are without power, so that a dead tail means a cut cable."""


def account(
    cause: str, fallen: Collection[str], assets: Mapping[str, Asset], network: Network, grouping: Grouping
) -> dict[str, Any]:
    """The facts of a case with this cause, of which these assets are its children and still down."""
    known = [assets[name] for name in sorted(fallen) if name in assets]
    found: dict[str, Any] = {"fallen": len(fallen)}
    rule = next((one for one in grouping.rules if one.cause == cause), None)
    if rule is not None:
        found["rule"] = rule.name
        shared = {name for asset in known if (name := shared_of(asset, rule.group_by))}
        if len(shared) == 1:
            kind = None if rule.group_by == "gateway" else Kind.STREETLIGHT if cause in CUT else None
            found["of"] = max(network.size(rule.group_by, shared.pop(), kind), len(fallen))
    feeders = {asset.feeder for asset in known if asset.feeder and asset.kind == Kind.STREETLIGHT}
    if cause in CUT and len(feeders) == 1:
        span = network.tail(feeders.pop(), set(fallen))
        if span is not None:
            found["span"] = span._asdict()
    return found
