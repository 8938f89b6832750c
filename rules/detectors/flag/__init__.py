"""The device itself says so: one or more booleans."""

from __future__ import annotations

from dataclasses import dataclass

from rules.detectors.base import Gate


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
