"""The embedded pipeline: take, decode, judge, commit, acknowledge — in this order, one transaction a batch.

    1. take a batch from the broker (nothing is acknowledged yet)
    2. decode it; what cannot be read is kept for quarantine
    3. judge it: 32 engines, then the tick that is due
    4. one transaction: log entry, archive, quarantine, alerts, cases, orders, counters, a checkpoint that is due
    5. acknowledge

A failure before 5 makes the process end: the supervisor starts it again, state comes from checkpoint + log, and the broker
sends what was not acknowledged once more. A batch that was committed but not acknowledged comes again and is found to be known.
"""

from __future__ import annotations

import logging
import time
from collections import Counter
from collections.abc import Sequence
from datetime import timedelta

import orjson

from citybrain.clock import Clock, real_ms
from citybrain.config import Settings
from citybrain.kernel import canary
from citybrain.kernel.codec import Entry, to_plain
from citybrain.kernel.errors import PayloadError
from citybrain.kernel.ids import SHARDS
from citybrain.kernel.model import Asset, Device, Reading
from citybrain.kernel.times import from_ms
from citybrain.metrics import Metrics
from citybrain.runtime.city import City
from citybrain.runtime.rejudging import Rejudging
from citybrain.runtime.shards import Shards
from citybrain.runtime.sources import Source
from citybrain.runtime.ticker import Ticker
from citybrain.runtime.witness import Batch, Course, Witness, by_alert, traces_of
from citybrain.store import quarantine, stream
from citybrain.store import readings as readings_store
from citybrain.store import register as register_store
from citybrain.store.db import Database, Tx
from citybrain.tracing import NoSpans, Spans
from dispatch.testorder import take_test
from ingest.bridge import Delivery
from ingest.decode import Decoder
from rules.engine import Fate

log = logging.getLogger(__name__)
_ENOUGH = 32
"""messages that are worth a transaction: a batch with fewer waits a moment for more"""


class Pipeline:
    """One batch after the other. Not thread-safe: one thread turns it."""

    def __init__(
        self,
        db: Database,
        source: Source,
        decoder: Decoder,
        city: City,
        clock: Clock,
        metrics: Metrics,
        settings: Settings,
        spans: Spans | None = None,
    ) -> None:
        self._source, self._decoder, self._city, self._clock, self._metrics = source, decoder, city, clock, metrics
        self._witness = Witness(metrics, clock, spans or NoSpans(), settings.queue_size)
        self._canary = canary.topic(settings.city)
        self._batch_size, self._batch_s = settings.batch_size, settings.batch_ms / 1000
        self._checkpoint_s = settings.checkpoint_s / SHARDS
        self._session = db.session("citybrain pipeline")
        with self._session.transaction() as tx:
            stream.fence(tx)
        with self._session.transaction() as tx:
            city.load_register(tx)
            self._shards = Shards(city.rulebook, lambda asset: city.register.assets.get(asset))
            self.position = self._shards.recover(tx)
            self._rejudging = Rejudging(city, timedelta(days=settings.rejudge_days), stream.rejudge_waiting(tx))
        self._next_shard, self._checkpoint_at = 0, time.monotonic() + self._checkpoint_s
        self._ticker = Ticker(speed=1 / max(clock.real_s(1), 1e-6))
        self.lag_s = 0.0
        """city seconds from the receipt of the last batch's first message to its commit"""
        self.newest_ms = 0
        """newest observed time of any reading since the start"""
        self.ticks = True
        """False: the owner gives the ticks, and the clock of the replay also gives the time of receipt."""

    def turn(self, wait_s: float) -> int:
        """One batch; how many messages it had."""
        deliveries = self._source.take(self._batch_size, wait_s)
        if 0 < len(deliveries) < _ENOUGH:
            time.sleep(self._batch_s)
            deliveries += self._source.take(self._batch_size - len(deliveries), 0)
        course = Course()
        now_ms = self._clock.now_ms()
        readings, beats, rejected, counts, assets, devices = self._decode(deliveries, now_ms)
        course.passed("ingest")
        if readings:
            self.newest_ms = max(self.newest_ms, max(reading.observed_ms for reading in readings))
        # the canary comes this far to show that readings do; it is no news of the city, and nothing to keep
        judged = self._shards.step(readings + beats if beats else readings, self._rebuild)
        for reading, error in judged.poison:
            rejected.append((f"reading/{reading.asset}", repr(tuple(reading)).encode(), "rule_error", error))
        poison = {id(reading) for reading, _ in judged.poison}
        kept = [(r, f) for r, f in zip(readings, judged.fates, strict=not beats) if id(r) not in poison]
        tick = self._ticker.due(self._clock.now_ms(), readings, connected=self._source.connected) if self.ticks else None
        events = judged.events + (self._shards.tick(tick) if tick is not None else [])
        course.passed("rules")
        if deliveries or events or tick is not None:
            batch = Batch(
                len(deliveries) - len(beats), readings, rejected, events, traces_of(events, readings), canary.newest_ms(beats)
            )
            self._commit(batch, kept, counts, assets, devices, tick, course)
        self.lag_s = (self._clock.now_ms() - deliveries[0].received_ms) / 1000 if deliveries else 0.0
        if deliveries:
            self._source.ack([delivery.token for delivery in deliveries])
        self._witness.stands(self._source.backlog(), taken=len(deliveries), shown_ms=self._ticker.shown_ms if self.ticks else 0)
        if not deliveries or self._rejudging.urgent():
            self.rejudge()
        return len(deliveries)

    def _decode(
        self, deliveries: Sequence[Delivery], now_ms: int
    ) -> tuple[list[Reading], list[Reading], list[tuple[str, bytes, str, str]], Counter[str], list[Asset], list[Device]]:
        readings: list[Reading] = []
        beats: list[Reading] = []
        rejected: list[tuple[str, bytes, str, str]] = []
        counts: Counter[str] = Counter()
        assets: dict[str, Asset] = {}
        devices: list[Device] = []
        decode = self._decoder.decode
        for delivery in deliveries:
            received_ms = delivery.received_ms if self.ticks else now_ms
            if delivery.topic == self._canary and (beat := canary.read(delivery.payload, received_ms)) is not None:
                beats.append(beat)
                continue
            try:
                found = decode(
                    delivery.topic, delivery.payload, received_ms=received_ms, retained=delivery.retained, dup=delivery.dup
                )
            except PayloadError as error:
                rejected.append((delivery.topic, delivery.payload, error.reason, error.detail))
                continue
            readings += found.readings
            rejected += [(delivery.topic, *refused) for refused in found.refused]
            if found.ignored:
                counts[f"ignored_{found.ignored}"] += 1
            for note in found.notes:
                counts["values_dropped"] += 1
                self._metrics.values_dropped.labels(note.code).inc()
            if found.new_assets or found.new_devices:
                for asset in found.new_assets:
                    assets[asset.id] = asset
                devices += found.new_devices
                self._city.grow(found.new_assets, found.new_devices)
        counts["messages"] = len(deliveries) - len(beats)
        return readings, beats, rejected, counts, list(assets.values()), devices

    def _rebuild(self, shard: int) -> None:
        with self._session.transaction() as tx:
            self._shards.recover(tx, only=shard)

    def _commit(
        self,
        batch: Batch,
        kept: Sequence[tuple[Reading, Fate]],
        counts: Counter[str],
        assets: Sequence[Asset],
        devices: Sequence[Device],
        tick: int | None,
        course: Course,
    ) -> None:
        """Step 4: everything of the batch in one transaction."""
        now, events, rejected = self._clock.now(), batch.events, batch.rejected
        fresh = [reading for reading, fate in kept if fate == Fate.FRESH]
        late = [reading for reading, fate in kept if fate == Fate.LATE]
        with self._session.transaction() as tx:
            if assets or devices:
                register_store.add_provisional(tx, assets, devices)
            readings_store.add_fresh(tx, fresh)
            added = readings_store.add_late(tx, late, now)
            quarantine.add(tx, rejected, now)
            self.position += 1
            logged = [reading for reading, fate in kept if fate in {Fate.FRESH, Fate.CONTEXT}]
            course.passed("archive")
            opened = self._city.dispatch(tx, events, now, by_alert(events, batch.traces))
            course.passed("dispatch")
            new_late = sum(added)
            counts["stored"] = len(fresh) + new_late
            counts["late"] = new_late
            counts["duplicates"] = sum(fate == Fate.DUPLICATE for _, fate in kept) + len(late) - new_late
            counts["orders"] = len(opened)
            counts["quarantined"] = len(rejected)
            stream.append(tx, self.position, now, orjson.dumps(to_plain(Entry(logged, tick))), counts)
            self._checkpoint(tx)
            if batch.canary_ms is not None:
                # last: its row is shared with the cycle
                take_test(tx, batch.canary_ms, now=now, machine_now=from_ms(real_ms()))
            if events:
                stream.notify(tx, "alerts")
        self._rejudging.ask((reading.asset, reading.observed_ms) for reading, new in zip(late, added, strict=True) if new)
        course.passed("archive")
        batch.fates = {"fresh": len(fresh), "late": new_late, "duplicate": counts["duplicates"]}
        batch.opened = opened
        self._witness.committed(batch, course)

    def _checkpoint(self, tx: Tx) -> None:
        """Save one shard when its turn has come: staggered, so that no pause is long."""
        if time.monotonic() < self._checkpoint_at:
            return
        self._checkpoint_at = time.monotonic() + self._checkpoint_s
        stream.save_checkpoint(tx, self._shards.checkpoint(self._next_shard, self.position), self._clock.now())
        self._metrics.checkpoints.inc()
        self._next_shard = (self._next_shard + 1) % SHARDS
        if self._next_shard == 0:
            stream.prune(tx)

    def checkpoint_all(self) -> None:
        """Save every shard: at the end, and when rulebook or register change, so that no replay crosses the change."""
        with self._session.transaction() as tx:
            for shard in range(SHARDS):
                stream.save_checkpoint(tx, self._shards.checkpoint(shard, self.position), self._clock.now())
            stream.prune(tx)

    def tick(self, now_ms: int) -> None:
        """Show a time to the clock-driven rules now (a replay does so)."""
        course = Course()
        events = self._shards.tick(now_ms)
        course.passed("rules")
        batch = Batch(0, [], [], events, [""] * len(events))
        self._commit(batch, [], Counter(), [], [], now_ms, course)

    def rejudge(self, *, all_now: bool = False) -> int:
        """Judge assets with late readings again; how many."""
        done = 0
        # not by the clock: what the rules have not been shown yet, they must not judge in hindsight either
        shown_ms = self._ticker.shown_ms if self.ticks else self._clock.now_ms()
        if not shown_ms:
            return 0
        while (demand := self._rejudging.next(all_now)) is not None:
            asset, since_ms = demand
            now = self._clock.now()
            with self._session.transaction() as tx:
                found = self._rejudging.judge(tx, asset, since_ms, from_ms(shown_ms))
                if found is not None:
                    self.position += 1
                    entry = Entry([], None, [(asset, found.state)])
                    opened = self._city.dispatch(tx, found.events, now)
                    readings_store.drop_readings(tx, found.superseded)
                    dropped = len(found.superseded)
                    counts = {"rejudged": 1, "orders": len(opened), "stored": -dropped, "duplicates": dropped}
                    stream.append(tx, self.position, now, orjson.dumps(to_plain(entry)), counts)
                stream.rejudge_done(tx, asset)
                if found is not None and found.events:
                    stream.notify(tx, "alerts")
            if found is not None:
                self._shards.adopt(asset, found.state)
                self._witness.rejudged(found.events, opened)
            done += 1
            if not all_now:
                break
        return done

    def reload(self) -> None:
        """Take over changes of the register (called now and then) without a restart."""
        with self._session.transaction() as tx:
            changed = self._city.refresh_register(tx)
        if changed:
            for asset in changed:
                self._shards.refresh(asset)
            self.checkpoint_all()

    def use_rulebook(self) -> None:
        """Judge by the city's present rulebook."""
        self._shards.use(self._city.rulebook)
        self.checkpoint_all()

    def close(self) -> None:
        """Checkpoint and let the next pipeline in."""
        try:
            self.checkpoint_all()
        finally:
            self._session.close()
