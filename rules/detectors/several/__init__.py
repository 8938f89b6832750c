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
    """For each signal what its value is a fraction of; 1 where it is a plain number."""
    return tuple(number_of(asset, signal.of) if signal.of else 1.0 for signal in params.signals)


def cells(params: Params) -> int:
    """For each signal since when it is true (ms; NaN: it is not), then the slow mean of those that watch for jumps."""
    return 2 * len(params.signals)


def common(params: Params, asset: Asset) -> tuple[Hashable, ...]:
    """Nothing of the asset is compiled in."""
    return ()


def compile(params: Params, asset: Asset, env: Env, base: int) -> Observe:
    """The judge."""
    n, at_least, within_ms = len(params.signals), params.at_least, params.within_s * 1000
    table = tuple(
        (
            signal.measure,
            signal.op,
            signal.value,
            signal.value if signal.clear is None else signal.clear,
            base + i,
            base + n + i,
        )
        for i, signal in enumerate(params.signals)
    )

    def observe(values: Mapping[str, Any], at_ms: int, memory: Memory) -> Verdict:
        true = 0
        told = False
        for measure, op, limit, clear, scale, since in table:
            value = values.get(measure)
            begun = memory[since]
            if value is not None:
                told = True
                wanted = (limit if begun != begun else clear) * memory[scale]
                if op == "true":
                    now = value == 1
                elif op == ">":
                    now = value > wanted
                elif op == "<":
                    now = value < wanted
                elif op == "false":
                    now = value == 0
                elif op == ">=":
                    now = value >= wanted
                elif op == "<=":
                    now = value <= wanted
                elif op == "==":
                    now = value == wanted
                else:
                    now = jumped(op, value, wanted, since + n, memory)
                if not now:
                    if begun == begun:
                        memory[since] = NAN
                    continue
                if begun != begun:
                    memory[since] = begun = at_ms
            if begun == begun:
                true += 1
        if true < at_least:
            return GOOD if told else None
        return _together(values, at_ms, memory)

    def jumped(op: str, value: float, wanted: float, mean_at: int, memory: Memory) -> bool:
        mean = memory[mean_at]
        if mean != mean:
            memory[mean_at] = value
            return False
        if (value - mean if op == "jump_up" else mean - value) >= wanted:
            return True
        memory[mean_at] = mean + MEAN * (value - mean)
        return False

    def _together(values: Mapping[str, Any], at_ms: int, memory: Memory) -> Verdict:
        begun = sorted((memory[base + n + i], i) for i in range(n) if memory[base + n + i] == memory[base + n + i])
        for (first, _), (last, _) in zip(begun, begun[at_least - 1 :], strict=False):
            if last - first <= within_ms:
                break
        else:
            return GOOD
        true = [params.signals[i] for _, i in begun]
        evidence = tuple(Evidence(at_ms, one.measure, values[one.measure]) for one in true if one.measure in values)
        names = ", ".join(one.name.replace("_", " ") for one in true)
        detail = names if at_least == 1 else f"{len(true)} of {n} signals within {span(params.within_s)}: {names}"
        return Bad("several_signals", detail, evidence)

    return observe
