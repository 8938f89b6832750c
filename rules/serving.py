"""What a rules worker is made of: database, producer, register, rulebook, health — put together, kept up to date, ended."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence

from citybrain import clock as clocks
from citybrain.config import Settings
from citybrain.health import Check, Health
from citybrain.kernel.errors import CityBrainError, UnavailableError
from citybrain.kernel.events import AlertChange
from citybrain.kernel.model import Kind
from citybrain.kernel.register import Register
from citybrain.metrics import Metrics
from citybrain.store import gauges
from citybrain.store.db import Database
from citybrain.store.moves import refuse_stranger
from citybrain.topics.changes import Changed, RulebookText
from citybrain.topics.follower import Follower
from citybrain.topics.following import follow
from citybrain.topics.producer import Producer
from citybrain.tracing import open_spans
from citybrain.yamlfile import parse
from rules.latecomers import Latecomers
from rules.load import from_files, load
from rules.outbound import Outbound
from rules.rulebook import Rulebook
from rules.worker import Commit, Worker

log = logging.getLogger(__name__)
CATCH_UP_S = 60.0
"""longest wait for the register at the start, real seconds"""
STALLED_S = 30.0
"""A loop that did not turn for so long (real seconds) is called dead."""
LAG_RECORDS = 10_000
"""Records that wait: more is called not ready. At 32 partitions with 100 packs a second each it is some seconds."""


class Serving:
    """One rules worker with all that it needs. Its constructor waits for the database, for Kafka and for the register."""

    def __init__(self, settings: Settings, commit: Commit, die: Callable[[str], None]) -> None:
        self.id = settings.instance("rules")
        self._db = Database(settings.database_url or "", size=4, name=f"citybrain {self.id}").open()
        with self._db.transaction() as tx:
            refuse_stranger(tx, cluster=True)
        self._producer = Producer(settings, self.id)
        self._follower = Follower(settings)
        self._register = Register()
        metrics = self._metrics = Metrics(
            stages=("rules",), quarantine_reasons=("bad_record", "rule_error"), kinds=Kind, changes=AlertChange
        )
        if settings.canary_s:
            metrics.expect_canary("rules", clocks.real_ms())
        clock = clocks.parse(settings.clock)
        rulebook = self._taken(self._first_register(), load(settings.rulebook))[0]
        log.info("register: %d assets; rulebook %s", len(self._register.assets), rulebook.version)
        outbound = Outbound(self._producer, clock, f"citybrain/rules/{self.id}")
        self.worker = Worker(settings, self._db, outbound, self._register, rulebook, clock, metrics, commit, die)
        self.worker.spans = open_spans(self.id, settings.otel_endpoint)
        self._latecomers = Latecomers(self.worker)
        self._turned, self._assigned, self._ends = time.monotonic(), 0, dict[int, int]()
        self._health = Health(
            settings.http_host, settings.http_port, metrics.registry, alive=self._alive, checks=self._checks
        ).start()
        log.info("%s: health at http://%s:%d", self.id, settings.http_host, self._health.port)
        self.duties: dict[str, Callable[[], Awaitable[object]]] = {
            "checkpoint": self.worker.checkpoint,
            "follow": self.follow,
            "judge late": self._latecomers.turn,
        }
        """what must be done several times a second, by name"""

    def _first_register(self) -> list[Changed]:
        """The register as it is told now. Without one, readings would pass unjudged: so this waits until there is one."""
        changes = self._follower.catch_up(CATCH_UP_S)
        deadline = time.monotonic() + CATCH_UP_S
        while self._follower.published < 0:
            if time.monotonic() > deadline:
                raise UnavailableError("topic register is empty: `citybrain dispatch` publishes the register, and does not run")
            changes += self._follower.poll(0.2)
        return changes

    async def follow(self) -> None:
        """Take over what the register's topic has to say."""
        changes = await asyncio.to_thread(self._follower.poll)
        if changes:
            rulebook, assets = self._taken(changes, self.worker.rulebook)
            if rulebook is not self.worker.rulebook:
                log.info("rulebook %s from now on, before %s", rulebook.version, self.worker.rulebook.version)
                self.worker.use(rulebook)
            self.worker.refresh(assets)

    def _taken(self, changes: Sequence[Changed], rulebook: Rulebook) -> tuple[Rulebook, list[str]]:
        """The rulebook to use after some changes, and the assets that are new or different."""
        found = follow(self._register, changes)
        if found.rulebook is not None and found.rulebook.version != rulebook.version:
            rulebook = _read(found.rulebook) or rulebook
        return rulebook, found.assets

    def beat(self, *, assigned: int, ends: Mapping[int, int]) -> None:
        """The loop turned; how many partitions are ours, and where each ends (offset behind its last record)."""
        self._turned, self._assigned, self._ends = time.monotonic(), assigned, dict(ends)
        facts = self.worker.facts()
        self._metrics.partitions.set(assigned)
        self._metrics.late_waiting.set(facts["late"])
        self._metrics.rules_assets.set(facts["assets"])
        waiting = self._waiting()
        self._metrics.kafka_lag.labels("readings", "rules").set(waiting)
        if not waiting:
            self._metrics.stage("rules").behind(0)

    def _waiting(self) -> int:
        owned = self.worker.owned
        return sum(max(0, end - owned[number].part.next) for number, end in self._ends.items() if number in owned)

    def _alive(self) -> bool:
        return time.monotonic() - self._turned < STALLED_S

    def _checks(self) -> Sequence[Check]:
        waiting = self._waiting()
        found = [
            Check("loop", self._alive(), "the loop turns" if self._alive() else "the loop does not turn"),
            Check("partitions", self._assigned > 0, f"{self._assigned} partitions are ours"),
            Check("lag", waiting <= LAG_RECORDS, f"{waiting} records wait"),
        ]
        try:
            with self._db.transaction() as tx:
                gauges.ping(tx)
            found.append(Check("database", True, "answers"))
        except CityBrainError as error:
            found.append(Check("database", False, str(error)))
        return found

    async def close(self) -> None:
        """Save every state and commit, let go of the servers."""
        self.worker.closing = True
        try:
            await self.worker.checkpoint(everything=True)
        except UnavailableError as error:
            log.warning("not everything is saved at the end: %s", error)
        self._health.stop()
        await asyncio.to_thread(self._follower.close)
        await asyncio.to_thread(self._producer.close)
        await asyncio.to_thread(self.worker.spans.close)
        self._db.close()


def _read(text: RulebookText) -> Rulebook | None:
    """The rulebook of a record; None, and a log line for each fault, when this program cannot read it."""
    book, faults = from_files([parse(content, name) for name, content in text.files])
    for fault in faults:
        log.error("rulebook %s is not taken over: %s", text.version, fault)
    return book
