"""PURE. Silences: what they cover, and which of many covers an alert.

A silence belongs to the key of an alert (its asset, its condition, and what else its labels say) and not to an episode, so it
survives flapping: whatever comes and goes under the key is hidden until the silence ends. There are four sorts, told apart by
how they are written and not by what they do:

    silence   matchers, from now or later, until a time or until the alert is over
    window    a silence that comes again (`dispatch.windows`)
    works     planned works: an asset with what hangs on it, a feeder, a street, or an area
    opening   a cover that may be open for a while: until it must be closed, it is known and no order
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType
from typing import Any, Final, NamedTuple

import shapely
from shapely.geometry import shape

from citybrain.kernel.conditions import ConditionInfo
from citybrain.kernel.errors import StateError
from citybrain.kernel.model import Asset
from dispatch.cases import Action, Placement
from dispatch.causes import cause_of
from dispatch.hiding import SILENCED
from dispatch.labels import labels_of
from dispatch.matchers import Matcher, all_match
from dispatch.windows import Recurrence

SORTS: Final = ("silence", "window", "works", "opening")

TABLE: Final[Mapping[str, Mapping[str, str]]] = MappingProxyType(
    {
        "planned": {"begin": "active", "drop": "ended"},
        # a window comes again
        "active": {"end": "ended", "turn": "planned"},
        "ended": {},
    }
)
"""state -> event -> next state"""
STATES: Final = tuple(TABLE)

SILENCE_ENDED: Final = "silence_ended"
OPENING_APPROVED: Final = "opening_approved"
LEFT_OPEN: Final = "left_open"
"""the cover of an approved opening is open when it must be closed"""

OPENING_CONDITIONS: Final = ("MH-OPEN", "MH-GONE")
"""What a sensor says of a cover that a crew has opened."""

_SELECTIVE: Final = ("asset", "cell", "cabinet", "feeder", "gateway", "catchment", "model", "district", "condition", "unit")
"""Labels by which silences are found, the most telling first; any other one comes after these."""
_ALTERNATIVES = re.compile(r"[\w\-:]+(\|[\w\-:]+)*")
"""A regular expression that only lists words."""


def turn(state: str, event: str) -> str:
    """The state of a silence after `event`. Raises StateError when the table does not allow it."""
    try:
        return TABLE[state][event]
    except KeyError:
        raise StateError("silence", state, event) from None


class Scope(NamedTuple):
    """Where planned works are. Everything that is given must hold. `polygon` is a GeoJSON geometry in WGS 84."""

    asset: str | None = None
    """The asset itself and what hangs on it: what is behind a cabinet or a gateway."""
    feeder: str | None = None
    street: str | None = None
    """Attribute `street` of the asset; upper and lower case are the same."""
    district: str | None = None
    cell: str | None = None
    polygon: Mapping[str, Any] | None = None

    def covers(self, asset: Asset) -> bool:
        """Does an asset lie in it?"""
        if self.asset is not None and self.asset not in _at(asset):
            return False
        if self.street is not None and _street(asset) != self.street.casefold():
            return False
        for wanted, given in ((self.feeder, asset.feeder), (self.district, asset.district), (self.cell, asset.cell)):
            if wanted is not None and wanted != given:
                return False
        if self.polygon is None:
            return True
        return asset.lat is not None and bool(shape(self.polygon).intersects(shapely.Point(asset.lon or 0.0, asset.lat)))

    def facts(self) -> dict[str, Any]:
        """What is given, as plain data."""
        return {key: value for key, value in self._asdict().items() if value is not None}


NOWHERE = Scope()
"""No scope: the matchers alone decide."""


@dataclass(frozen=True, slots=True)
class Silence:
    """One silence. `begins_at` and `ends_at` of a window are those of its present or next turn; no end: until resolved."""

    id: str
    number: int
    sort: str
    author: str
    reason: str
    begins_at: datetime
    ends_at: datetime | None
    matchers: tuple[Matcher, ...] = ()
    scope: Scope = NOWHERE
    until_resolved: bool = False
    recurrence: Recurrence | None = None
    state: str = "planned"

    def covers(self, asset: Asset, labels: Mapping[str, str]) -> bool:
        """Does it cover an alert with these labels on this asset? The time is not looked at."""
        return all_match(self.matchers, labels) and (self.scope is NOWHERE or self.scope.covers(asset))

    def in_force(self, now: datetime) -> bool:
        """Does it hold at a time?"""
        return self.begins_at <= now and (self.ends_at is None or now < self.ends_at)


class Quiet:
    """Silences by what they name, so that an alert meets only the few that may cover it."""

    def __init__(self, silences: Iterable[Silence] = ()) -> None:
        self._by: dict[tuple[str, str], list[Silence]] = {}
        self._rest: list[Silence] = []
        drawn: list[tuple[Silence, Any]] = []
        self.count = 0
        for silence in silences:
            self.count += 1
            keys = _keys(silence)
            for key in keys:
                self._by.setdefault(key, []).append(silence)
            if not keys and silence.scope.polygon is not None:
                drawn.append((silence, shape(silence.scope.polygon)))
            elif not keys:
                self._rest.append(silence)
        self._labels = tuple(sorted({label for label, _ in self._by} - {"at", "street"}))
        self._drawn = [silence for silence, _ in drawn]
        self._tree = shapely.STRtree([polygon for _, polygon in drawn])

    def find(self, asset: Asset, labels: Mapping[str, str]) -> Silence | None:
        """The silence that covers an alert; of several the one that ends last."""
        if not self.count:
            return None
        found = [silence for silence in self._candidates(asset, labels) if silence.covers(asset, labels)]
        return max(found, key=_last) if found else None

    def of_alert(self, asset: Asset, info: ConditionInfo, severity: str) -> Silence | None:
        """The same for a condition on an asset."""
        if not self.count:
            return None
        cause = cause_of(info, asset)
        return self.find(asset, labels_of(asset, condition=info.id, cause=cause, severity=severity))

    def _candidates(self, asset: Asset, labels: Mapping[str, str]) -> Iterable[Silence]:
        keys = [(label, labels[label]) for label in self._labels if label in labels]
        keys += [("at", name) for name in _at(asset)]
        keys.append(("street", _street(asset)))
        for key in keys:
            yield from self._by.get(key, ())
        if self._drawn and asset.lat is not None and asset.lon is not None:
            for hit in self._tree.query(shapely.Point(asset.lon, asset.lat), predicate="intersects"):
                yield self._drawn[hit]
        yield from self._rest


def all_muted(found: Sequence[Silence | None]) -> Silence | None:
    """The silence of several alerts together, None when one of them is not covered: of theirs the one that ends first, since
    then somebody must look again."""
    muted = [one for one in found if one is not None]
    return min(muted, key=_last) if muted and len(muted) == len(found) else None


def if_silenced(found: Placement, info: ConditionInfo, mute: Silence | None) -> Placement:
    """The same placement, but what would get an order of its own is hidden when a silence covers it.

    A fault that is hidden still explains what hangs on it: what waits below it is hidden with it.
    """
    if mute is None or info.filing is None or found.action not in {Action.OPEN, Action.GATHER, Action.GROUP}:
        return found
    if mute.sort == "opening":
        return Placement(Action.OPEN, OPENING_APPROVED)
    return Placement(Action.GATHER, SILENCED, takes=found.takes if found.action is Action.OPEN else ())


def named_assets(silences: Iterable[Silence]) -> list[str] | None:
    """The assets that some silences are about, when each names its own; None: only a look at all assets tells."""
    found: set[str] = set()
    for silence in silences:
        keys = _keys(silence)
        if not keys or any(label not in {"asset", "at"} for label, _ in keys):
            return None
        found |= {name for _, name in keys}
    return sorted(found)


def _keys(silence: Silence) -> list[tuple[str, str]]:
    """Under which of its labels a silence is found; empty: it must be tried on every alert."""
    equal = {matcher.label: _words(matcher) for matcher in silence.matchers if _words(matcher)}
    scope = silence.scope
    if "asset" in equal:
        return [("asset", word) for word in equal["asset"]]
    for label, value in (("at", scope.asset), ("cell", scope.cell), ("feeder", scope.feeder)):
        if value is not None:
            return [(label, value)]
    if scope.street is not None:
        return [("street", scope.street.casefold())]
    if scope.polygon is not None:
        return []
    if scope.district is not None:
        return [("district", scope.district)]
    for label in (*_SELECTIVE, *sorted(equal)):
        if label in equal:
            return [(label, word) for word in equal[label]]
    return []


def _words(matcher: Matcher) -> list[str]:
    """The values that a matcher lists, when that is all it does."""
    if matcher.operator == "=" and matcher.value:
        return [matcher.value]
    if matcher.operator == "=~" and _ALTERNATIVES.fullmatch(matcher.value):
        return matcher.value.split("|")
    return []


def _at(asset: Asset) -> tuple[str, ...]:
    return tuple({name: None for name in (asset.id, asset.cabinet, asset.feeder, asset.gateway) if name})


def _street(asset: Asset) -> str:
    return asset.attributes.get("street", "").casefold()


def _last(silence: Silence) -> tuple[bool, float, int]:
    """Order of the ends; none is the last."""
    end = silence.ends_at
    return (end is None, end.timestamp() if end else 0.0, silence.number)
