"""A device that has gone silent: found by the clock, each by its own interval."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from citybrain.kernel.model import Asset
from citybrain.kernel.times import iso
from rules.detectors.base import GOOD, Bad, Env, Memory, Observe, Verdict
from rules.detectors.words import span

LONGEST_S: Final = 366 * 86400
"""A longer interval in the register is a slip."""

OWN: Final = False


@dataclass(frozen=True, slots=True)
class Params:
    """Silent when nothing was heard for `k` intervals of the device."""

    k: float = 5
    default_interval_s: float = 21600
    """For an asset whose interval is not known."""
    min_s: float = 60
    """Never silent sooner than this (s)."""
    dark_s: float = 0
    """Added for an asset with the attribute `supply: switched`: its feeder is dead while the lamps are off (s)."""

    def __post_init__(self) -> None:
        if self.k <= 1:
            raise ValueError(f"k: must be more than 1, got {self.k:g}")
        if self.default_interval_s <= 0:
            raise ValueError(f"default_interval_s: must be positive, got {self.default_interval_s:g}")
        if self.dark_s < 0:
            raise ValueError(f"dark_s: must not be negative, got {self.dark_s:g}")


def measures(params: Params) -> tuple[str, ...]:
    """None: any message at all is a sign of life."""
    return ()


def fixed(params: Params, asset: Asset) -> tuple[float, ...]:
    """After how many ms without a word the asset is silent."""
    given = asset.interval_s
    interval_s = given if given is not None and 0 < given <= LONGEST_S else params.default_interval_s
    dark_s = params.dark_s if asset.attributes.get("supply") == "switched" else 0.0
    return (float(round((max(params.min_s, params.k * interval_s) + dark_s) * 1000)),)


def cells(params: Params) -> int:
    """It remembers nothing: the engine knows when it last heard the asset."""
    return 0


def common(params: Params, asset: Asset) -> tuple[Hashable, ...]:
    """Nothing of the asset is compiled in."""
    return ()


def compile(params: Params, asset: Asset, env: Env, base: int) -> Observe:
    """Any reading is good. The bad verdict comes from the engine's timer, see `silent`."""

    def observe(values: Mapping[str, Any], at_ms: int, memory: Memory) -> Verdict:
        return GOOD

    return observe


def silent(last_ms: int, due_ms: int) -> Bad:
    """The verdict when the time ran out at `due_ms`; the asset was last heard at `last_ms` (ms since the epoch)."""
    return Bad("silent", f"nothing heard for {span((due_ms - last_ms) / 1000)}, last at {iso(last_ms)}")
