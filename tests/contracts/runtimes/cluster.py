"""The cluster runtime by hand, on a real Kafka: a bridge, a rules worker, archive and dispatch, turned one after the other."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack

from kafka import KafkaConsumer, TopicPartition

from citybrain.config import Settings, brokers
from citybrain.kernel.ids import SHARDS
from citybrain.kernel.model import Reading
from citybrain.metrics import Metrics
from citybrain.runtime.city import City
from citybrain.runtime.cluster.archive import Archive
from citybrain.runtime.cluster.dispatch import Dispatching
from citybrain.runtime.cluster.drain import Drain
from citybrain.runtime.cluster.ingest import Ingest
from citybrain.runtime.cluster.publishing import Publishing
from citybrain.runtime.cluster.service import Service
from citybrain.store.db import Database
from citybrain.store.link import Link
from citybrain.store.positions import positions
from citybrain.topics import admin
from citybrain.topics.client import topic_name
from citybrain.topics.consumer import Consumer
from citybrain.topics.follower import Follower
from citybrain.topics.following import follow
from citybrain.topics.producer import Producer
from citybrain.topics.spec import ALERTS, READINGS, REJECTED
from dispatch.channels import open_channels
from dispatch.cycle import run_cycle
from ingest.decode import Decoder
from ingest.quarantine import NOTES, REASONS
from ingest.registry import load_profiles
from rules import latecomers
from rules.latecomers import Latecomers
from rules.load import load
from rules.outbound import Outbound
from rules.worker import Worker
from tests.contracts.runtimes.script import Messages, Script, StepClock


class _ByHand:
    """A ticker that shows what it was given (see `runtime.ticker.Ticker`)."""

    shown_ms = 0
    next_ms: int | None = None

    def due(self, now_ms: int, readings: Sequence[Reading], *, connected: bool) -> int | None:
        shown, self.next_ms = self.next_ms, None
        self.shown_ms = shown or self.shown_ms
        return shown


class _Silent:
    """Signals that never come."""

    stop = False

    def take_reload(self) -> bool:
        return False


class Cluster:
    """All services of a city in this process. Turned until nothing is under way."""

    def __init__(self, db: Database, settings: Settings, clock: StepClock, stack: ExitStack) -> None:
        self._db, self._settings, self._clock = db, settings, clock
        admin.apply(settings)
        metrics = Metrics(stages=("ingest", "rules", "archive", "dispatch"), quarantine_reasons=REASONS, value_notes=NOTES)
        producer = Producer(settings, "by-hand")
        stack.callback(producer.close)
        self.city = City(settings)
        with db.transaction() as tx:
            self.city.load_register(tx)
        link = Link(db.url, "publishing")
        Publishing(settings, self.city, clock, producer, link, "by-hand").turn()
        link.close()
        self._open_bridge(stack, metrics)
        self._open_worker(producer, metrics, stack)
        self._archive = self._drain("archive", (READINGS, REJECTED), Archive(settings, clock, metrics), stack)
        dispatching = Dispatching(self.city, clock, metrics, producer, "by-hand")
        self._dispatch = self._drain("dispatch", (ALERTS,), dispatching, stack)

    def _open_bridge(self, stack: ExitStack, metrics: Metrics) -> None:
        settings = self._settings
        follower = Follower(settings)
        decoder = Decoder(
            load_profiles(settings.profiles), self.city.register.__class__(), city=settings.city, auto_register=True,
            max_future_s=settings.max_future_s, max_age_s=settings.max_age_s,
        )  # fmt: skip
        follow(decoder.register, follower.catch_up())
        service = Service("ingest", settings, metrics, signals=_Silent())
        self._hand, self._ticker = Messages(), _ByHand()
        self._bridge = Ingest(service, self._hand, decoder, follower, Producer(settings, "bridge"), self._clock)
        self._bridge._ticker = self._ticker
        stack.callback(self._bridge.close)
        stack.callback(service.health.stop)

    def _open_worker(self, producer: Producer, metrics: Metrics, stack: ExitStack) -> None:
        settings = self._settings
        self._loop = asyncio.new_event_loop()
        stack.callback(self._loop.close)
        follower = Follower(settings)
        stack.callback(follower.close)
        register = self.city.register.__class__()
        follow(register, follower.catch_up())
        outbound = Outbound(producer, self._clock, "by-hand")
        self.worker = Worker(
            settings, self._db, outbound, register, load(settings.rulebook), self._clock, metrics, self._commit, self._die
        )
        self._latecomers = Latecomers(self.worker)
        self._log = KafkaConsumer(bootstrap_servers=brokers(settings.kafka_url or ""), enable_auto_commit=False)
        stack.callback(self._log.close)
        self._places = [TopicPartition(topic_name(settings, READINGS), number) for number in range(SHARDS)]
        self._log.assign(self._places)
        for place in self._places:
            self._log.seek(place, 0)

    def _drain(self, name: str, topics: Sequence[str], work: object, stack: ExitStack) -> Drain:
        def consumer(drain: Drain) -> Consumer:
            return Consumer(
                self._settings, group=name, topics=topics, client_id=name, starts=drain.starts, restart=drain.restart
            )

        drain: Drain = Drain(name, Link(self._db.url, name), consumer, work)
        stack.callback(drain.close)
        return drain

    async def _commit(self, offsets: Mapping[int, int]) -> None:
        """Nobody else reads."""

    def _die(self, why: str) -> None:
        raise AssertionError(why)

    def feed(self, moment_ms: int) -> None:
        """Everything that waits in the bridge goes into Kafka, then the tick."""
        while self._hand.waiting:
            self._bridge.turn()
        self._ticker.next_ms = moment_ms
        self._bridge.turn()

    def settle(self) -> None:
        """Until all of Kafka is judged, archived, judged again and dispatched, and that changes nothing any more."""
        self._bridge._wait_for_kafka(1e12)
        while True:
            self._judge()
            self._turn_until(self._archive, "archive", READINGS, SHARDS)
            self._turn_until(self._dispatch, "dispatch", ALERTS, 8)
            if not any(owned.part.late for owned in self.worker.owned.values()):
                break
            self._loop.run_until_complete(self._latecomers.turn())
            self._flush()
        run_cycle(
            self._db, now=self._clock.now(), infos=self.city.infos, register_of=lambda: self.city.register,
            books=self.city.books, channels=open_channels(self._settings),
            machine_now=self._clock.now(),
        )  # fmt: skip

    def _judge(self) -> None:
        ends = self._log.end_offsets(self._places)
        while any(self._log.position(place) < ends[place] for place in self._places):
            for records in self._log.poll(200).values():
                for record in records:
                    self._loop.run_until_complete(self.worker.on_record(record.partition, record.offset, record.value))
        self._flush()

    def _flush(self) -> None:
        for number in list(self.worker.owned):
            self.worker.outbound.settle(self.worker.outbound.pending(number))

    def _turn_until(self, drain: Drain, name: str, topic: str, partitions: int) -> None:
        whole = topic_name(self._settings, topic)
        ends = admin.end_offsets(self._settings, topic)
        while True:
            with self._db.transaction() as tx:
                there = positions(tx, name, whole)
            if all(there.get(number, 0) >= ends.get(number, 0) for number in range(partitions)):
                return
            drain.turn()


def run(script: Script, db: Database, settings: Settings, look: Callable[[int], None] = lambda at_ms: None) -> None:
    """Let a script happen; its register is in the database already. `look` is called at each settled moment."""
    quiet, latecomers.QUIET_S = latecomers.QUIET_S, -1.0
    rest, latecomers.REST = latecomers.REST, 0
    clock = StepClock(script.moments[0].at_ms)
    try:
        with ExitStack() as stack:
            cluster = Cluster(db, settings, clock, stack)
            for moment in script.moments:
                clock.at_ms = moment.at_ms
                cluster._hand.put(moment.messages)
                cluster.feed(moment.at_ms)
                if moment.settle:
                    cluster.settle()
                    look(moment.at_ms)
    finally:
        latecomers.QUIET_S, latecomers.REST = quiet, rest
