"""Small rulebooks and readings for the tests of the rules."""

from __future__ import annotations

from collections.abc import Sequence

from citybrain.kernel.conditions import ConditionInfo
from citybrain.kernel.events import AlertEvent
from citybrain.kernel.model import Asset, Reading, Value
from rules.engine import Engine
from rules.rulebook import ConditionRule, Dwell, Flap, Override, Rulebook

START = 1_780_000_000_000
MINUTE = 60_000


def rule(
    key: str,
    kind: str,
    detector: str,
    params: object,
    *,
    raise_after: Dwell = Dwell(),  # noqa: B008 - frozen
    clear_after: Dwell = Dwell(),  # noqa: B008 - frozen
    flap: Flap = Flap(),  # noqa: B008 - frozen
    severity: str = "major",
    overrides: tuple[Override, ...] = (),
    enabled: bool = True,
) -> ConditionRule:
    """A rule with as little around it as there may be."""
    info = ConditionInfo(key, kind, severity, key.lower(), None, 0)
    return ConditionRule(
        key, kind, detector, params, severity, info, raise_after, clear_after, flap, enabled=enabled, overrides=overrides
    )


def book(*rules: ConditionRule, version: str = "test") -> Rulebook:
    """A rulebook of some rules."""
    return Rulebook(version, {one.id: one for one in rules})


def engine(rulebook: Rulebook, *assets: Asset, shard: int = 0) -> Engine:
    """An engine over a register of some assets."""
    return Engine(shard, rulebook, {one.id: one for one in assets}.get)


def at(minute: float) -> int:
    """Minutes after the start, as ms since the epoch."""
    return START + round(minute * MINUTE)


def reading(
    asset: Asset, minute: float, /, *, key: int | None = None, window_ms: int = 0, flags: int = 0, **values: Value
) -> Reading:
    """A message of an asset so many minutes after the start."""
    when = at(minute)
    return Reading(asset.id, asset.kind, asset.id, when, when, values, None, when if key is None else key, window_ms, flags)


def told(events: Sequence[AlertEvent]) -> list[str]:
    """`CONDITION change minute` of each event."""
    return [f"{one.condition} {one.change} {(one.at_ms - START) / MINUTE:g}" for one in events]
