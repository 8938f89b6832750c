"""PURE. A distribution in a few numbers: a mean alone hides the worst."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple


class Spread(NamedTuple):
    """Of values in ascending order; percentiles are values that occurred (nearest rank)."""

    n: int
    mean: float
    p50: float
    p90: float
    p95: float
    worst: float


def spread(values: Sequence[float]) -> Spread | None:
    """The spread of values of which high is bad; None when there are none."""
    if not values:
        return None
    row = sorted(values)
    return Spread(len(row), math.fsum(row) / len(row), rank(row, 0.5), rank(row, 0.9), rank(row, 0.95), row[-1])


def rank(row: Sequence[float], share: float) -> float:
    """The value that `share` of an ascending row do not exceed."""
    return row[max(math.ceil(share * len(row)) - 1, 0)]
