"""PURE: the detectors, one folder each. Adding one: a folder and a line in DETECTORS."""

from __future__ import annotations

from types import ModuleType
from typing import Final

from rules.detectors import band, count, drift, dry_high, expected_state, flag, no_data, rate, several, stuck, threshold

DETECTORS: Final[dict[str, ModuleType]] = {
    "band": band,
    "count": count,
    "drift": drift,
    "dry_high": dry_high,
    "expected_state": expected_state,
    "flag": flag,
    "no_data": no_data,
    "rate": rate,
    "several": several,
    "stuck": stuck,
    "threshold": threshold,
}
"""By the name that the rulebook uses. See `rules.detectors.base` for what a detector offers."""
