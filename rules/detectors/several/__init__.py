"""Some of many signals at about the same time: each alone is weak, together they tell."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from citybrain.kernel.events import Evidence
from citybrain.kernel.model import Asset
from rules.detectors.base import GOOD, NAN, OPS, Bad, Env, Memory, Observe, Verdict, check_field, number_of
from rules.detectors.words import span

JUMPS: Final = ("jump_up", "jump_down")

OWN: Final = False


@dataclass(frozen=True, slots=True)
class Signal:
    """`measure op value`; jump_up and jump_down compare with the slow mean of the measure before the jump.

    `of` names a field of the asset: `value` (and `clear`) are then fractions of it (distance_mm > 1.05 of depth_mm).
    """

    name: str
    measure: str
    op: str
    value: float = 0.0
    of: str | None = None
    clear: float | None = None
    """Once true, the signal stays until the value passes this. None: as `value`."""

    def __post_init__(self) -> None:
        if self.op not in OPS + JUMPS:
            raise ValueError(f"op: must be one of {', '.join(OPS + JUMPS)}, got {self.op!r}")
        if self.op in JUMPS and self.value <= 0:
            raise ValueError(f"value: must be positive for a jump, got {self.value:g}")
        check_field("of", self.of)


@dataclass(frozen=True, slots=True)
class Params:
    """Bad when at least `at_least` signals are true and their beginnings lie within `within_s` of each other."""

    signals: tuple[Signal, ...]
    at_least: int = 2
    within_s: float = 600

    def __post_init__(self) -> None:
        if not 1 <= self.at_least <= len(self.signals):
            raise ValueError(f"at_least: must be 1 to {len(self.signals)} (the signals), got {self.at_least}")
        if self.within_s <= 0:
            raise ValueError(f"within_s: must be positive, got {self.within_s:g}")


MEAN: Final = 0.1
"""Share that a new value has in the slow mean of a measure that is watched for jumps."""


def measures(params: Params) -> tuple[str, ...]:
    """What it reads."""
    return tuple(dict.fromkeys(signal.measure for signal in params.signals))


def fixed(params: Params, asset: Asset) -> tuple[float, ...]:
    """The limit of each signal for this asset, and the one that ends it."""
    numbers: list[float] = []
    for signal in params.signals:
        scale = number_of(asset, signal.of) if signal.of else 1.0
        numbers += (signal.value * scale, (signal.value if signal.clear is None else signal.clear) * scale)
    return tuple(numbers)


def cells(params: Params) -> int:
    """For each signal since when it is true (ms; NaN: it is not), the slow means, and how many signals are true."""
    return len(params.signals) + len(measures(params)) + 1


def common(params: Params, asset: Asset) -> tuple[Hashable, ...]:
    """Nothing of the asset is compiled in."""
    return ()


def compile(params: Params, asset: Asset, env: Env, base: int) -> Observe:
    """The judge. While no signal is true it only looks whether one becomes so."""
    n, at_least, within_ms = len(params.signals), params.at_least, params.within_s * 1000
    begun_at, names = base + 2 * n, measures(params)
    mean_at = {name: begun_at + n + i for i, name in enumerate(names)}
    true_at = begun_at + n + len(names)
    table = tuple((signal.measure, signal.op, base + 2 * i) for i, signal in enumerate(params.signals))
    steady = tuple(row for row in table if row[1] not in JUMPS)
    jumps = tuple(
        (signal.measure, mean_at[signal.measure], *_limits_at(params, signal.measure, base)) for signal in _jumping(params)
    )

    def now_true(op: str, value: Any, limit: float, mean: float) -> bool:
        match op:
            case "true":
                return bool(value == 1)
            case "false":
                return bool(value == 0)
            case ">":
                return bool(value > limit)
            case ">=":
                return bool(value >= limit)
            case "<":
                return bool(value < limit)
            case "<=":
                return bool(value <= limit)
            case "==":
                return bool(value == limit)
            case "jump_up":
                return bool(value - mean >= limit)
            case _:
                return bool(mean - value >= limit)

    def observe(values: Mapping[str, Any], at_ms: int, memory: Memory) -> Verdict:
        if memory[true_at] > 0:
            return look(values, at_ms, memory)
        told = False
        for measure, op, limit_at in steady:
            value = values.get(measure)
            if value is None:
                continue
            told = True
            if op == "true":
                if value == 1:
                    return look(values, at_ms, memory)
            elif op == ">":
                if value > memory[limit_at]:
                    return look(values, at_ms, memory)
            elif op == "<":
                if value < memory[limit_at]:
                    return look(values, at_ms, memory)
            elif now_true(op, value, memory[limit_at], NAN):
                return look(values, at_ms, memory)
        for measure, at, up, down in jumps:
            value = values.get(measure)
            if value is None:
                continue
            told = True
            change = value - memory[at]
            if (up >= 0 and change >= memory[up]) or (down >= 0 and -change >= memory[down]):
                return look(values, at_ms, memory)
        for measure, at, _, _ in jumps:
            value = values.get(measure)
            if value is not None:
                mean = memory[at]
                memory[at] = mean + MEAN * (value - mean) if mean == mean else value
        return GOOD if told else None

    def look(values: Mapping[str, Any], at_ms: int, memory: Memory) -> Verdict:
        """All signals, one by one."""
        held: set[str] = set()
        for i, (measure, op, limit_at) in enumerate(table):
            value = values.get(measure)
            begun = memory[begun_at + i]
            if value is not None:
                was = begun == begun
                if not now_true(op, value, memory[limit_at + was], memory[mean_at[measure]]):
                    memory[begun_at + i] = begun = NAN
                elif not was:
                    memory[begun_at + i] = begun = at_ms
            if begun == begun:
                held.add(measure)
        memory[true_at] = sum(1 for i in range(n) if memory[begun_at + i] == memory[begun_at + i])
        for measure, at, _, _ in jumps:
            if measure in values and measure not in held:
                mean = memory[at]
                memory[at] = mean + MEAN * (values[measure] - mean) if mean == mean else values[measure]
        if memory[true_at] < at_least:
            return GOOD if any(name in values for name in names) else None
        return together(values, at_ms, memory)

    def together(values: Mapping[str, Any], at_ms: int, memory: Memory) -> Verdict:
        begun = sorted((memory[begun_at + i], i) for i in range(n) if memory[begun_at + i] == memory[begun_at + i])
        if all(last - first > within_ms for (first, _), (last, _) in zip(begun, begun[at_least - 1 :], strict=False)):
            return GOOD
        true = [params.signals[i] for _, i in begun]
        evidence = tuple(Evidence(at_ms, one.measure, values[one.measure]) for one in true if one.measure in values)
        said = ", ".join(one.name.replace("_", " ") for one in true)
        return Bad(
            "several_signals",
            said if at_least == 1 else f"{len(true)} of {n} signals within {span(params.within_s)}: {said}",
            evidence,
        )

    return observe


def _jumping(params: Params) -> tuple[Signal, ...]:
    """One signal for each measure that is watched for jumps."""
    return tuple({signal.measure: signal for signal in params.signals if signal.op in JUMPS}.values())


def _limits_at(params: Params, measure: str, base: int) -> tuple[int, int]:
    """Where the limits of the smallest jumps up and down of a measure stand in the memory; -1 for none."""
    found = []
    for op in JUMPS:
        own = [(one.value, i) for i, one in enumerate(params.signals) if one.measure == measure and one.op == op]
        found.append(base + 2 * min(own)[1] if own else -1)
    return found[0], found[1]
