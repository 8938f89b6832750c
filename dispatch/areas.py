"""PURE. Which district and which grid cell a position lies in."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import NamedTuple

import shapely

from citybrain.geo import geometry
from citybrain.kernel.register import Area, Register


class Place(NamedTuple):
    """Ids of the areas around a position; None where there is none."""

    cell: str | None
    district: str | None


_KEPT = 200_000
"""So many positions are remembered: those of the assets of a city, which do not move."""


class AreaIndex:
    """Polygons in an R-tree. Where areas of one type overlap the smallest wins, then the first by id."""

    def __init__(self, areas: Sequence[Area]) -> None:
        shapes = [(area, geometry(area)) for area in areas]
        shapes.sort(key=lambda pair: (pair[1].area, pair[0].id))
        self._areas = [area for area, _ in shapes]
        self._tree = shapely.STRtree([found for _, found in shapes])
        self._known: dict[tuple[float, float], Place] = {}

    def place(self, lat: float, lon: float) -> Place:
        """The cell and the district of a position (WGS 84 degrees); a border belongs to its area."""
        if (lat, lon) not in self._known:
            self.learn([(lat, lon)])
        return self._known[lat, lon]

    def learn(self, positions: Sequence[tuple[float, float]]) -> None:
        """Look up many positions (latitude, longitude) at once: `place` knows them then."""
        if len(self._known) > _KEPT:
            self._known.clear()
        new = [one for one in positions if one not in self._known]
        hits: dict[int, list[int]] = defaultdict(list)
        if new:
            points = shapely.points([lon for _, lon in new], [lat for lat, _ in new])
            for point, area in self._tree.query(points, predicate="intersects").T.tolist():
                hits[point].append(area)
        for number, one in enumerate(new):
            around = [self._areas[hit] for hit in sorted(hits[number])]
            cell = next((area.id for area in around if area.type == "cell"), None)
            district = next((area.id for area in around if area.type == "district"), None)
            self._known[one] = Place(cell, district)


_latest: tuple[Sequence[Area], AreaIndex] = ((), AreaIndex(()))


def index_of(register: Register) -> AreaIndex:
    """The index of a register's areas. The latest one is kept: areas are replaced as a whole, never changed in place."""
    global _latest
    areas, index = _latest
    if areas is not register.areas:
        index = AreaIndex(register.areas)
        _latest = (register.areas, index)
    return index
