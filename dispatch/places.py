"""PURE. Places on the map: how far apart, the box around one, and the cells of a grid that a box touches."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import NamedTuple

METRES_PER_DEGREE = 111_195.0
"""Of latitude, on a sphere with the earth's mean radius (6371 km)."""
CELL = 0.001
"""Degrees: the side of a cell of the grid, about 111 m from south to north."""


class Box(NamedTuple):
    """South, north, west and east, in WGS 84 degrees."""

    south: float
    north: float
    west: float
    east: float


def metres(lat: float, lon: float, other_lat: float, other_lon: float) -> float:
    """The distance of two places that are close to each other, in metres."""
    north = (other_lat - lat) * METRES_PER_DEGREE
    around = (other_lon - lon + 180) % 360 - 180
    east = around * METRES_PER_DEGREE * math.cos(math.radians((lat + other_lat) / 2))
    return math.hypot(north, east)


def box(lat: float, lon: float, within_m: float) -> Box:
    """The box that holds everything within so many metres of a place."""
    north = within_m / METRES_PER_DEGREE
    # towards the poles a degree of longitude is short; nobody runs a city where it is nothing
    east = north / max(math.cos(math.radians(min(abs(lat) + north, 89.0))), 0.01)
    return Box(lat - north, lat + north, lon - east, lon + east)


def spots(cause: str, lat: float, lon: float, within_m: float = 0.0) -> set[str]:
    """Names of the cells that a fault may have been told from: `drain_high@31200:121500`. Without a distance its own one."""
    return {f"{cause}@{row}:{column}" for row, column in cells(box(lat, lon, within_m))}


def cells(around: Box) -> Iterator[tuple[int, int]]:
    """The cells that a box touches."""
    for row in range(math.floor(around.south / CELL), math.floor(around.north / CELL) + 1):
        for column in range(math.floor(around.west / CELL), math.floor(around.east / CELL) + 1):
            yield row, column
