"""How alert events reach dispatch: straight from the engine (embedded), or as records of a real Kafka topic (cluster)."""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Protocol

from kafka import KafkaConsumer, TopicPartition
from kafka.consumer.fetcher import ConsumerRecord

from citybrain.config import Settings, brokers
from citybrain.kernel.conditions import ConditionInfo
from citybrain.kernel.events import AlertEvent
from citybrain.metrics import Metrics
from citybrain.runtime.city import City
from citybrain.runtime.cluster.dispatch import Dispatching
from citybrain.topics import admin
from citybrain.topics.client import topic_name
from citybrain.topics.consumer import Record
from citybrain.topics.producer import Producer
from citybrain.topics.records import Alert
from citybrain.topics.spec import ALERTS
from tests.cluster_kit import write_alerts
from tests.contracts.runtimes.script import StepClock
from tests.dispatch_kit import Town


class Intake(Protocol):
    """Brings events into a town's database, as one of the runtimes does."""

    def take(self, town: Town, events: Sequence[AlertEvent]) -> None:
        """Until they are committed."""
        ...


class Embedded:
    """In one transaction with the batch that caused them."""

    def take(self, town: Town, events: Sequence[AlertEvent]) -> None:
        """See `Intake`."""
        town.take(*events)


class Cluster:
    """Through topic `alerts` of a real Kafka: written as the rules write them, made of as `citybrain dispatch` does."""

    def __init__(self, settings: Settings, producer: Producer) -> None:
        self._settings, self._producer = settings, producer
        self._log = KafkaConsumer(bootstrap_servers=brokers(settings.kafka_url or ""), enable_auto_commit=False)
        topic = topic_name(settings, ALERTS)
        places = [TopicPartition(topic, number) for number in sorted(self._log.partitions_for_topic(topic) or ())]
        self._log.assign(places)
        self._log.seek_to_beginning()

    def take(self, town: Town, events: Sequence[AlertEvent]) -> None:
        """See `Intake`. One record after the other: partitions keep no order between each other."""
        work = Dispatching(
            _TownCity(self._settings, town), StepClock(int(town.now.timestamp() * 1000)), Metrics(), self._producer, "scenario"
        )
        for event in events:
            write_alerts(self._producer, [Alert(event)])
            found: list[Record] = []
            while not found:
                found = [_record(one) for records in self._log.poll(200).values() for one in records]
            with town.db.transaction() as tx:
                result = work.write(tx, found)
            work.done(result)

    def close(self) -> None:
        """Let go of Kafka."""
        self._log.close()


class _TownCity(City):
    """A city whose tables are those of a test's town."""

    def __init__(self, settings: Settings, town: Town) -> None:
        self.settings, self.books, self.register, self._infos = settings, town.books, town.register, town.infos

    @property
    def infos(self) -> Mapping[str, ConditionInfo]:
        return self._infos


def _record(found: ConsumerRecord) -> Record:
    return Record(found.topic, found.partition, found.offset, found.timestamp, found.key, found.value, found.headers)


@contextmanager
def cluster(kafka_url: str) -> Iterator[Cluster]:
    """A topic of its own on a running Kafka, shared by all scenarios."""
    settings = Settings(kafka_url=kafka_url, kafka_prefix=f"s{uuid.uuid4().hex[:8]}-", canary_s=0)
    admin.apply(settings)
    producer = Producer(settings, "scenarios")
    intake = Cluster(settings, producer)
    try:
        yield intake
    finally:
        intake.close()
        producer.close()
