"""PURE: the conditions of one class of assets, compiled. Assets that are judged alike share one plan."""

from __future__ import annotations

from array import array
from collections.abc import Hashable, Mapping
from typing import Final

from citybrain.kernel.model import Asset, Kind, Value
from rules.detectors import DETECTORS
from rules.detectors.base import NAN, Detector, Env, Memory, Observe
from rules.lifecycle import Timing, timing
from rules.rulebook import ConditionRule, Rulebook, apply

MOST_SHAPES: Final = 256
"""Sets of measures that a plan remembers; a device that invents names all the time must not fill the memory."""


class Condition:
    """One compiled condition. `base` is where its numbers stand in the memory of an asset, `size` how many they are."""

    __slots__ = ("base", "detector", "fixed", "id", "measures", "observe", "rule", "severity", "size", "times")

    def __init__(self, rule: ConditionRule, asset: Asset, env: Env, base: int) -> None:
        detector = detector_of(rule)
        self.id = rule.id
        self.rule = rule
        self.severity = rule.severity
        self.detector = rule.detector
        times = timing(rule)
        # Silence is one long observation, however many readings the rule asks for.
        self.times: Timing = times._replace(raise_readings=1) if rule.detector == "no_data" else times
        self.measures: tuple[str, ...] = detector.measures(rule.params)
        self.base = base
        self.fixed = len(detector.fixed(rule.params, asset))
        self.size = self.fixed + detector.cells(rule.params)
        self.observe: Observe = detector.compile(rule.params, asset, env, base)


Judges = tuple[tuple[Condition, Observe], ...]


class Plan:
    """All conditions of a class of assets."""

    __slots__ = ("by_id", "conditions", "gauge", "judges", "kind", "layout", "shapes", "silence_at", "silences", "width")

    def __init__(self, kind: str, conditions: tuple[Condition, ...]) -> None:
        self.kind = kind
        self.gauge = kind == Kind.RAIN_GAUGE
        self.conditions = conditions
        self.by_id = {condition.id: condition for condition in conditions}
        self.silences = tuple(condition for condition in conditions if condition.detector == "no_data")
        self.judges: Judges = tuple((one, one.observe) for one in conditions if one.detector != "no_data")
        self.width = sum(condition.size for condition in conditions)
        self.layout = tuple((one.id, one.detector, one.base, one.size) for one in conditions)
        self.shapes: dict[tuple[str, ...], Judges] = {}
        """The judges that read any of some measures, for the sets of measures that were met."""
        self.silence_at = self.silences[0].base if len(self.silences) == 1 else -1
        """Where the memory says after how many ms the asset is silent; -1: not by a single condition."""

    def judges_for(self, values: Mapping[str, Value]) -> Judges:
        """The judges that read any of these measures."""
        shape = tuple(values)
        found = self.shapes.get(shape)
        if found is None:
            given = set(shape)
            found = tuple(pair for pair in self.judges if not given.isdisjoint(pair[0].measures))
            if len(self.shapes) < MOST_SHAPES:
                self.shapes[shape] = found
        return found

    def memory(self, asset: Asset) -> Memory:
        """The memory of an asset that was never heard."""
        memory = array("d", [NAN]) * self.width
        self.bind(asset, memory)
        return memory

    def bind(self, asset: Asset, memory: Memory) -> None:
        """Writes the numbers of the asset itself into its memory."""
        for one in self.conditions:
            for at, number in enumerate(detector_of(one.rule).fixed(one.rule.params, asset)):
                memory[one.base + at] = number


class Planner:
    """Makes and keeps the plans of one rulebook for one engine.

    Plans that look up nothing of the engine's own are kept at the rulebook, for all engines of the process: a processor judges
    faster what is in its cache already, and there are 32 engines.
    """

    def __init__(self, rulebook: Rulebook, env: Env) -> None:
        self.rulebook = rulebook
        self._env = env
        self._own: dict[Hashable, Plan] = {}

    def plan(self, asset: Asset) -> Plan:
        """The plan for an asset."""
        parts: list[Hashable] = [str(asset.kind)]
        rules: list[ConditionRule] = []
        own = False
        for rule in self.rulebook.for_kind(asset.kind):
            matching = self.rulebook.matching(rule, asset) if rule.overrides else ()
            numbers = tuple(rule.overrides.index(override) for override in matching)
            for override in matching:
                rule = apply(rule, override)
            if rule.enabled:
                detector = detector_of(rule)
                own = own or detector.OWN
                rules.append(rule)
                parts.append((rule.id, numbers, detector.common(rule.params, asset)))
        key = tuple(parts)
        plans: dict[Hashable, Plan] = self._own if own else self.rulebook.workshop
        found = plans.get(key)
        if found is None:
            found = plans[key] = self._compile(asset, rules)
        return found

    def _compile(self, asset: Asset, rules: list[ConditionRule]) -> Plan:
        conditions: list[Condition] = []
        base = 0
        for rule in rules:
            conditions.append(self._condition(rule, asset, base))
            base += conditions[-1].size
        return Plan(str(asset.kind), tuple(conditions))

    def _condition(self, rule: ConditionRule, asset: Asset, base: int) -> Condition:
        detector = detector_of(rule)
        key = (id(rule), base, detector.common(rule.params, asset))
        workshop = self.rulebook.workshop
        if detector.OWN or rule is not self.rulebook.conditions.get(rule.id):
            return Condition(rule, asset, self._env, base)
        found: Condition | None = workshop.get(key)
        if found is None:
            found = workshop[key] = Condition(rule, asset, self._env, base)
        return found


def detector_of(rule: ConditionRule) -> Detector:
    """The detector of a rule. Raises KeyError for a name that is none, which the loader has refused before."""
    detector: Detector = DETECTORS[rule.detector]
    return detector
