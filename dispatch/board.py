"""PURE. The open cases that a decision looks at, found by asset, by what they wait for, and by place."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from types import MappingProxyType
from typing import NamedTuple

from dispatch.places import Box, box, cells, metres


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
    parents: tuple[str, ...] = ()
    """While gathering: assets whose fault would explain it."""
    raised_at: datetime | None = None
    """When the alert that opened it was raised."""
    lat: float | None = None
    lon: float | None = None


_Index = defaultdict[object, dict[str, None]]


class Board:
    """The open cases that matter to a decision. The caller has locked them."""

    def __init__(self) -> None:
        self._cases: dict[str, OpenCase] = {}
        self._by: _Index = defaultdict(dict)
        self._waiting: dict[str, None] = {}

    @classmethod
    def of(cls, cases: Iterable[OpenCase]) -> Board:
        """A board with these cases."""
        board = cls()
        for case in cases:
            board.put(case)
        return board

    @property
    def cases(self) -> Mapping[str, OpenCase]:
        """All of them by id. Change them by `put` and `drop`."""
        return MappingProxyType(self._cases)

    def put(self, case: OpenCase) -> None:
        """Add or replace a case."""
        if case.id in self._cases:
            # a case that changes keeps its turn among the others
            self._unlist(self._cases[case.id])
        self._cases[case.id] = case
        for key in _keys(case):
            self._by[key][case.id] = None
        if case.state == "gathering":
            self._waiting[case.id] = None

    def drop(self, case_id: str) -> None:
        """A case that is closed now."""
        case = self._cases.pop(case_id, None)
        if case is not None:
            self._unlist(case)

    def _unlist(self, case: OpenCase) -> None:
        for key in _keys(case):
            self._by[key].pop(case.id, None)
        self._waiting.pop(case.id, None)

    def on(self, asset: str) -> Iterator[OpenCase]:
        """Open cases of an asset."""
        return self._found(("on", asset))

    def at(self, asset: str, cause: str) -> OpenCase | None:
        """The open case of an asset and cause; there is at most one."""
        return next((case for case in self.on(asset) if case.cause == cause), None)

    def waiting(self) -> Iterator[OpenCase]:
        """Cases that gather."""
        return (self._cases[one] for one in self._waiting)

    def waiting_for(self, key: str) -> Iterator[OpenCase]:
        """Cases that gather under a key."""
        return self._found(("key", key))

    def waiting_below(self, asset: str) -> Iterator[OpenCase]:
        """Cases that gather, and that a fault of an asset would explain."""
        return self._found(("below", asset))

    def around(self, cause: str, lat: float, lon: float, within_m: float) -> list[OpenCase]:
        """Open cases of a cause within so many metres of a place, nearest first."""
        found: dict[str, float] = {}
        for cell in cells(box(lat, lon, within_m)):
            for case in self._found(("place", cause, cell)):
                if case.lat is not None and case.lon is not None:
                    found[case.id] = metres(lat, lon, case.lat, case.lon)
        near = sorted((distance, one) for one, distance in found.items() if distance <= within_m)
        return [self._cases[one] for _, one in near]

    def _found(self, key: object) -> Iterator[OpenCase]:
        return (self._cases[one] for one in list(self._by.get(key, ())))


def _keys(case: OpenCase) -> Iterator[object]:
    yield "on", case.asset
    if case.state == "gathering":
        if case.group_key is not None:
            yield "key", case.group_key
        for parent in case.parents:
            yield "below", parent
    elif case.lat is not None and case.lon is not None and math.isfinite(case.lat + case.lon):
        for cell in cells(Box(case.lat, case.lat, case.lon, case.lon)):
            yield "place", case.cause, cell
