"""The world: a clock that jumps from report to report, faults that begin and end, and what the devices send meanwhile.

PURE and deterministic. Not thread-safe: a publisher that also repairs takes a lock around `advance` and `repair`.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from heapq import heapify, heappop, heappush, heapreplace
from typing import NamedTuple

import orjson

from citybrain.kernel.errors import InputError
from citybrain.kernel.register import Register
from citybrain.kernel.times import to_ms
from simulators.truth import Fault
from simulators.world import actions, noise, registering
from simulators.world import city as plan
from simulators.world.city import City
from simulators.world.effects import Effect
from simulators.world.faults import TYPES
from simulators.world.options import Options
from simulators.world.physics import drain, mains, manhole, streetlight
from simulators.world.physics.ground import Ground
from simulators.world.sky import Sky
from simulators.world.weather import Weather

_SAMPLE = (mains.rain_gauge, mains.gateway, mains.cabinet, manhole.sample, streetlight.sample, drain.sample)
_INDEX_BITS = 24
_INDEX_MASK = (1 << _INDEX_BITS) - 1
_WATCH_MS = 60_000
"""A device under a slow fault looks so often whether it must send at once."""
_REPEATS_MS = (10_000, 60_000)
"""An alarm frame is repeated so long after the first."""
_PARTIAL = frozenset({"tilt_deg", "battery_pct", "rssi_dbm", "snr_db", "no_target"})
"""What an alarm frame of a tilt sensor carries: it does not wait for its ranger."""


class Emission(NamedTuple):
    """One message to publish: when the device sends it (ms since the epoch), and of which fault it tells."""

    at_ms: int
    topic: str
    payload: bytes
    asset: str
    observed_ms: int
    fault_id: str | None


class World:
    """A city of `assets` assets of all kinds that begins at `start` (aware). Same seed and same calls give the same output.

    Raises InputError for fewer than 50 assets or more than 16 million, ValueError for a naive start.
    """

    def __init__(self, seed: int, assets: int, start: datetime, *, options: Options | None = None) -> None:
        if assets > _INDEX_MASK:
            raise InputError(f"a city has at most {_INDEX_MASK} assets, got {assets}")
        self.seed, self.options = seed, options or Options()
        self.city = City(seed, assets)
        self.now_ms = to_ms(start)
        sky = Sky(plan.LAT, plan.LON)
        weather = Weather(seed, self.city.districts, self.now_ms, self.options.showers_per_day)
        self.ground = Ground(self.city, sky, weather, self.now_ms)
        self._steps = tuple(self.options.interval_ms(kind) for kind in range(len(plan.KINDS)))
        self._topic = tuple(f"city/{self.options.city}/{kind.value}/" for kind in plan.KINDS)
        self._loss, self._twice, self._late = (
            int(share * 4096) for share in (self.options.loss, self.options.duplicate, self.options.late)
        )
        self._due = [
            self.now_ms + 1 + bits % self._steps[self.city.kinds[index]] << _INDEX_BITS | index
            for index, bits in enumerate(self.city.statics)
        ]
        heapify(self._due)
        self._todo: list[tuple[int, int, str, int, Fault | Emission]] = []
        self._count = 0
        self._effects: dict[int, list[tuple[str, Effect]]] = {}
        self._down: dict[int, str] = {}
        self._dead: dict[int, str] = {}
        self._faults: dict[str, Fault] = {}
        self._on: dict[int, list[str]] = {}
        self._emitted: list[Emission] = []

    # -- what there is --------------------------------------------------------------------------------------------------

    def register(self) -> Register:
        """The register of this city, made anew at each call."""
        return registering.register(self.city, self.options)

    def truth(self) -> tuple[Fault, ...]:
        """What was done to the city so far and will be, in order of beginning."""
        return tuple(sorted(self._faults.values(), key=lambda fault: (fault.from_ms, fault.id)))

    # -- faults ---------------------------------------------------------------------------------------------------------

    def make(self, name: str, index: int, from_ms: int, number: int = 0) -> Fault:
        """A fault of this city that is not yet injected (see `actions.make`)."""
        return actions.make(self.ground, self.options, name, index, from_ms, number)

    def inject(self, faults: Iterable[Fault]) -> None:
        """Lets faults happen at their moments. Raises ValueError for one that is known, or of the past, or elsewhere."""
        for fault in faults:
            index = self.city.index_of(fault.asset)
            if index is None or fault.id in self._faults or fault.from_ms < self.now_ms:
                raise ValueError(f"cannot inject {fault.id} at {self.now_ms}")
            self._faults[fault.id] = fault
            if fault.name == "storm_surge":
                self.ground.weather.add(self.city.district_of(index), actions.storm(fault))
            self._plan(fault.from_ms, "begin", index, fault)

    def repair(self, asset: str, at_ms: int) -> bool:
        """A crew puts an asset right; False when nothing was wrong there (or only the weather).

        Who is sent to a dark lamp or a silent device finds the tripped feeder or dead gateway behind it. Repairs of the past
        happen now.
        """
        index = self.city.index_of(asset)
        if index is None:
            return False
        names = [name for name in self._on.get(index, ()) if self._faults[name].real]
        if not names:
            parents = [self._down.get(self.city.gateway_of[index])]
            if self.city.kinds[index] == plan.STREETLIGHT:
                parents.insert(0, self._dead.get(self.city.cabinet_of(index)))
            names = [parent for parent in parents if parent is not None][:1]
        moment = max(at_ms, self.now_ms)
        for name in names:
            fault = self._faults[name]
            repaired = self.city.index_of(fault.asset)
            if repaired is not None:
                self._plan(moment, "end", repaired, fault)
        return bool(names)

    # -- time -----------------------------------------------------------------------------------------------------------

    def advance(self, to_ms: int) -> list[Emission]:
        """Lets time pass up to and including `to_ms`; returns what the devices sent, in time order."""
        due, todo, steps, kinds = self._due, self._todo, self._steps, self.city.kinds
        jitter = self.options.jitter * 2 / 256
        self._emitted = []
        while True:
            head = due[0]
            moment = head >> _INDEX_BITS
            if todo and todo[0][0] <= moment:
                if todo[0][0] > to_ms:
                    break
                self._happen()
                continue
            if moment > to_ms:
                break
            index = head & _INDEX_MASK
            self.now_ms = moment
            step = steps[kinds[index]]
            bits = noise.at(self.city.statics[index], moment)
            heapreplace(due, (moment + step + int(((bits >> 56) - 128) * jitter * step) << _INDEX_BITS) | index)
            self._report(index, moment, bits)
        self.now_ms = max(self.now_ms, to_ms)
        return self._emitted

    def _plan(self, at_ms: int, what: str, index: int, thing: Fault | Emission) -> None:
        self._count += 1
        heappush(self._todo, (at_ms, self._count, what, index, thing))

    def _happen(self) -> None:
        moment, _, what, index, thing = heappop(self._todo)
        self.now_ms = max(self.now_ms, moment)
        if isinstance(thing, Emission):
            self._emitted.append(thing)
        elif what == "begin":
            self._begin(index, thing)
        elif what == "end":
            self._end(index, thing, moment)
        elif what == "frame":
            self._report(index, moment, noise.at(self.city.statics[index], moment), TYPES[thing.name].alarm)
        elif thing.id in self._on.get(index, ()):
            self._watch(index, thing, moment)

    def _begin(self, index: int, fault: Fault) -> None:
        self._on.setdefault(index, []).append(fault.id)
        for other, effect in actions.effects_of(self.ground, fault, index):
            self._effects.setdefault(other, []).append((fault.id, effect))
        if fault.name == "gateway_out":
            self._down[index] = fault.id
        elif fault.name == "feeder_trip":
            self._dead[index] = fault.id
        if fault.name == "traffic_shock" and fault.to_ms is not None:
            # the sensor reads again before its radio has sent the first frame: the second is right behind
            bits = noise.at(self.city.statics[index], fault.from_ms)
            self._report(index, fault.from_ms, bits, "tilt_deg", sent_ms=fault.to_ms)
        if fault.to_ms is not None:
            self._plan(fault.to_ms, "end", index, fault)
        if fault.name == "traffic_shock":
            return
        if TYPES[fault.name].alarm:
            delay = 1000 + noise.text_bits(fault.id) % 2000
            self._plan(fault.from_ms + delay, "watch", index, fault)

    def _end(self, index: int, fault: Fault, moment: int) -> None:
        names = self._on.get(index, [])
        if fault.id not in names:
            return
        names.remove(fault.id)
        if not names:
            del self._on[index]
        for other, _ in actions.effects_of(self.ground, fault, index):
            left = [pair for pair in self._effects.get(other, ()) if pair[0] != fault.id]
            if left:
                self._effects[other] = left
            else:
                self._effects.pop(other, None)
        self._down = {gateway: name for gateway, name in self._down.items() if name != fault.id}
        self._dead = {cabinet: name for cabinet, name in self._dead.items() if name != fault.id}
        self._faults[fault.id] = fault.ended(moment)
        if fault.name == "traffic_shock":
            self._report(index, moment, noise.at(self.city.statics[index], moment), "tilt_deg")
        elif TYPES[fault.name].alarm:
            self._plan(moment + 5_000, "frame", index, fault)

    def _watch(self, index: int, fault: Fault, moment: int) -> None:
        """Looks whether the device must send at once; if not yet, looks again in a minute."""
        measure = TYPES[fault.name].alarm
        bits = noise.at(self.city.statics[index], moment)
        values = _SAMPLE[self.city.kinds[index]](self.ground, index, self.city.statics[index], moment, bits)
        for _, effect in self._effects.get(index, ()):
            effect.apply(values, moment, bits)
        if actions.alarmed(measure, values):
            self._report(index, moment, bits, measure)
            for repeat in _REPEATS_MS:
                self._plan(moment + repeat, "frame", index, fault)
        else:
            self._plan(moment + _WATCH_MS, "watch", index, fault)

    def _report(self, index: int, moment: int, bits: int, alarm: str = "", sent_ms: int = 0) -> None:
        """One report of one device, unless it is dead, its gateway is, or the radio loses it. Alarms are confirmed uplinks,
        which the device sends until a gateway has heard them."""
        city = self.city
        if self._down and city.gateway_of[index] in self._down:
            return
        kind, static = city.kinds[index], city.statics[index]
        if self._dead and kind == plan.STREETLIGHT and city.cabinet_of(index) in self._dead:
            return
        luck = bits >> 20 & 0xFFF
        if luck < self._loss and not alarm:
            return
        values = _SAMPLE[kind](self.ground, index, static, moment, bits)
        fault_id = None
        if index in self._effects:
            for name, effect in self._effects[index]:
                if not effect.apply(values, moment, bits):
                    return
                if index in self._on and name in self._on[index]:
                    fault_id = name
        if alarm == "tilt_deg":
            values = {name: value for name, value in values.items() if name in _PARTIAL}
        asset = city.id_of(index)
        topic = f"{self._topic[kind]}{asset}/telemetry"
        luck = 4095 - luck
        if luck < self._late and not alarm:
            payload = orjson.dumps({"ts": moment, "values": values, "history": True})
            later = moment + 30_000 + (bits >> 8) % (2 * self._steps[kind])
            self._plan(later, "send", index, Emission(later, topic, payload, asset, moment, fault_id))
            return
        payload = orjson.dumps({"ts": moment, "values": values})
        emission = Emission(max(moment, sent_ms), topic, payload, asset, moment, fault_id)
        if sent_ms > moment:
            self._plan(sent_ms, "send", index, emission)
            return
        self._emitted.append(emission)
        if luck - self._late < self._twice and luck >= self._late:
            again = moment + 300 + (bits >> 8) % 1700
            self._plan(again, "send", index, emission._replace(at_ms=again))
