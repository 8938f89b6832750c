"""PURE. The network of the city: what stands next to what on a feeder, behind a gateway, in a catchment, along the water.

Everything comes from the assets of the register: `cabinet`, `feeder` and `feeder_pos`, `gateway`, `downstream`, `catchment`. A
rain gauge may measure further catchments: its attribute `catchments` (`c2;c3`).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from typing import NamedTuple

from citybrain.kernel.model import Asset, Kind
from citybrain.kernel.register import Register

SHARED = ("feeder", "cabinet", "gateway", "catchment")
"""What siblings can share: names of fields of an asset."""


class Span(NamedTuple):
    """Where a feeder is cut: between its last live pole and the first dead one, both by id. `dead` poles hang behind it."""

    feeder: str
    last_live: str
    first_dead: str
    dead: int


class Network:
    """The network as it is in one state of the register. It never changes; a new state is a new network."""

    def __init__(self, assets: Iterable[Asset]) -> None:
        self._members: dict[tuple[str, str], list[Asset]] = defaultdict(list)
        self._upstream: dict[str, list[str]] = defaultdict(list)
        self._downstream: dict[str, str] = {}
        self._gauges: dict[str, list[str]] = defaultdict(list)
        self._feeding: dict[str, list[str]] = defaultdict(list)
        for asset in assets:
            if asset.kind == Kind.RAIN_GAUGE:
                further = asset.attributes.get("catchments", "").split(";")
                for name in dict.fromkeys((asset.catchment or "", *(one.strip() for one in further))):
                    if name:
                        self._gauges[name].append(asset.id)
                continue
            if asset.kind == Kind.CABINET and asset.feeder:
                self._feeding[asset.feeder].append(asset.id)
            if asset.feeder or asset.cabinet or asset.gateway or asset.catchment:
                for by, shared in shares(asset):
                    self._members[by, shared].append(asset)
            if asset.downstream:
                self._downstream[asset.id] = asset.downstream
                self._upstream[asset.downstream].append(asset.id)

    def members(self, by: str, shared: str, kind: str | None = None) -> list[str]:
        """Ids of the assets that share a feeder, cabinet, gateway or catchment, of one kind or of any."""
        return [one.id for one in self._members.get((by, shared), ()) if kind is None or one.kind == kind]

    def size(self, by: str, shared: str, kind: str | None = None) -> int:
        """How many they are."""
        found = self._members.get((by, shared), ())
        return len(found) if kind is None else sum(one.kind == kind for one in found)

    def feeding(self, feeder: str) -> list[str]:
        """The cabinets of a feeder."""
        return self._feeding.get(feeder, [])

    def poles(self, feeder: str) -> list[str]:
        """The poles of a feeder from the cabinet outwards; those without a place on it are left out."""
        placed = [
            (one.feeder_pos, one.id)
            for one in self._members.get(("feeder", feeder), ())
            if one.feeder_pos is not None and one.kind == Kind.STREETLIGHT
        ]
        return [name for _, name in sorted(placed)]

    def neighbours(self, asset: Asset) -> list[str]:
        """What stands next to an asset: the poles before and after it on its feeder, the drains before and after it."""
        poles = self.poles(asset.feeder) if asset.feeder and asset.feeder_pos is not None else []
        found: list[str] = []
        if asset.id in poles:
            at = poles.index(asset.id)
            found += poles[max(at - 1, 0) : at] + poles[at + 1 : at + 2]
        found += sorted(self._upstream.get(asset.id, ()))
        return found + [one for one in (self._downstream.get(asset.id),) if one is not None]

    def downstream_of(self, asset_id: str) -> list[str]:
        """Where the water of an asset goes, one after the other. A ring in the register ends where it began."""
        found: list[str] = []
        at = self._downstream.get(asset_id)
        while at is not None and at != asset_id and at not in found:
            found.append(at)
            at = self._downstream.get(at)
        return found

    def upstream_of(self, asset_id: str) -> list[str]:
        """Everything whose water comes past an asset, nearest first."""
        found: dict[str, None] = {}
        edge = [asset_id]
        while edge:
            edge = [one for at in edge for one in sorted(self._upstream.get(at, ())) if one not in found and one != asset_id]
            found.update(dict.fromkeys(edge))
        return list(found)

    def gauges(self, catchment: str) -> list[str]:
        """The rain gauges of a catchment."""
        return self._gauges.get(catchment, [])

    def tail(self, feeder: str, dead: Collection[str], unknown: Collection[str] = ()) -> Span | None:
        """The span before a dead tail: all poles from some place on to the end are dead, all before it are not.

        Poles of which nothing is known (`unknown`) are passed over. None when the whole feeder is dead, when a live pole stands
        behind a dead one, when only one pole is dead (that is the lamp), or when the order of the poles is not known.
        """
        poles = [one for one in self.poles(feeder) if one in dead or one not in unknown]
        first = next((number for number, one in enumerate(poles) if one in dead), 0)
        behind = poles[first:]
        if first == 0 or len(behind) < 2 or any(one not in dead for one in behind):
            return None
        return Span(feeder, poles[first - 1], poles[first], len(behind))


def shares(asset: Asset) -> list[tuple[str, str]]:
    """What an asset shares with others: `("feeder", "F1")`…"""
    return [(by, shared) for by in SHARED if (shared := shared_of(asset, by))]


def shared_of(asset: Asset, by: str) -> str | None:
    """What an asset shares of one kind; None when the register does not say."""
    found: str | None = getattr(asset, by) if by in SHARED else None
    return found or None


_latest: tuple[Mapping[str, Asset], int, int, Network] = ({}, 0, 0, Network(()))


def network_of(register: Register) -> Network:
    """The network of a register. The latest one is kept; another version, or an asset more, is another network."""
    global _latest
    assets, version, count, network = _latest
    if assets is not register.assets or version != register.version or count != len(register.assets):
        count = len(register.assets)
        network = Network(list(register.assets.values()))
        _latest = (register.assets, register.version, count, network)
    return network
