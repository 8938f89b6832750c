"""The rulebook as the engine sees it: frozen, checked, and versioned. `rules.load` makes it from YAML.

A YAML key that is a Python keyword (`raise`) has a trailing underscore in the dataclass (`raise_`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from types import MappingProxyType
from typing import Any

from citybrain.kernel.conditions import ConditionInfo
from citybrain.kernel.model import Asset

ANY = "any"
"""Kind of the conditions that are judged for assets of every kind."""


@dataclass(frozen=True, slots=True)
class Dwell:
    """How long a signal must last: at least so many readings AND so many seconds since the first of them."""

    readings: int = 1
    seconds: float = 0
    by_clock: bool = True
    """The seconds run out by the clock alone. False: only a reading that still says so can end the dwell."""

    def __post_init__(self) -> None:
        if self.readings < 1:
            raise ValueError(f"readings: must be at least 1, got {self.readings}")
        if self.seconds < 0:
            raise ValueError(f"seconds: must not be negative, got {self.seconds}")


@dataclass(frozen=True, slots=True)
class Flap:
    """Raised or refired `count` times within `window_s`, an episode is flapping: its clear then takes `hold_s` more."""

    count: int = 3
    window_s: float = 3600
    hold_s: float = 1800

    def __post_init__(self) -> None:
        if self.count < 2:
            raise ValueError(f"count: must be at least 2, got {self.count}")
        if self.window_s <= 0 or self.hold_s < 0:
            raise ValueError("window_s: must be positive, and hold_s not negative")


@dataclass(frozen=True, slots=True)
class Override:
    """What is different for the assets of one kind, of one device model, or for one asset. None: as in the rule.

    Exactly one of `model`, `asset` and `kind` is given (kind: for conditions of any kind). `params` holds the changed fields
    of the detector's Params by field name.
    """

    model: str | None = None
    asset: str | None = None
    params: Mapping[str, Any] = field(default_factory=lambda: MappingProxyType({}))
    severity: str | None = None
    raise_after: Dwell | None = None
    clear_after: Dwell | None = None
    flap: Flap | None = None
    enabled: bool | None = None
    source: str = ""
    kind: str | None = None

    def __post_init__(self) -> None:
        if [self.model, self.asset, self.kind].count(None) != 2:
            raise ValueError("model: give exactly one of model, asset and kind")


@dataclass(frozen=True, slots=True)
class ConditionRule:
    """One condition: what is looked for, how long it must last, how grave it is. `params` is the Params of its detector."""

    id: str
    kind: str
    """Kind of asset, or "any"."""
    detector: str
    params: Any
    severity: str
    info: ConditionInfo
    raise_after: Dwell = Dwell()
    clear_after: Dwell = Dwell()
    flap: Flap = Flap()
    source: str = ""
    enabled: bool = True
    overrides: tuple[Override, ...] = ()


@dataclass(frozen=True)
class Rulebook:
    """All conditions. `version` is a hash of the content: two rulebooks that judge alike have the same."""

    version: str
    conditions: Mapping[str, ConditionRule]

    def for_kind(self, kind: str) -> tuple[ConditionRule, ...]:
        """The rules for assets of a kind, those for any kind included, in order of id."""
        found = self._by_kind.get(kind)
        return self._by_kind[ANY] if found is None else found

    @property
    def info(self) -> Mapping[str, ConditionInfo]:
        """What dispatch and the screens must know, by condition id."""
        return self._info

    def resolved(self, rule: ConditionRule, asset: Asset) -> ConditionRule:
        """The rule as it holds for one asset: overrides of its kind first, then of its model, then of the asset itself."""
        if not rule.overrides:
            return rule
        for override in self.matching(rule, asset):
            rule = apply(rule, override)
        return rule

    @staticmethod
    def matching(rule: ConditionRule, asset: Asset) -> tuple[Override, ...]:
        """The overrides of a rule that touch an asset, in the order in which they apply."""
        return (
            *(o for o in rule.overrides if o.kind is not None and o.kind == asset.kind),
            *(o for o in rule.overrides if o.model is not None and o.model == asset.model),
            *(o for o in rule.overrides if o.asset is not None and o.asset == asset.id),
        )

    @cached_property
    def workshop(self) -> dict[Any, Any]:
        """What is compiled from this rulebook and can serve all engines of the process: see `rules.plan`."""
        return {}

    @cached_property
    def _by_kind(self) -> dict[str, tuple[ConditionRule, ...]]:
        kinds = {rule.kind for rule in self.conditions.values()} | {ANY}
        return {kind: self._of((kind, ANY)) for kind in kinds}

    def _of(self, kinds: Iterable[str]) -> tuple[ConditionRule, ...]:
        wanted = set(kinds)
        return tuple(rule for _, rule in sorted(self.conditions.items()) if rule.kind in wanted)

    @cached_property
    def _info(self) -> Mapping[str, ConditionInfo]:
        return MappingProxyType({key: rule.info for key, rule in self.conditions.items()})


def apply(rule: ConditionRule, override: Override) -> ConditionRule:
    """The rule with the changes of one override. Raises ValueError or TypeError where its params do not fit the detector."""
    changes: dict[str, Any] = {
        name: value
        for name in ("severity", "raise_after", "clear_after", "flap", "enabled")
        if (value := getattr(override, name)) is not None
    }
    if override.params:
        changes["params"] = replace(rule.params, **override.params)
    return replace(rule, **changes) if changes else rule
