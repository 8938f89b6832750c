"""The 32 engines of the embedded runtime: step, tick, and recovery from checkpoint + log."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from typing import NamedTuple

import orjson

from citybrain.kernel.codec import Entry, from_plain
from citybrain.kernel.events import AlertEvent
from citybrain.kernel.ids import SHARDS, shard_of
from citybrain.kernel.model import Asset, Kind, Reading
from citybrain.store import stream
from citybrain.store.db import Tx
from rules.engine import VERSION, Engine, Fate, StepResult
from rules.rulebook import Rulebook

log = logging.getLogger(__name__)
AssetOf = Callable[[str], Asset | None]


class Judged(NamedTuple):
    """What became of a batch: the fate of each reading (parallel), the events, and the readings that no rule survived."""

    fates: list[Fate]
    events: list[AlertEvent]
    poison: list[tuple[Reading, str]]


class Shards:
    """All engines of this process."""

    def __init__(self, rulebook: Rulebook, asset_of: AssetOf) -> None:
        self.rulebook, self._asset_of = rulebook, asset_of
        self._engines = [Engine(shard, rulebook, asset_of) for shard in range(SHARDS)]
        self._at = [0] * SHARDS
        """position of the last entry in each engine's state"""

    def recover(self, tx: Tx, only: int | None = None) -> int:
        """Load the checkpoints, replay the log behind them; the last position. Events of a replay were committed before."""
        found = {checkpoint.shard: checkpoint for checkpoint in stream.checkpoints(tx)}
        wanted = range(SHARDS) if only is None else (only,)
        for shard in wanted:
            engine = Engine(shard, self.rulebook, self._asset_of)
            if shard in found:
                if found[shard].version != VERSION:
                    log.warning("shard %d has a state of detector version %s, this is %s", shard, found[shard].version, VERSION)
                engine.load(found[shard].state)
            self._engines[shard], self._at[shard] = engine, found[shard].position if shard in found else 0
        start = min(self._at[shard] for shard in wanted)
        replayed = 0
        position = start
        for position, raw in stream.entries_after(tx, start):
            entry = from_plain(orjson.loads(raw))
            grouped = _by_shard(entry.readings)
            for shard in wanted:
                if position > self._at[shard]:
                    self._replay(shard, entry, [entry.readings[index] for index in grouped.get(shard, ())])
            replayed += 1
        last = max(position, stream.last_position(tx))
        for shard in wanted:
            self._at[shard] = last
        if only is None:
            log.info("recovered %d shards: %d entries of the log replayed, position %d", SHARDS, replayed, last)
        return last

    def _replay(self, shard: int, entry: Entry, readings: Sequence[Reading]) -> None:
        engine = self._engines[shard]
        for asset, state in entry.adopted:
            if shard_of(asset) == shard:
                engine.adopt(asset, state)
        if readings:
            engine.step(readings)
        if entry.tick_ms is not None:
            engine.tick(entry.tick_ms)

    def step(self, readings: Sequence[Reading], rebuild: Callable[[int], None]) -> Judged:
        """Judge a batch. `rebuild(shard)` brings an engine back to the last durable state after a rule failed on a reading."""
        fates: list[Fate] = [Fate.FRESH] * len(readings)
        events: list[AlertEvent] = []
        poison: list[tuple[Reading, str]] = []
        for shard, indices in _by_shard(readings).items():
            mine = [readings[index] for index in indices]
            try:
                result = self._engines[shard].step(mine)
            except Exception as error:  # a rule must not stop the stream, whatever it raises
                log.exception("shard %d: a rule failed; looking for the reading that does it", shard)
                result, bad = self._one_by_one(shard, mine, rebuild)
                poison += [(reading, f"{type(error).__name__}: {error}") for reading in bad]
                for index in list(indices):
                    if readings[index] in bad:
                        indices.remove(index)
            events += result.events
            for index, fate in zip(indices, result.fates, strict=True):
                # a rain gauge goes to every shard; only its own shard says what became of it
                if readings[index].kind != Kind.RAIN_GAUGE or shard_of(readings[index].asset) == shard:
                    fates[index] = fate
        return Judged(fates, events, poison)

    def _one_by_one(
        self, shard: int, readings: list[Reading], rebuild: Callable[[int], None]
    ) -> tuple[StepResult, list[Reading]]:
        """Step without the readings that make a rule fail. Each failure spoils the state, so it is rebuilt each time."""
        bad: list[Reading] = []
        while True:
            rebuild(shard)
            good = [reading for reading in readings if reading not in bad]
            result = StepResult([], [])
            for reading in good:
                try:
                    one = self._engines[shard].step([reading])
                except Exception:  # found it; the caller quarantines it with the error's text
                    bad.append(reading)
                    break
                result.fates.extend(one.fates)
                result.events.extend(one.events)
            else:
                return result, bad

    def tick(self, now_ms: int) -> list[AlertEvent]:
        """What only the clock can see, in all shards."""
        return [event for engine in self._engines for event in engine.tick(now_ms)]

    def adopt(self, asset: str, state: bytes) -> None:
        """Replace the state of an asset that was judged again."""
        self._engines[shard_of(asset)].adopt(asset, state)

    def refresh(self, asset: str) -> None:
        """The register has something new about an asset."""
        self._engines[shard_of(asset)].refresh(asset)

    def use(self, rulebook: Rulebook) -> None:
        """Judge by another rulebook from now on."""
        self.rulebook = rulebook
        for engine in self._engines:
            engine.use(rulebook)

    def checkpoint(self, shard: int, position: int) -> stream.Checkpoint:
        """The state of a shard after the entry at `position`."""
        return stream.Checkpoint(shard, position, VERSION, self._engines[shard].dump())


def _by_shard(readings: Sequence[Reading]) -> dict[int, list[int]]:
    """Indices of the readings of each shard. Rain is context for every shard."""
    grouped: dict[int, list[int]] = {}
    for index, reading in enumerate(readings):
        if reading[1] == Kind.RAIN_GAUGE:
            for shard in range(SHARDS):
                grouped.setdefault(shard, []).append(index)
            continue
        shard = shard_of(reading[0])
        if shard in grouped:
            grouped[shard].append(index)
        else:
            grouped[shard] = [index]
    return grouped
