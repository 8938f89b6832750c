"""PURE. Wear: what slowly goes wrong in months, told as the archive sums it up by day, with the truth beside it.

Silt that rises, batteries that are drawn empty, covers that knock or sink, lamps whose power drifts, faults that come back; and
healthy ones of each kind with the same weather, noise and seasons. The same (seed, kind, number) gives the same days.

A day is (day since 1970, n, mean, low, high, total), as the archive has it; the true date is that of the noiseless value.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from random import Random
from types import MappingProxyType

from citybrain.kernel.model import Asset, Device, Kind

Day = tuple[int, int, float, float, float, float]
KINDS = ("silt", "battery", "cover", "lamp", "repeat")
_AHEAD_DAYS = 400
"""the truth is looked for so long after the last day"""
_UPLINK_MAH = MappingProxyType({7: 0.0012, 8: 0.0021, 9: 0.0039, 10: 0.0072, 11: 0.0144, 12: 0.0278})
"""what one uplink draws on the air: 40 mA for the time on air"""


@dataclass(frozen=True, slots=True)
class Worn:
    """One asset and its past. Days are numbers since 1970; `true_day` None: it does not get there within a year."""

    asset: Asset
    wears: bool
    daily: Mapping[str, Sequence[Day]]
    rain: Sequence[Day] = ()
    true_day: float | None = None
    devices: Sequence[Device] = ()
    cases: Sequence[tuple[float, str]] = ()
    """(day, cause) of faults that had an order"""
    older: tuple[float, int] = (0.0, 0)
    """messages and days before the first of `daily`"""


def worn(seed: int, kind: str, number: int, first: int, days: int, *, wears: bool) -> Worn:
    """One asset of a kind of `KINDS` over `days` days from `first` on."""
    random = Random(f"{seed}/{kind}/{number}")
    return {"silt": _silt, "battery": _battery, "cover": _cover, "lamp": _lamp, "repeat": _repeat}[kind](
        random, number, first, days, wears
    )


def _one(value: float, n: int = 96, spread: float = 0.0) -> tuple[int, float, float, float, float]:
    return n, value, value - spread, value + spread, value * n


def _rainy(random: Random, first: int, days: int) -> dict[int, float]:
    """Rain by day, mm: one day in four, in spells."""
    fallen: dict[int, float] = {}
    wet = False
    for day in range(first, first + days):
        wet = random.random() < (0.55 if wet else 0.17)
        fallen[day] = random.expovariate(1 / 8) if wet else 0.0
    return fallen


def _silt(random: Random, number: int, first: int, days: int, wears: bool) -> Worn:
    """Deposits of 0.4 .. 2.5 mm a day, a third of them by rain; over them the night flow with a wave of the season."""
    pipe = 300.0 + 100 * random.randrange(6)
    base = (0.06 + 0.08 * random.random()) * pipe * 0.62
    phase, wave = random.random() * 2 * math.pi, 6.0 * random.random()
    rain = _rainy(random, first, days + _AHEAD_DAYS)
    rate = random.uniform(0.4, 2.5) if wears else 0.0
    room = 0.2 * pipe - base - wave
    silt = max(0.0, room - rate * random.uniform(30, 1.3 * days)) if wears else 0.0
    limit, true_day = 0.2 * pipe, None
    levels, gauge = [], []
    tail = 0.0
    for day in range(first, first + days + _AHEAD_DAYS):
        silt += rate * (0.67 * random.lognormvariate(-0.08, 0.4) + (rate > 0 and rain[day] > 1) * 0.33 * 4)
        clean = base + wave * math.sin(phase + day * 2 * math.pi / 365.25) + silt
        if true_day is None and clean >= limit:
            true_day = float(day)
        if day >= first + days:
            continue
        tail = 0.25 * tail + (rain[day] * random.uniform(1, 6) if rain[day] > 0.2 else 0.0)
        low = max(0.0, clean + tail + random.gauss(0, 2.5))
        if random.random() < 0.01:
            low = 0.0  # an echo from a ladder
        levels.append((day, 144, low + 0.05 * pipe, low, low + 0.3 * pipe, 144 * (low + 0.05 * pipe)))
        gauge.append((day, 288, rain[day] / 288, 0.0, rain[day] / 4, rain[day]))
    asset = Asset(f"DR-{number:06d}", Kind.DRAIN, district=f"D{number % 4 + 1:02d}", pipe_diameter_mm=pipe)
    return Worn(asset, wears, {"level_mm": levels}, gauge, true_day)


def _battery(random: Random, number: int, first: int, days: int, wears: bool) -> Worn:
    """An ER26500 with 48 .. 144 uplinks a day; each device draws more or less than its model (9 %), each cell holds more or
    less (4 %). Of a healthy one at most half is drawn."""
    interval = random.choice((600.0, 900.0, 1800.0))
    sf = random.choice((10, 11, 12))
    sends = 86_400 / interval
    per_uplink = _UPLINK_MAH[sf] + 0.02
    idle = 13 / 1000 * 24 + 0.01 * 8500 / 365.25
    own, cell = random.gauss(1, 0.09), random.gauss(1, 0.04)
    per_day = (sends * 1.01 * per_uplink + idle) * own
    life = 8500 * 0.8 * cell / per_day
    start = first + random.uniform(0.25, 1.4) * days - life if wears else first + days - random.uniform(0.1, 0.5) * life
    end = start + life
    heard = {
        day: sum(random.random() > 0.05 for _ in range(round(sends))) for day in range(first, first + days) if day >= start
    }
    signal = [(day, *_one(-12.0 + random.gauss(0, 1), n)) for day, n in heard.items()]
    began = int(start)
    older = max(0, first - began)
    asset = Asset(
        f"MH-{number:06d}", Kind.MANHOLE, district=f"D{number % 4 + 1:02d}", interval_s=interval,
        attributes=MappingProxyType({"sf": str(sf)}),
    )  # fmt: skip
    device = Device(asset.id, asset.id, "canonical", valid_from=datetime.fromtimestamp(began * 86_400, UTC))
    return Worn(
        asset, wears, {"snr_db": signal}, true_day=end, devices=(device,), older=(older * sends * 0.95, older)
    )  # fmt: skip


def _cover(random: Random, number: int, first: int, days: int, wears: bool) -> Worn:
    """Knocks that double in 15 .. 45 days, or a frame that sinks by 0.01 .. 0.04 deg a day; traffic rests on Sundays."""
    knocks, tilt = random.uniform(4, 40), random.uniform(0.1, 0.8)
    rocks = wears and random.random() < 0.6
    growth = math.log(2) / random.uniform(15, 45) if rocks else 0.0
    sinking = random.uniform(0.01, 0.04) if wears and not rocks else 0.0
    begin = first + random.uniform(0, 0.3) * days
    counter, weather = random.uniform(0, 1000), 0.0
    shocks, tilts = [], []
    true_day = None
    for day in range(first, first + days + _AHEAD_DAYS):
        age = max(0.0, day - begin)
        rate, lean = knocks * math.exp(min(20.0, growth * age)), tilt + sinking * age
        if true_day is None and (rate >= 240 or lean >= 1.5):
            true_day = float(day)
        if day >= first + days:
            continue
        week = 0.6 if day % 7 == 3 else 1.05
        before = counter
        counter += rate * week * random.lognormvariate(-0.03, 0.25)
        shocks.append((day, 96, (before + counter) / 2, before, counter, 48 * (before + counter)))
        weather = 0.8 * weather + random.gauss(0, 0.03)
        tilts.append((day, *_one(max(0.0, lean + weather + random.gauss(0, 0.05)), 96, 0.4)))
    asset = Asset(f"MH-{number:06d}", Kind.MANHOLE, district=f"D{number % 4 + 1:02d}")
    return Worn(asset, wears, {"shock_count": shocks, "tilt_deg": tilts}, true_day=true_day)


def _lamp(random: Random, number: int, first: int, days: int, wears: bool) -> Worn:
    """Power that falls by 0.2 .. 0.8 % a day (one in five: rises), at 75 % dimming with the voltage of the evening."""
    rated, own = 64.0, random.gauss(1, 0.012)
    drift = (random.uniform(0.004, 0.012) if random.random() < 0.2 else -random.uniform(0.002, 0.008)) if wears else 0.0
    begin = first + random.uniform(0, 0.4) * days
    powers, dims = [], []
    true_day = None
    for day in range(first, first + days + _AHEAD_DAYS):
        share = own + drift * max(0.0, day - begin)
        if true_day is None and (share <= 0.80 or share >= 1.41):
            true_day = float(day)
        if day >= first + days:
            continue
        season = 1 + 0.02 * math.sin(day * 2 * math.pi / 365.25)
        power = max(2.0, rated * 0.70 * season * share * (1 + random.gauss(0, 0.005)))
        powers.append((day, 96, power / 2, 0.6, power, 48 * power))
        dims.append((day, 96, 35.0, 0.0, 75.0, 3360.0))
    asset = Asset(f"SL-{number:06d}", Kind.STREETLIGHT, district=f"D{number % 4 + 1:02d}", rated_power_w=rated, model="L64")
    return Worn(asset, wears, {"power_w": powers, "dim_pct": dims}, true_day=true_day)


def _repeat(random: Random, number: int, first: int, days: int, wears: bool) -> Worn:
    """A blockage every 8 .. 30 days, from some day on; a healthy drain has one in three years. True: the third in 90 days."""
    mean = random.uniform(8, 30) if wears else 1100.0
    day = first + (random.uniform(0, 0.5) * days if wears else 0.0)
    cases: list[tuple[float, str]] = []
    while day < first + days + _AHEAD_DAYS:
        day += random.expovariate(1 / mean)
        cases.append((day, "blockage"))
    times = [day for day, _ in cases]
    third = next((times[n] for n in range(2, len(times)) if times[n] - times[n - 2] <= 90), None)
    asset = Asset(f"DR-{number:06d}", Kind.DRAIN, district=f"D{number % 4 + 1:02d}")
    return Worn(asset, wears, {}, true_day=third, cases=tuple(cases))
