"""A rules worker without its stream engine: partitions come and go, records are judged, states are saved, offsets committed.

The engine (Faust, see `rules.faust_app`) gives `on_record` and calls `checkpoint` now and then, all in one event loop. What
commits when:

    a record was judged     nothing
    every ten seconds       its alerts are acknowledged by Kafka -> the state is in the database -> the offset is committed

so the committed offset is never ahead of the saved state, and a record that comes again is passed over by its offset.
Anything unforeseen ends the process at once: nothing was committed past a saved state, and the next life goes on from there.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Mapping
from datetime import timedelta
from typing import Any

from citybrain.clock import Clock, real_ms
from citybrain.config import Settings
from citybrain.kernel import canary
from citybrain.kernel.errors import PayloadError, UnavailableError
from citybrain.kernel.events import AlertChange
from citybrain.kernel.ids import shard_of
from citybrain.kernel.register import Register
from citybrain.metrics import Metrics
from citybrain.store.db import Database
from citybrain.store.partitions import Saved, save_state
from citybrain.topics.client import topic_name
from citybrain.topics.records import Alert, Batch, decode
from citybrain.topics.spec import READINGS
from citybrain.tracing import NoSpans, Spans
from rules.outbound import Outbound
from rules.partition import Outcome, Partition, Snapshot, SpoiledError
from rules.recovery import Owned, Recovery
from rules.rulebook import Rulebook

log = logging.getLogger(__name__)
Commit = Callable[[Mapping[int, int]], Awaitable[None]]


class Worker:
    """All partitions of this process. Its methods run in one event loop; what waits for a server does so in a thread."""

    def __init__(
        self, settings: Settings, db: Database, outbound: Outbound, register: Register, rulebook: Rulebook, clock: Clock,
        metrics: Metrics, commit: Commit, die: Callable[[str], None],
    ) -> None:  # fmt: skip
        self.settings, self.db, self.register, self.rulebook, self.clock, self.metrics = (
            settings, db, register, rulebook, clock, metrics,
        )  # fmt: skip
        self.outbound = outbound
        self.spans: Spans = NoSpans()
        self.owned: dict[int, Owned] = {}
        self.horizon = timedelta(days=settings.rejudge_days)
        self.closing = False
        """True: no more records are judged, they are the next owner's"""
        self._commit, self._die = commit, die
        self._recovery = Recovery(settings, db, self._fresh, metrics, die)

    async def on_record(self, number: int, offset: int, value: bytes) -> None:
        """Judge one record of partition `number`."""
        if self.closing:
            return
        began, began_ms = time.monotonic(), real_ms()
        owned = self.owned.get(number)
        if owned is None or offset > owned.part.next:
            # the first record, or another worker had the partition meanwhile
            self.owned[number] = owned = await self._recovery.take_over(number, offset)
        if offset < owned.part.next:
            self.metrics.records_skipped.inc()
            return
        try:
            batch = decode(value)
        except PayloadError as error:
            log.warning("record %d/%d: %s", number, offset, error)
            self.outbound.reject(number, f"readings/{number}/{offset}", value, error.reason, error.detail)
            self.metrics.quarantined.labels(error.reason).inc()
            self.metrics.stage("rules").failed()
            owned.part.next = offset + 1
            return
        try:
            outcome = owned.part.apply(offset, batch)
        except SpoiledError as error:
            log.exception("record %d/%d: a rule failed (%s); looking for the reading that does it", number, offset, error)
            self.owned[number] = owned = await self._recovery.rebuilt(number, offset)
            outcome = owned.part.apply(offset, batch, careful=True)
        self._tell(number, owned, outcome)
        self.metrics.stage("rules").worked(len(batch.readings), time.monotonic() - began)
        if self.spans.on and batch.readings:
            self._draw(batch, outcome, began_ms)
        if number == canary.SHARD and (sent_ms := canary.newest_ms(batch.readings)) is not None:
            self.metrics.canary("rules", sent_ms, real_ms())
            self.outbound.tell(number, Alert(canary.event(sent_ms, outcome.newest_ms)))

    def _draw(self, batch: Batch, outcome: Outcome, began_ms: int) -> None:
        """The spans of a record, and of each message in it that something came of: how it came here, and what was judged."""
        ended_ms, now_ms = real_ms(), self.clock.now_ms()
        alerts = {alert.trace: alert.event for alert in reversed(outcome.alerts) if alert.trace}
        self.spans.batch("rules", began_ms, ended_ms, traces=list(alerts), items=len(batch.readings))
        received = {(one.asset, one.observed_ms): one.received_ms for one in batch.readings} if alerts else {}
        for trace, event in alerts.items():
            waited_ms = now_ms - received.get((event.asset, event.at_ms), now_ms)
            came_ms = min(began_ms, ended_ms - int(1000 * self.clock.real_s(waited_ms / 1000)))
            self.spans.step(trace, "ingest", came_ms, began_ms, asset=event.asset)
            self.spans.step(trace, "rules", began_ms, ended_ms, condition=event.condition, change=event.change, alert=event.id)

    def _tell(self, number: int, owned: Owned, outcome: Outcome) -> None:
        for reading, error in outcome.poison:
            self.outbound.reject(number, f"reading/{reading.asset}", repr(tuple(reading)).encode(), "rule_error", error)
            self.metrics.quarantined.labels("rule_error").inc()
            self.metrics.stage("rules").failed()
        for alert in outcome.alerts:
            event = alert.event
            self.outbound.tell(number, alert)
            owned.told.add(event.asset)
            self.metrics.alerts.labels(event.change).inc()
            if event.change == AlertChange.RAISED:
                self.metrics.detection.labels(event.kind).observe((event.at_ms - event.onset_ms) / 1000)
            log.info(
                "%s %s on %s: %s (%s)", event.change, event.condition, event.asset, event.reason, event.detail,
                extra={"trace": alert.trace},
            )  # fmt: skip
        for fate, count in outcome.fates.items():
            if count:
                self.metrics.readings.labels(fate).inc(count)
        if outcome.newest_ms:
            self.metrics.stage("rules").behind(self.clock.real_s((self.clock.now_ms() - outcome.newest_ms) / 1000))

    async def checkpoint(self, *, everything: bool = False) -> int:
        """Save the partitions whose turn it is, then commit their offsets; how many. Without a database they wait."""
        now = time.monotonic()
        done: dict[int, int] = {}
        for number, owned in list(self.owned.items()):
            part = owned.part
            if not owned.forced and (part.next == owned.saved or not (everything or now >= owned.due)):
                continue
            # from here to the end of `dump` nothing waits: state and sent alerts are those of the same record
            snapshot, forced, owned.forced = part.dump(), owned.forced, False
            pending = self.outbound.pending(number)
            owned.due = now + self.settings.checkpoint_s
            try:
                await asyncio.to_thread(self.outbound.settle, pending)
            except UnavailableError as error:
                self._die(f"alerts of partition {number} were not taken by Kafka: {error}")
            try:
                await asyncio.to_thread(self._save, number, snapshot, forced)
            except UnavailableError as error:
                log.warning("partition %d is not saved now: %s", number, error)
                owned.forced = owned.forced or forced
                continue
            owned.saved = done[number] = snapshot.next
            self.metrics.checkpoints.inc()
        if done:
            await self._commit(done)
        return len(done)

    def _save(self, number: int, snapshot: Snapshot, forced: bool) -> None:
        with self.db.transaction() as tx:
            save_state(tx, topic_name(self.settings, READINGS), number, Saved(*snapshot), self.clock.now(), forced=forced)

    def _fresh(self, number: int) -> Partition:
        """A partition that knows nothing yet."""
        return Partition(number, self.rulebook, self.register)

    def use(self, rulebook: Rulebook) -> None:
        """Judge by another rulebook; every state is saved soon, so that no replay crosses the change."""
        self.rulebook = rulebook
        for owned in self.owned.values():
            owned.part.use(rulebook)
            owned.forced = True

    def refresh(self, assets: list[str]) -> None:
        """The register (which this worker holds) has something new about some assets."""
        for asset in assets:
            owned = self.owned.get(shard_of(asset))
            if owned is not None:
                owned.part.refresh(asset)
                owned.forced = True

    def keep_only(self, numbers: set[int]) -> None:
        """These partitions are ours now; the states of others are forgotten."""
        for number in set(self.owned) - numbers:
            del self.owned[number]

    def facts(self) -> dict[str, Any]:
        """What the health page says."""
        return {
            "partitions": len(self.owned),
            "assets": sum(owned.part.assets() for owned in self.owned.values()),
            "late": sum(len(owned.part.late) for owned in self.owned.values()),
        }
