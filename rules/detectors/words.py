"""Numbers with their units, for the detail sentences of events (English; screens translate by reason code)."""

from __future__ import annotations

from typing import Final

from citybrain.kernel.measures import MEASURES

_UNITS: Final = {"1": "", "Cel": "°C", "deg": "°", "[ppm]": "ppm", "dB[mW]": "dBm", "W.h": "Wh"}
_TIGHT: Final = ("°", "%")


def with_unit(measure: str, value: float) -> str:
    """`12.5°`, `340 mm`, `3`: a value of a measure as people write it."""
    return _joined(value, unit_of(measure))


def per_hour(measure: str, value: float) -> str:
    """A change per hour of a measure: `340 mm/h`."""
    return f"{_joined(value, unit_of(measure))}/h"


def name_of(measure: str) -> str:
    """`tilt_deg` -> `tilt`, `power_factor` -> `power factor`: the measure without its unit."""
    unit = MEASURES[measure].unit if measure in MEASURES else "1"
    stem = measure.rsplit("_", 1)[0] if unit != "1" and "_" in measure else measure
    return stem.removesuffix("_lel").removesuffix("_m").removesuffix("_l").replace("_", " ")


def unit_of(measure: str) -> str:
    """The unit of a measure as people write it, "" for counts and unknown measures."""
    unit = MEASURES[measure].unit if measure in MEASURES else "1"
    return _UNITS.get(unit, unit)


def span(seconds: float) -> str:
    """`45 s`, `20 min`, `6 h`, `3 d`."""
    for size, unit in ((86400, "d"), (3600, "h"), (60, "min")):
        if seconds >= 2 * size or seconds == size:
            return f"{seconds / size:.3g} {unit}"
    return f"{seconds:.3g} s"


def _joined(value: float, unit: str) -> str:
    return f"{value:.6g}{unit if unit in _TIGHT or not unit else ' ' + unit}"
