"""Units as devices write them."""

from __future__ import annotations

import pytest

from citybrain.kernel.measures import MEASURES
from ingest import units


@pytest.mark.parametrize(
    ("value", "source", "target", "want"),
    [
        (1.7, "m", "mm", 1700),
        (12, "in", "mm", 304.8),
        (25.7, "°C", "Cel", 25.7),
        (212, "°F", "Cel", 100),
        (273.15, "K", "Cel", 0),
        (0.92, "/", "%", 92),
        (1.5, "kWh", "W.h", 1500),
        (3300, "mV", "V", 3.3),
        (101325, "Pa", "hPa", 1013.25),
        (1013.25, "hPa", "bar", 1.01325),
        (90, "min", "h", 1.5),
        (36, "km/h", "m/s", 10),
        (1, "rad", "deg", 57.2957795131),
        (5, "mm", "V", None),
        (5, "furlong", "mm", None),
    ],
)
def test_convert(value: float, source: str, target: str, want: float | None) -> None:
    assert units.convert(value, source, target) == want


@pytest.mark.parametrize(
    ("text", "want"),
    [
        ("1700 mm", (1700, "mm")),
        ("22 ℃", (22, "℃")),
        ("0 °", (0, "°")),
        ("299.9", (299.9, "")),
        (" -3.5e2 V ", (-350, "V")),
        ("12mm", (12, "mm")),
        ("n/a", None),
        ("", None),
        ("1,7 m", None),
        ("nan", None),
        ("infinity", None),
        ("1" * 40, None),
        ("0x10", (0, "x10")),
        ("12 mm 13", None),
    ],
)
def test_split(text: str, want: tuple[float, str] | None) -> None:
    assert units.split(text) == want


def test_every_canonical_unit_is_known() -> None:
    assert [name for name, measure in MEASURES.items() if not units.known(measure.unit)] == []
