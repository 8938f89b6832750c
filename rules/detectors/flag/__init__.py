"""The device itself says so: one or more booleans."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from citybrain.kernel.model import Asset
from rules.detectors.base import GOOD, Bad, Env, Gate, Memory, Observe, Verdict, compile_gates, gate_numbers
from rules.detectors.words import name_of

OWN: Final = False


@dataclass(frozen=True, slots=True)
class Params:
    """Bad when any of the flags is `bad_when`; good when all that are in the message are the opposite."""

    measures: tuple[str, ...]
    bad_when: bool = True
    gates: tuple[Gate, ...] = ()
    """No verdict unless all of them are open (CAB-TRIP: feeder_live is false while feeder_commanded is true)."""

    def __post_init__(self) -> None:
        if not self.measures:
            raise ValueError("measures: give at least one")


def measures(params: Params) -> tuple[str, ...]:
    """What it reads."""
    return params.measures


def fixed(params: Params, asset: Asset) -> tuple[float, ...]:
    """The numbers of the gates."""
    return gate_numbers(params.gates, asset)


def cells(params: Params) -> int:
    """It remembers nothing."""
    return 0


def common(params: Params, asset: Asset) -> tuple[Hashable, ...]:
    """Nothing of the asset is compiled in."""
    return ()


def compile(params: Params, asset: Asset, env: Env, base: int) -> Observe:
    """The judge; most rules name a single flag without gates, which has a closure of its own."""
    bad, good = (1, 0) if params.bad_when else (0, 1)
    flags, opens = params.measures, compile_gates(params.gates, base)
    verdicts = {name: Bad("flag_set", f"the device reports {name_of(name)}: {'yes' if bad else 'no'}") for name in flags}
    if len(flags) == 1 and opens is None:
        only, verdict = flags[0], verdicts[flags[0]]

        def single(values: Mapping[str, Any], at_ms: int, memory: Memory) -> Verdict:
            value = values.get(only)
            if value is None:
                return None
            if value == good:
                return GOOD
            return verdict if value == bad else None

        return single

    def observe(values: Mapping[str, Any], at_ms: int, memory: Memory) -> Verdict:
        answer: Verdict = None
        for name in flags:
            value = values.get(name)
            if value is None:
                continue
            if value == bad:
                answer = verdicts[name]
                break
            if value == good:
                answer = GOOD
        return None if answer is None or (opens is not None and not opens(values, memory)) else answer

    return observe
