"""PURE: units as devices and servers write them, and their conversion to those of the canonical measures.

A unit is (dimension, factor, offset): the number times `factor` plus `offset` is in the base unit of the dimension.
"""

from __future__ import annotations

import re

_UNITS: dict[str, tuple[str, float, float]] = {}


def _add(dimension: str, factor: float, names: str, offset: float = 0) -> None:
    for name in names.split():
        _UNITS[name] = (dimension, factor, offset)


_add("length", 1, "mm")
_add("length", 10, "cm")
_add("length", 1000, "m")
_add("length", 25.4, "in inch")
_add("length", 304.8, "ft")
_add("temperature", 1, "Cel °C ℃ degC C celsius")
_add("temperature", 5 / 9, "°F ℉ degF F", -160 / 9)
_add("temperature", 1, "K", -273.15)
_add("angle", 1, "deg ° degree degrees")
_add("angle", 57.29577951308232, "rad")
_add("share", 1, "% %RH %EL %LEL percent")
_add("share", 100, "ratio /")
_add("voltage", 1, "V")
_add("voltage", 0.001, "mV")
_add("voltage", 1000, "kV")
_add("current", 1, "A")
_add("current", 0.001, "mA")
_add("power", 1, "W")
_add("power", 0.001, "mW")
_add("power", 1000, "kW")
_add("energy", 1, "W.h Wh")
_add("energy", 1000, "kWh")
_add("energy", 1e6, "MWh")
_add("energy", 1 / 3600, "J")
_add("pressure", 1, "hPa mbar")
_add("pressure", 0.01, "Pa")
_add("pressure", 10, "kPa")
_add("pressure", 1000, "bar")
_add("pressure", 68.94757, "psi")
_add("time", 1, "h hour hours")
_add("time", 1 / 60, "min minutes")
_add("time", 1 / 3600, "s seconds")
_add("speed", 1, "m/s")
_add("speed", 1 / 3.6, "km/h")
_add("flow", 1, "L/s l/s")
_add("flow", 1000, "m3/s")
_add("flow", 1 / 3.6, "m3/h")
_add("light", 1, "lx lux")
_add("gas", 1, "[ppm] ppm")
_add("signal", 1, "dB[mW] dBm")
_add("gain", 1, "dB")
_add("count", 1, "1 count")

_NUMBER_AND_UNIT = re.compile(r"\s*([+-]?[0-9]{1,15}(?:\.[0-9]{1,12})?(?:[eE][+-]?[0-9]{1,2})?)\s*(\S{0,12})\s*")


def known(unit: str) -> bool:
    """Whether the unit is in the table."""
    return unit in _UNITS


def convertible(source: str, target: str) -> bool:
    """Whether both units measure the same thing."""
    return source == target or (source in _UNITS and target in _UNITS and _UNITS[source][0] == _UNITS[target][0])


def convert(value: float, source: str, target: str) -> float | None:
    """The number in the target unit; None when the units do not measure the same thing."""
    if source == target:
        return value
    if not convertible(source, target):
        return None
    _, factor, offset = _UNITS[source]
    _, target_factor, target_offset = _UNITS[target]
    # rounded to 12 digits: 25.7 degC must not become 25.700000000000045
    return float(f"{(value * factor + offset - target_offset) / target_factor:.12g}")


def split(text: str) -> tuple[float, str] | None:
    """The number and the unit in a text such as "1700 mm" or "22 ℃"; None when it is no number."""
    match = _NUMBER_AND_UNIT.fullmatch(text)
    return (float(match[1]), match[2]) if match else None
