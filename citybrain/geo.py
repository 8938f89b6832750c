"""Polygons of areas."""

from __future__ import annotations

from typing import Any

import shapely
from shapely.geometry import shape

from citybrain.kernel.errors import RegisterError
from citybrain.kernel.register import Area


def geometry(area: Area) -> Any:
    """The polygon of an area, mended where its ring crosses itself. Raises RegisterError when it is no polygon."""
    try:
        found = shape(dict(area.polygon))
    except Exception as error:  # shapely raises what it likes for broken GeoJSON: KeyError, TypeError, GEOSException…
        raise RegisterError(f"area {area.id!r}: no GeoJSON polygon ({type(error).__name__}: {error})") from error
    if found.geom_type not in {"Polygon", "MultiPolygon"} or found.is_empty:
        raise RegisterError(f"area {area.id!r}: a Polygon or MultiPolygon is needed, not {found.geom_type}")
    return found if found.is_valid else shapely.make_valid(found)
