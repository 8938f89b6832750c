"""How fast one core judges, and how much memory an asset costs: the same engine and rulebook as in the pipeline."""

from __future__ import annotations

import gc
import random
from collections.abc import Callable, Sequence
from time import thread_time_ns
from typing import Any, Final, TypedDict

import psutil

from citybrain.kernel.ids import SHARDS, content_hash, shard_of
from citybrain.kernel.model import Asset, Kind, Reading, Value
from rules.engine import Engine
from rules.load import load
from rules.rulebook import Rulebook

BATCH: Final = 2000
"""Readings in one transaction of the pipeline, spread over the shards."""
INTERVAL_S: Final = 900
START_MS: Final = 1_780_000_000_000
FAULTY: Final = 0.01
"""Share of assets that have a fault all the time."""
KINDS: Final = (Kind.MANHOLE, Kind.STREETLIGHT, Kind.DRAIN)


class Figures(TypedDict):
    """What the benchmark gives. `bytes_per_asset` is the growth of the process, register objects included."""

    readings_per_second: float
    ns_per_reading: float
    bytes_per_asset: float
    assets: int
    readings: int
    alerts: int


def bench(assets: int, seconds: float, rulebook: Rulebook, memory: Callable[[], int], seed: int = 7) -> Figures:
    """Judges readings of `assets` assets (a third each of covers, lamps and drains) until `seconds` of judging are over.

    `memory` gives the resident bytes of the process. Making the readings is not counted; one full round in which all
    assets are heard for the first time is not counted either.
    """
    city = City(assets, seed)
    before = memory()
    register = {asset.id: asset for asset in city.assets()}
    engines = [Engine(shard, rulebook, register.get) for shard in range(SHARDS)]
    order = sorted(register, key=lambda one: content_hash(one.encode()))
    city.judge(engines, register, order, city.now_ms)
    grown = memory() - before
    spent = readings = alerts = 0
    while spent < seconds * 1e9:
        took, told = city.judge(engines, register, order, city.now_ms, limit_ns=int(seconds * 1e9) - spent)
        spent += took
        alerts += told
    readings = city.judged
    return Figures(
        readings_per_second=round(readings / spent * 1e9, 1),
        ns_per_reading=round(spent / readings, 1),
        bytes_per_asset=round(grown / assets, 1),
        assets=assets,
        readings=readings,
        alerts=alerts,
    )


def bench_engine(assets: int, seconds: float) -> Figures:
    """`bench` with the shipped rulebook and this process."""
    process = psutil.Process()
    gc.collect()
    return bench(assets, seconds, load(None), lambda: int(process.memory_info().rss))


class City:
    """Readings of a town in which most is well."""

    def __init__(self, assets: int, seed: int) -> None:
        self.size = assets
        self.random = random.Random(seed)
        self.now_ms = START_MS
        self.judged = 0
        """Readings since the first round."""

    def assets(self) -> Sequence[Asset]:
        """The register's objects, with strings of their own as a database driver would make them."""
        found = []
        for number in range(self.size):
            kind = KINDS[number % 3]
            common: dict[str, Any] = {
                "id": f"{kind}-{number:06d}",
                "kind": str(kind),
                "lat": 31.2 + number % 1000 * 1e-4,
                "lon": 120.6 + number // 1000 * 1e-4,
                "district": f"D{number % 12}",
                "interval_s": float(INTERVAL_S),
                "gateway": f"GW{number % 300}",
            }
            if kind is Kind.STREETLIGHT:
                own: dict[str, Any] = {"rated_power_w": (64.0, 90.0, 120.0)[number % 7 % 3], "feeder": f"F{number // 60}"}
            else:
                depth = 1800.0 + number % 997
                own = {"depth_mm": depth, "install_height_mm": depth - 150, "pipe_diameter_mm": 300.0 + number % 5 * 100}
            found.append(Asset(**common, **own))
        return found

    def judge(
        self, engines: list[Engine], register: dict[str, Asset], order: list[str], start_ms: int, limit_ns: int | None = None
    ) -> tuple[int, int]:
        """One round in which every asset reports once, in batches as the pipeline makes them; gives (ns, events)."""
        step_ms = INTERVAL_S * 1000 / len(order)
        spent = told = 0
        for first in range(0, len(order), BATCH):
            names = order[first : first + BATCH]
            batches: list[list[Reading]] = [[] for _ in engines]
            for at, name in enumerate(names, first):
                self.now_ms = start_ms + int(at * step_ms)
                batches[shard_of(name)].append(self.reading(register[name], self.now_ms))
            begun = thread_time_ns()
            for engine, batch in zip(engines, batches, strict=True):
                if batch:
                    told += len(engine.step(batch).events)
                told += len(engine.tick(self.now_ms))
            spent += thread_time_ns() - begun
            if limit_ns is not None:
                self.judged += len(names)
                if spent >= limit_ns:
                    break
        self.now_ms = start_ms + INTERVAL_S * 1000
        return spent, told

    def reading(self, asset: Asset, at_ms: int) -> Reading:
        """A message as the decoder would make it: fresh objects, names of measures shared."""
        faulty = hash((asset.depth_mm, asset.lat)) % int(1 / FAULTY) == 0
        noise = self.random.random()
        values: dict[str, Value]
        if asset.kind == Kind.STREETLIGHT:
            rated = asset.rated_power_w or 64.0
            night = (at_ms // 3_600_000) % 24 in range(11, 21)  # dusk to dawn at this longitude in summer
            power = (0.7 * rated + noise) * (0.3 if faulty else 1.0) if night else 0.0
            values = {
                "power_w": power,
                "voltage_v": 238.0 + 4 * noise,
                "current_a": power / 240,
                "power_factor": 0.9 + noise / 100 if night else 0.0,
                "dim_pct": 75.0,
                "lamp_on": night,
                "lamp_failure": False,
                "temperature_cel": 24.0 + noise,
                "energy_wh": float(at_ms // 1000),
                "start_count": float(at_ms // 86_400_000),
            }
        else:
            height, depth = asset.install_height_mm or 2000.0, asset.depth_mm or 2000.0
            level = height - 350 if faulty else 80.0 + 40 * noise
            values = {
                "distance_mm": height - level,
                "level_mm": level,
                "freeboard_mm": depth - level,
                "temperature_cel": 14.0 + noise,
                "battery_pct": 88.0,
                "rssi_dbm": -97.0 + 6 * noise,
            }
            if asset.kind == Kind.MANHOLE:
                values |= {"tilt_deg": 0.4 + noise / 5, "tilt_alarm": False, "shock_count": float(at_ms // 3_600_000)}
        key = (at_ms * 0x9E3779B97F4A7C15) & 0x7FFFFFFFFFFFFFFF
        return Reading(asset.id[:], asset.kind, asset.id, at_ms, at_ms + 900, values, None, key)
