"""Long series of single sensors: made here, and real ones where they are at hand (for evaluation only)."""

from __future__ import annotations

import csv
import math
import random
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import NamedTuple

SHARED = Path(__file__).parents[4] / "shared"
MINUTE_MS, HOUR_MS, DAY_MS = 60_000, 3_600_000, 86_400_000
REACH_MM = 5000
"""A greater distance means that the sensor heard no echo."""


class Tide(NamedTuple):
    """Distances from a fixed sensor down to tidal water, one each ten minutes; the bed is 4400 mm below the sensor."""

    name: str
    samples: list[tuple[int, float]]
    """(observed ms, distance mm)."""


class Lighting(NamedTuple):
    """Active power (W) and voltage (V) of a lighting cabinet, one sample a minute; NaN: no sample."""

    name: str
    samples: list[tuple[int, float, float]]


def tides() -> list[Tide]:
    """The made one first."""
    return [_made_tide(), *(Tide(file.stem, list(_sonar(file))) for file in sorted(SHARED.glob("data/housemill_level/*.csv")))]


def lightings() -> list[Lighting]:
    """The made one first."""
    folder = SHARED / "data" / "streetlight_power_slightlimon"
    real = [folder] if (folder / "w-data-test.txt").is_file() else []
    return [_made_lighting(), *(Lighting(folder.name, list(_cabinet(folder))) for folder in real)]


def _made_tide(days: int = 90, seed: int = 20) -> Tide:
    """Moon and sun make springs and neaps. The sensor is silent for hours now and then, hears no echo at some low waters, is
    blind for three days, and sees a cobweb for single readings.
    """
    rng = random.Random(seed)
    start = datetime(2026, 3, 1, tzinfo=UTC)
    silent = [(20.3, 8.2), (20.85, 7.0), (47.1, 4.8), (71.0, 75.8)]
    """(day, hours)."""
    blind = (58.2, 61.4)
    samples = []
    for n in range(days * 144):
        day = n / 144
        if any(since <= day < since + hours / 24 for since, hours in silent):
            continue
        hour = day * 24
        high = 1500 * math.cos(2 * math.pi * hour / 12.4206) + 500 * math.cos(2 * math.pi * hour / 12.0)
        distance = min(4400.0, 5 * round((2900 - high + rng.gauss(0, 12)) / 5))
        if blind[0] <= day < blind[1] or (distance > 4000 and rng.random() < 0.7):
            distance = 5003.0
        elif rng.random() < 0.004:
            distance = max(310.0, distance - rng.choice((300.0, 700.0, 2000.0)))
        samples.append((_ms(start + timedelta(days=day, seconds=rng.uniform(0, 1))), distance))
    return Tide("made", samples)


def _sonar(file: Path) -> Iterator[tuple[int, float]]:
    with file.open(encoding="utf-8") as lines:
        for row in csv.DictReader(lines):
            whole, _, parts = row["_time"].removesuffix("Z").partition(".")
            yield _ms(datetime.fromisoformat(f"{whole}.{parts[:6] or '0'}+00:00")), float(row["water_height_mm"])


def _made_lighting(nights: int = 4, seed: int = 21) -> Lighting:
    """Three steps of dimming, the voltage of a long cable, two holes in the record."""
    rng = random.Random(seed)
    steps = ((9 * 60 + 30, 6900.0), (11 * 60 + 30, 6100.0), (13 * 60, 5400.0), (17 * 60 + 10, 5050.0))
    """(minutes after 9 a.m., W); dark before the first and from 22 h 30 min on."""
    samples = []
    for minute in range(nights * 1440):
        of_day = minute % 1440
        full = 0.0 if of_day >= 22 * 60 + 30 else next((watts for since, watts in reversed(steps) if of_day >= since), 0.0)
        power = full * (1 + rng.gauss(0, 0.006))
        voltage = 223.5 - 2.5 * full / 6900 + rng.gauss(0, 0.4)
        if of_day in (100, 101, 102, 800, 801):
            power = voltage = math.nan
        samples.append((LIGHTING_START_MS + minute * MINUTE_MS, power, voltage))
    return Lighting("made", samples)


def _cabinet(folder: Path) -> Iterator[tuple[int, float, float]]:
    columns = [map(float, (folder / name).read_text().split()) for name in ("w-data-test.txt", "v-data-test.txt")]
    for minute, (power, voltage) in enumerate(zip(*columns, strict=True)):
        yield LIGHTING_START_MS + minute * MINUTE_MS, power, voltage


def _ms(moment: datetime) -> int:
    return round(moment.timestamp() * 1000)


LIGHTING_START_MS = _ms(datetime(2026, 10, 12, 7, tzinfo=UTC))
"""9 a.m. of Italy on days when lamps are wanted from about 18:35 to 7:30 there."""
