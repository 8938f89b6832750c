"""What every detector shares: its verdicts, its memory, its gates.

A detector is a folder with `Params` (a frozen dataclass, checked when it is made; ValueError messages begin with the key)
and these functions:

- `measures(params) -> tuple[str, ...]`: the measures it reads. A message with none of them is never shown to it.
- `fixed(params, asset) -> tuple[float, ...]`: numbers of the asset that it needs (a rated power, a depth), NaN for unknown.
- `cells(params) -> int`: how many more numbers it remembers per asset, NaN at first.
- `OWN`: whether it uses the `env` that `compile` is given.
- `common(params, asset) -> tuple`: what of the asset is compiled in. Assets that agree in it share one judge.
- `compile(params, asset, env, base) -> Observe`: the judge. Its memory is `memory[base:]`: the fixed numbers, then its cells.

A judge must not hold anything of the asset but what `common` gives: it judges thousands of them.
"""

from __future__ import annotations

import math
import operator
from array import array
from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Literal, NamedTuple, Protocol

from citybrain.kernel.events import Evidence
from citybrain.kernel.model import Asset, Value

NAN: Final = math.nan

if TYPE_CHECKING:
    Memory = array[float]
else:
    Memory = array  # its class takes no parameters at run time
"""One flat array of doubles an asset: 200,000 assets must fit, and be quick to reach."""


class Bad(NamedTuple):
    """The reading shows the condition. `reason` is a code of `rules.reasons`, `detail` the sentence with numbers and units."""

    reason: str
    detail: str
    evidence: tuple[Evidence, ...] = ()
    """Left empty: the values of the detector's measures in this reading."""


UNSURE: Final = Bad("unsure", "")
"""A cause that is no fault can explain it: takes back what is only pending, leaves alone what is firing."""

GOOD: Final = False
"""The reading shows that the condition does not hold."""

Verdict = Bad | Literal[False] | None
"""None: the reading says nothing about it (the measure is missing, a gate is shut)."""

Observe = Callable[[Mapping[str, Value], int, Memory], Verdict]
"""`observe(values, observed_ms, memory)`."""


class Rain(Protocol):
    """Rain of a district, as far as its gauges are known."""

    def fallen_mm(self, from_ms: int, to_ms: int) -> float | None:
        """Rain in a span of time (ms since the epoch); None: no gauge was heard in it."""
        ...


class Env(Protocol):
    """What a detector may look up besides the reading and its memory."""

    def rain(self, district: str | None) -> Rain | None:
        """The rain history of a district; None where the district is unknown."""
        ...


class Detector(Protocol):
    """What the package of a detector offers."""

    OWN: bool
    """Whether a judge looks up something of its engine's own (`env`), so that each engine needs judges of its own."""

    def measures(self, params: Any) -> tuple[str, ...]: ...

    def fixed(self, params: Any, asset: Asset) -> tuple[float, ...]: ...

    def cells(self, params: Any) -> int: ...

    def common(self, params: Any, asset: Asset) -> tuple[Hashable, ...]: ...

    def compile(self, params: Any, asset: Asset, env: Env, base: int) -> Observe: ...


_COMPARE: Final[dict[str, Callable[[Any, Any], bool]]] = {
    ">": operator.gt,
    ">=": operator.ge,
    "<": operator.lt,
    "<=": operator.le,
    "==": operator.eq,
    "true": operator.eq,
    "false": operator.eq,
}
OPS: Final = tuple(_COMPARE)


@dataclass(frozen=True, slots=True)
class Gate:
    """Judge only while this holds: `measure op value`. A missing measure or a shut gate means no verdict.

    `of` names a field of the asset (such as rated_power_w): `value` is then a fraction of it.
    """

    measure: str
    op: str = "true"
    value: float = 0.0
    of: str | None = None

    def __post_init__(self) -> None:
        if self.op not in OPS:
            raise ValueError(f"op: must be one of {', '.join(OPS)}, got {self.op!r}")
        check_field("of", self.of)


FIELDS: Final = ("rated_power_w", "depth_mm", "install_height_mm", "pipe_diameter_mm")
"""Numbers of an asset that a rule may refer to."""


def check_field(key: str, name: str | None) -> None:
    """Raises ValueError unless `name` is None or a number field of an asset."""
    if name is not None and name not in FIELDS:
        raise ValueError(f"{key}: must be one of {', '.join(FIELDS)}, got {name!r}")


def number_of(asset: Asset, name: str | None) -> float:
    """A number field of the asset, NaN when it is not known."""
    value = getattr(asset, name) if name else None
    return NAN if value is None else float(value)


Opens = Callable[[Mapping[str, Value], Memory], bool]


def compile_gates(gates: tuple[Gate, ...], base: int) -> Opens | None:
    """One function for all gates; None where there are none. `base` is where `gate_numbers` stand in the memory.

    A text where a number belongs raises TypeError, as in any judge; the engine takes that for "no verdict".
    """
    tests = [_compile_gate(gate, base + at if gate.of else None) for at, gate in enumerate(gates)]
    if len(tests) < 2:
        return tests[0] if tests else None
    return lambda values, memory: all(test(values, memory) for test in tests)


def _compile_gate(gate: Gate, scale: int | None) -> Opens:
    measure, limit, compare = gate.measure, gate.value, _COMPARE[gate.op]
    if gate.op in ("true", "false"):
        limit = 1.0 if gate.op == "true" else 0.0

    def plain(values: Mapping[str, Any], memory: Memory) -> bool:
        value = values.get(measure)
        return value is not None and compare(value, limit)

    def scaled(values: Mapping[str, Any], memory: Memory) -> bool:
        value = values.get(measure)
        return value is not None and compare(value, limit * memory[scale])  # type: ignore[index] # not None, see below

    return plain if scale is None else scaled


def gate_numbers(gates: tuple[Gate, ...], asset: Asset) -> tuple[float, ...]:
    """The fixed numbers of gates: one each."""
    return tuple(number_of(asset, gate.of) for gate in gates)
