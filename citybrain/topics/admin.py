"""The topics in Kafka: make them as `spec` says, look at them, and see how far consumers are behind."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple, Self

from kafka import KafkaAdminClient, TopicPartition
from kafka.admin import ConfigResource, ConfigResourceType
from kafka.errors import RetriableError
from kafka.protocol.consumer import OffsetSpec

from citybrain.config import Settings
from citybrain.kernel.errors import ConfigError, UnavailableError
from citybrain.topics.client import options, reaching, servers, topic_name
from citybrain.topics.spec import TOPICS, Topic

_PATIENCE_S = 5.0


class Outcome(NamedTuple):
    """What `apply` did to a topic. `outcome` is one of `created`, `changed`, `same`, `fewer_replicas`."""

    topic: str
    outcome: str
    detail: str = ""


class Found(NamedTuple):
    """A topic as it is. `state` is one of `ok`, `missing`, `wrong_partitions`, `config_differs`, `fewer_replicas`."""

    topic: str
    state: str
    partitions: int
    replicas: int
    records: int
    """Newest offsets together: about how many records were ever written."""
    differs: Mapping[str, tuple[str, str]]
    """setting -> (as it is, as it should be)"""


class Admin:
    """A connection for administration; a context manager. Raises UnavailableError when there is no Kafka."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        with reaching(settings, "connecting"):
            self._client = KafkaAdminClient(**options(settings, "citybrain-admin"))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Disconnect."""
        self._client.close()

    def look(self) -> list[Found]:
        """Every topic of `spec` as it is in Kafka."""
        with reaching(self._settings, "looking at the topics"):
            known = self._partitions()
            return [self._found(topic, known) for topic in TOPICS]

    def apply(self) -> list[Outcome]:
        """Make what is missing and set what differs; nothing is done when a topic has another number of partitions.

        Raises ConfigError for such a topic.
        """
        found = self.look()
        for topic, one in zip(TOPICS, found, strict=True):
            if one.state == "wrong_partitions":
                raise wrong_partitions(self._settings, topic, one.partitions)
        return [self._applied(topic, one) for topic, one in zip(TOPICS, found, strict=True)]

    def end_offsets(self, topic: str) -> dict[int, int]:
        """The offset that the next record of each partition gets."""
        return self._offsets(topic, OffsetSpec.LATEST)

    def lag(self, group: str, topic: str) -> dict[int, int]:
        """How many records of each partition a group has not committed; `group` and `topic` without the prefix."""
        full = self._settings.kafka_prefix + group
        with reaching(self._settings, f"reading the offsets of group {group}"):
            committed = self._patiently(lambda: self._client.list_group_offsets(full)).get(full, {})
        first, end = self._offsets(topic, OffsetSpec.EARLIEST), self.end_offsets(topic)
        name = topic_name(self._settings, topic)
        done = {tp.partition: at.offset for tp, at in committed.items() if tp.topic == name and at.offset >= 0}
        return {partition: max(0, last - done.get(partition, first[partition])) for partition, last in end.items()}

    def _patiently(self, ask: Callable[[], dict[str, Any]]) -> dict[str, Any]:
        """Ask again while a server says that it has to find something out first: groups have none in a new cluster."""
        until = time.monotonic() + _PATIENCE_S
        while True:
            try:
                return ask()
            except RetriableError:
                if time.monotonic() > until:
                    raise
                time.sleep(0.1)

    def _partitions(self) -> dict[str, list[dict[str, Any]]]:
        names = [topic_name(self._settings, topic.name) for topic in TOPICS]
        return {one["name"]: one["partitions"] for one in self._client.describe_topics(names) if not one["error_code"]}

    def _offsets(self, topic: str, spec: OffsetSpec) -> dict[int, int]:
        name = topic_name(self._settings, topic)
        with reaching(self._settings, f"reading the offsets of topic {topic}"):
            known = self._client.describe_topics([name])
            if not known or known[0]["error_code"]:
                raise UnavailableError(f"there is no topic {name}; `citybrain topics apply` makes it")
            wanted = {TopicPartition(name, one["partition_index"]): spec for one in known[0]["partitions"]}
            found = self._client.list_partition_offsets(wanted)
            return {tp.partition: at.offset for tp, at in sorted(found.items())}

    def _found(self, topic: Topic, known: Mapping[str, list[dict[str, Any]]]) -> Found:
        name = topic_name(self._settings, topic.name)
        if name not in known:
            return Found(name, "missing", 0, 0, 0, {})
        partitions = known[name]
        replicas = min((len(one["replica_nodes"]) for one in partitions), default=0)
        differs = self._differences(name, topic.config(self._settings.kafka_replication))
        if len(partitions) != topic.partitions:
            state = "wrong_partitions"
        elif differs:
            state = "config_differs"
        else:
            state = "fewer_replicas" if replicas < self._settings.kafka_replication else "ok"
        return Found(name, state, len(partitions), replicas, sum(self.end_offsets(topic.name).values()), differs)

    def _differences(self, name: str, wanted: Mapping[str, str]) -> dict[str, tuple[str, str]]:
        resource = ConfigResource(ConfigResourceType.TOPIC, name, list(wanted))
        there = self._client.describe_configs([resource], config_filter="all").get("topic", {}).get(name, {})
        values = {key: str(there.get(key, {}).get("value")) for key in wanted}
        return {key: (values[key], value) for key, value in wanted.items() if values[key] != value}

    def _applied(self, topic: Topic, found: Found) -> Outcome:
        replication = self._settings.kafka_replication
        with reaching(self._settings, f"making topic {found.topic}"):
            if found.state == "missing":
                plan = {
                    "num_partitions": topic.partitions,
                    "replication_factor": replication,
                    "configs": topic.config(replication),
                }
                self._client.create_topics({found.topic: plan}, wait_for_metadata=True)
                return Outcome(found.topic, "created", f"{topic.partitions} x {replication}")
            if found.differs:
                new = {key: after for key, (_, after) in found.differs.items()}
                self._client.alter_configs([ConfigResource(ConfigResourceType.TOPIC, found.topic, new)])
                changes = [f"{key}: {before} -> {after}" for key, (before, after) in found.differs.items()]
                return Outcome(found.topic, "changed", ", ".join(changes))
        if found.replicas < replication:
            return Outcome(found.topic, "fewer_replicas", f"{found.replicas} < {replication}")
        return Outcome(found.topic, "same")


def wrong_partitions(settings: Settings, topic: Topic, there: int) -> ConfigError:
    """Why a topic with another number of partitions is no good, and what to do."""
    name = topic_name(settings, topic.name)
    return ConfigError(
        f"topic {name} at {', '.join(servers(settings))} has {there} partitions and must have {topic.partitions}: their number "
        "is fixed for life, because the state of an asset lives in its partition. Give this city a prefix of its own "
        "(CITYBRAIN_KAFKA_PREFIX) and carry it over by `citybrain migrate`, or delete the topic if nothing in it is needed",
        key="kafka_prefix",
    )


def apply(settings: Settings) -> list[Outcome]:
    """As `Admin.apply`, over a connection of its own."""
    with Admin(settings) as admin:
        return admin.apply()


def look(settings: Settings) -> list[Found]:
    """As `Admin.look`, over a connection of its own."""
    with Admin(settings) as admin:
        return admin.look()


def lag(settings: Settings, group: str, topic: str) -> dict[int, int]:
    """As `Admin.lag`, over a connection of its own."""
    with Admin(settings) as admin:
        return admin.lag(group, topic)


def end_offsets(settings: Settings, topic: str) -> dict[int, int]:
    """As `Admin.end_offsets`, over a connection of its own."""
    with Admin(settings) as admin:
        return admin.end_offsets(topic)
