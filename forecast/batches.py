"""PURE. Batteries that fall due together and lie together: one drive instead of many."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from citybrain.kernel.model import Asset


class Due(NamedTuple):
    """A battery and when it is to be changed (ms since 1970), at the latest at `low_ms` to be safe."""

    asset: str
    at_ms: int
    low_ms: int


class Batch(NamedTuple):
    """Batteries of one place, soonest first. `before_ms`: do it before this."""

    place: str
    before_ms: int
    dues: tuple[Due, ...]


def batches(dues: Iterable[Due], assets: Mapping[str, Asset], *, by: str, span_ms: int) -> list[Batch]:
    """Batteries by `cell` or `district`, those together that fall due within `span_ms` of the first; most urgent first.

    Where an asset has no cell, its district is its place; without both it is its own.
    """
    places: dict[str, list[Due]] = {}
    for due in dues:
        asset = assets.get(due.asset)
        place = (asset.cell if by == "cell" else None) or asset.district if asset is not None else None
        places.setdefault(place or due.asset, []).append(due)
    found = []
    for place, here in places.items():
        for group in _spans(sorted(here, key=lambda due: (due.at_ms, due.asset)), span_ms):
            found.append(Batch(place, min(due.low_ms for due in group), tuple(group)))
    return sorted(found, key=lambda batch: (batch.before_ms, batch.place))


def _spans(dues: Sequence[Due], span_ms: int) -> Iterable[list[Due]]:
    group: list[Due] = []
    for due in dues:
        if group and due.at_ms - group[0].at_ms > span_ms:
            yield group
            group = []
        group.append(due)
    if group:
        yield group
