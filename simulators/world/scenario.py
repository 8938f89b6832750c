"""Fault plans: which faults befall a world when. Seeded, spread over time and assets, never two on one asset."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from random import Random

from citybrain.kernel.times import to_ms
from simulators.truth import Fault
from simulators.world import city as plan_of
from simulators.world.faults import HOUR_MS, TYPES
from simulators.world.world import World

DEMO_START = "2026-03-02T15:00:00+00:00"
"""23:00 in the made-up city: ten hours from here hold a night, a dawn and a morning."""
DEMO: tuple[tuple[str, float], ...] = (
    ("blockage_dry", 0.03),
    ("cover_stolen", 0.05),
    ("lamp_out", 0.06),
    ("cycling", 0.07),
    ("sensor_silent", 0.08),
    ("traffic_shock", 0.10),
    ("over_power", 0.12),
    ("day_burner", 0.14),
    ("water_rising", 0.16),
    ("feeder_trip", 0.20),
    ("grate_clogged", 0.22),
    ("pole_knocked", 0.25),
    ("cover_flipped", 0.30),
    ("gateway_out", 0.34),
    ("battery_end", 0.36),
    ("lamp_out", 0.38),
    ("sensor_flapping", 0.40),
    ("storm_surge", 0.42),
    ("cover_stolen", 0.50),
    ("traffic_shock", 0.55),
    ("grate_clogged", 0.60),
    ("pole_knocked", 0.62),
    ("cover_flipped", 0.70),
)
"""The faults of the demo and at which share of its time each begins: every physical kind, slow ones first."""
_TRIES = 200


class _Placer:
    """Picks places for faults so that no two explain the same asset, nor two lamps of a feeder or devices of a gateway."""

    def __init__(self, world: World, random: Random) -> None:
        self.world, self.random = world, random
        self.taken: set[int] = set()
        self.feeders: set[int] = set()
        self.stormy: set[int] = set()
        self.drained: set[int] = set()
        for fault in world.truth():
            self._take(fault)

    def place(self, name: str, from_ms: int, number: int) -> Fault | None:
        """A fault somewhere that is free; None when the city is too full of faults."""
        city = self.world.city
        for _ in range(_TRIES):
            kind = self.random.choice(TYPES[name].kinds)
            if city.count[kind] == 0:
                continue
            index = self.random.choice(city.of_kind(kind))
            if not self._free(name, index):
                continue
            fault = self.world.make(name, index, from_ms, number)
            if name == "gateway_out" and any(self._number(asset) in self.taken for asset in fault.assets):
                continue
            if name == "feeder_trip" and any(self._number(asset) in self.taken for asset in fault.side_assets):
                continue
            self._take(fault)
            return fault
        return None

    def _number(self, asset: str) -> int:
        index = self.world.city.index_of(asset)
        if index is None:
            raise ValueError(f"{asset} is not of this city")
        return index

    def _free(self, name: str, index: int) -> bool:
        city = self.world.city
        if index in self.taken:
            return False
        kind, district = city.kinds[index], city.district_of(index)
        if kind == plan_of.STREETLIGHT and city.cabinet_of(index) in self.feeders:
            return False
        if name == "storm_surge":
            return district not in self.drained and district not in self.stormy
        return not (name == "blockage_dry" and district in self.stormy)

    def _take(self, fault: Fault) -> None:
        city, index = self.world.city, self._number(fault.asset)
        self.taken.add(index)
        if fault.name == "storm_surge":
            self.stormy.add(city.district_of(index))
            return
        if fault.name == "blockage_dry":
            self.drained.add(city.district_of(index))
        if city.kinds[index] == plan_of.STREETLIGHT:
            self.feeders.add(city.cabinet_of(index))
        elif fault.name == "feeder_trip":
            self.feeders.add(index)
        self.taken.update(self._number(asset) for asset in (*fault.assets, *fault.side_assets))


def plan(seed: int, world: World, start: datetime, hours: float, rate: float) -> tuple[Fault, ...]:
    """`rate` faults an hour for so many hours from `start` (aware), of all kinds in turn. Inject them with `world.inject`.

    Fewer come out when the city is too small to hold them apart.
    """
    random = Random(f"{seed}|{world.seed}|plan")
    placer = _Placer(world, random)
    begin, number = to_ms(start), max(1, round(hours * rate))
    names: list[str] = []
    while len(names) < number:
        turn = list(TYPES)
        random.shuffle(turn)
        names.extend(turn)
    faults = []
    for place, name in enumerate(names[:number]):
        share = (place + random.random()) / number
        fault = placer.place(name, begin + 1000 + int(share * hours * HOUR_MS), place)
        if fault is not None:
            faults.append(fault)
    return tuple(sorted(faults, key=lambda fault: (fault.from_ms, fault.id)))


def demo(
    seed: int, world: World, start: datetime, hours: float, names: Sequence[tuple[str, float]] = DEMO
) -> tuple[Fault, ...]:
    """The faults of the demo, within so many hours from `start` (aware)."""
    placer = _Placer(world, Random(f"{seed}|{world.seed}|demo"))
    begin, faults = to_ms(start), []
    for number, (name, share) in enumerate(names):
        fault = placer.place(name, begin + 1000 + int(share * hours * HOUR_MS), number)
        if fault is not None:
            faults.append(fault)
    return tuple(sorted(faults, key=lambda fault: (fault.from_ms, fault.id)))
