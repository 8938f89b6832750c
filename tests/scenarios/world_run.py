"""Runs a simulated city through the real rules in event time: world -> readings -> engines of all shards -> alert rows."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

import orjson

from citybrain.kernel.events import AlertChange
from citybrain.kernel.ids import SHARDS, content_hash, shard_of
from citybrain.kernel.model import Asset, Flag, Kind, Reading
from citybrain.kernel.register import Register
from rules.engine import Engine, Fate
from rules.load import load
from simulators.score import AlertRow
from simulators.world import Emission, World

MINUTE_MS = 60_000
HISTORY, NONE = int(Flag.HISTORY), int(Flag.NONE)
GAUGE = str(Kind.RAIN_GAUGE)


def reading_of(register: Register, emission: Emission) -> Reading:
    """The reading that ingest makes of a canonical message."""
    message = orjson.loads(emission.payload)
    asset: Asset = register.assets[emission.asset]
    values = message["values"]
    if "distance_mm" in values and asset.install_height_mm is not None and asset.depth_mm is not None:
        values["level_mm"] = asset.install_height_mm - values["distance_mm"]
        values["freeboard_mm"] = asset.depth_mm - values["level_mm"]
    flags = HISTORY if message.get("history") else NONE
    key = content_hash(emission.payload)
    return Reading(asset.id, asset.kind, asset.id, emission.observed_ms, emission.at_ms, values, None, key, 0, flags)


class Brain:
    """All shards of the rules, and the episodes they told of."""

    def __init__(self, world: World) -> None:
        self.world, self.register = world, world.register()
        book = load()
        self.engines = [Engine(shard, book, self.register.assets.get) for shard in range(SHARDS)]
        self.alerts: dict[str, AlertRow] = {}
        self.fates: dict[Fate, int] = defaultdict(int)
        self.details: dict[str, str] = {}

    def run(self, until_ms: int, *, tick_ms: int = MINUTE_MS, repair_after_ms: int | None = None) -> None:
        """Lets the city live until `until_ms`; repairs the asset of each alert so long after it was raised."""
        repairs: list[tuple[int, str]] = []
        while self.world.now_ms < until_ms:
            now = min(until_ms, self.world.now_ms + tick_ms)
            batches: list[list[Reading]] = [[] for _ in range(SHARDS)]
            for emission in self.world.advance(now):
                reading = reading_of(self.register, emission)
                if reading.kind == GAUGE:
                    for batch in batches:
                        batch.append(reading)
                else:
                    batches[shard_of(reading.asset)].append(reading)
            for engine, batch in zip(self.engines, batches, strict=True):
                result = engine.step(batch)
                for fate in result.fates:
                    self.fates[fate] += 1
                for event in (*result.events, *engine.tick(now)):
                    if event.change == AlertChange.RAISED:
                        self.alerts[event.id] = AlertRow(
                            event.id, event.asset, event.condition, event.severity, event.onset_ms, event.at_ms
                        )
                        self.details[event.id] = event.detail
                        if repair_after_ms is not None:
                            repairs.append((event.at_ms + repair_after_ms, event.asset))
                    elif event.change == AlertChange.RESOLVED:
                        self.alerts[event.id] = self.alerts[event.id]._replace(end_ms=event.end_ms)
            for moment, asset in [pair for pair in repairs if pair[0] <= now]:
                self.world.repair(asset, moment)
            repairs = [pair for pair in repairs if pair[0] > now]

    def rows(self) -> Iterable[AlertRow]:
        """The episodes, as the scorer wants them."""
        return self.alerts.values()
