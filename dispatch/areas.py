"""PURE. Which district and which grid cell a position lies in."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import shapely

from citybrain.geo import geometry
from citybrain.kernel.register import Area, Register


class Place(NamedTuple):
    """Ids of the areas around a position; None where there is none."""

    cell: str | None
    district: str | None


class AreaIndex:
    """Polygons in an R-tree. Where areas of one type overlap the smallest wins, then the first by id."""

    def __init__(self, areas: Sequence[Area]) -> None:
        shapes = [(area, geometry(area)) for area in areas]
        shapes.sort(key=lambda pair: (pair[1].area, pair[0].id))
        self._areas = [area for area, _ in shapes]
        self._tree = shapely.STRtree([found for _, found in shapes])

    def place(self, lat: float, lon: float) -> Place:
        """The cell and the district of a position (WGS 84 degrees); a border belongs to its area."""
        hits = sorted(self._tree.query(shapely.Point(lon, lat), predicate="intersects"))
        cell = next((self._areas[hit].id for hit in hits if self._areas[hit].type == "cell"), None)
        district = next((self._areas[hit].id for hit in hits if self._areas[hit].type == "district"), None)
        return Place(cell, district)


_latest: tuple[Sequence[Area], AreaIndex] = ((), AreaIndex(()))


def index_of(register: Register) -> AreaIndex:
    """The index of a register's areas. The latest one is kept: areas are replaced as a whole, never changed in place."""
    global _latest
    areas, index = _latest
    if areas is not register.areas:
        index = AreaIndex(register.areas)
        _latest = (register.areas, index)
    return index
