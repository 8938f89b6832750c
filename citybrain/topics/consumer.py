"""A consumer whose place in each partition is kept by its owner, in the same transaction as what it makes of the records.

    consumer = Consumer(settings, group="archive", topics=(READINGS,), starts=…, restart=…)
    found = consumer.poll(0.2)            # {(topic, partition): [Record, …]}
    …                                     # one database transaction: hold positions, write, save positions
    consumer.commit(next_offsets)         # for people and tools that look at the group in Kafka

A partition that was just assigned, or whose records shall come `again` after a failure, stands still until `starts` has said
where it goes on. Kafka's own committed offsets decide nothing.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from kafka import ConsumerRebalanceListener, KafkaConsumer, OffsetAndMetadata, TopicPartition
from kafka.coordinator.assignors.cooperative_sticky import CooperativeStickyAssignor
from kafka.errors import KafkaError

from citybrain.clock import real_ms
from citybrain.config import Settings
from citybrain.kernel.errors import CityBrainError, ConfigError
from citybrain.topics.client import options, reaching, topic_name
from citybrain.topics.spec import MAX_RECORD_BYTES, TOPICS

log = logging.getLogger(__name__)
POLL_MS = 30_000
"""Longest time between two polls. A rebalance waits so long for one that is busy, and a cut connection for its answer."""
CLOSE_MS = 3000
FETCH_BYTES = 16 << 20
"""Most bytes that one fetch brings: the memory of a consumer that is far behind."""
PARTITIONS = {topic.name: topic.partitions for topic in TOPICS}

Place = tuple[str, int]
"""(topic with its prefix, partition)"""
Starts = Callable[[Sequence[Place]], Mapping[Place, int]]
"""Where some partitions go on; one that was never read may be missing, or 0. Whatever it raises comes out of `poll`."""
Restart = Callable[[Place, int, int], object]
"""A position (the second argument) is behind the end of the log: it shall be the third one from now on."""


class Record(NamedTuple):
    """One record as it stands in Kafka. `at_ms` is when it was written (machine time, ms)."""

    topic: str
    partition: int
    offset: int
    at_ms: int
    key: bytes | None
    value: bytes
    headers: Sequence[tuple[str, bytes]]


class Lag(NamedTuple):
    """How far a consumer is behind: records that wait, and the age of the oldest, about (real seconds)."""

    records: int = 0
    seconds: float = 0.0


class Consumer:
    """A member of a group. Not thread-safe, except `lag` and `assigned`, which any thread may read.

    `topics` and `group` are without the prefix of the settings. With `gather_ms` the broker waits so long for more records
    before it answers: fewer and larger answers for who is in no hurry. Raises UnavailableError without Kafka, ConfigError when
    a topic has a wrong number of partitions.
    """

    def __init__(
        self, settings: Settings, *, group: str, topics: Sequence[str], client_id: str, starts: Starts, restart: Restart,
        max_records: int = 500, gather_ms: int = 0,
    ) -> None:  # fmt: skip
        self.settings, self._starts, self._restart = settings, starts, restart
        self.group = settings.kafka_prefix + group
        self.lag: dict[str, Lag] = {topic_name(settings, name): Lag() for name in topics}
        """by topic, as of the last poll"""
        self.assigned: frozenset[Place] = frozenset()
        self._unplaced: set[Place] = set()
        self._next: dict[Place, int] = {}
        self._taken_ms: dict[Place, int] = {}
        self.expired: dict[Place, int] = {}
        """partitions whose records before this offset were deleted before anybody took them"""
        self._done: dict[Place, int] = {}
        self._committing: Any = None
        with reaching(settings, f"joining group {self.group}"):
            self._client = KafkaConsumer(
                **options(settings, client_id),
                group_id=self.group,
                enable_auto_commit=False,
                auto_offset_reset="earliest",
                partition_assignment_strategy=(CooperativeStickyAssignor(),),
                session_timeout_ms=int(settings.kafka_session_s * 1000),
                heartbeat_interval_ms=int(settings.kafka_session_s * 200),
                max_poll_interval_ms=POLL_MS,
                max_poll_records=max_records,
                max_partition_fetch_bytes=MAX_RECORD_BYTES,
                fetch_max_bytes=FETCH_BYTES,
                fetch_min_bytes=MAX_RECORD_BYTES if gather_ms else 1,
                fetch_max_wait_ms=gather_ms or 500,
                allow_auto_create_topics=False,
                metrics_enabled=False,
            )
            try:
                for name in topics:
                    self._refuse_wrong(name)
                self._client.subscribe([*self.lag], listener=_Listener(self._on_assigned, self._on_gone))
            except BaseException:
                self._client.close(autocommit=False, timeout_ms=CLOSE_MS)
                raise

    def _refuse_wrong(self, name: str) -> None:
        there = len(self._client.partitions_for_topic(topic_name(self.settings, name)))
        if there != PARTITIONS[name]:
            raise ConfigError(
                f"topic {topic_name(self.settings, name)} has {there} partitions, not {PARTITIONS[name]}: "
                "`citybrain topics apply` makes it, or says what to do",
                key="kafka_prefix",
            )

    def poll(self, wait_s: float) -> dict[Place, list[Record]]:
        """What is new, by partition and in order of offset; {} after `wait_s` without anything.

        Raises UnavailableError when Kafka says no (it is asked again by the next call), and what `starts` raises.
        """
        failure: CityBrainError | None = None
        try:
            self._place()
        except CityBrainError as error:
            # nobody can take records now; but who does not poll is no member of the group for long
            failure = error
            self.again(self.assigned)
        with reaching(self.settings, "reading"):
            found = self._client.poll(int(wait_s * 1000))
        self.assigned = frozenset((tp.topic, tp.partition) for tp in self._client.assignment())
        taken = {}
        for tp, records in found.items():
            place = (tp.topic, tp.partition)
            if place in self._unplaced:
                continue
            taken[place] = [_record(record) for record in records]
            self._next[place], self._taken_ms[place] = records[-1].offset + 1, records[-1].timestamp
        self._measure()
        if failure is not None:
            raise failure
        return taken

    def again(self, places: Iterable[Place]) -> None:
        """The records of these partitions shall come again, from where the owner then stands."""
        for place in set(places) & self.assigned:
            self._client.pause(TopicPartition(*place))
            self._unplaced.add(place)

    def _place(self) -> None:
        """Let the partitions go on that stand still."""
        wanted = sorted(self._unplaced & {(tp.topic, tp.partition) for tp in self._client.assignment()})
        if not wanted:
            self._unplaced.clear()
            return
        starts = self._starts(wanted)
        tps = {place: TopicPartition(*place) for place in wanted}
        with reaching(self.settings, "asking where the partitions begin and end"):
            begin, end = self._client.beginning_offsets([*tps.values()]), self._client.end_offsets([*tps.values()])
        for place, tp in tps.items():
            start = starts.get(place, 0)
            if start > end[tp]:
                log.warning(
                    "%s/%d ends at %d, and %d was read already: the topic was made anew, or its end was lost; reading it all",
                    *place, end[tp], start,
                )  # fmt: skip
                self._restart(place, start, begin[tp])
                start = begin[tp]
            self.expired.pop(place, None)
            if start < begin[tp]:
                self.expired[place] = begin[tp]
                if start:
                    log.error("%s/%d: %d records were deleted before they were read", *place, begin[tp] - start)
            self._client.seek(tp, max(start, begin[tp]))
            self._client.resume(tp)
            self._next[place] = max(start, begin[tp])
            self._taken_ms.pop(place, None)
        self._unplaced.clear()

    def _on_assigned(self, tps: Iterable[TopicPartition]) -> None:
        for tp in tps:
            self._client.pause(tp)
            self._unplaced.add((tp.topic, tp.partition))

    def _on_gone(self, tps: Iterable[TopicPartition]) -> None:
        for tp in tps:
            for known in (self._next, self._taken_ms, self._done):
                known.pop((tp.topic, tp.partition), None)
            self._unplaced.discard((tp.topic, tp.partition))

    def _measure(self) -> None:
        waiting = dict.fromkeys(self.lag, 0)
        oldest: dict[str, int] = {}
        for place in self.assigned:
            highwater = self._client.highwater(TopicPartition(*place))
            if highwater is None or place not in self._next or (behind := highwater - self._next[place]) <= 0:
                continue
            waiting[place[0]] += behind
            if place in self._taken_ms:
                oldest[place[0]] = min(self._taken_ms[place], oldest.get(place[0], self._taken_ms[place]))
        now = real_ms()
        self.lag = {
            topic: Lag(records, max(0.0, (now - oldest[topic]) / 1000) if topic in oldest else 0.0)
            for topic, records in waiting.items()
        }

    def commit(self, next_offsets: Mapping[Place, int]) -> None:
        """Tell Kafka how far we are, soon, and without waiting: nothing depends on it."""
        self._done.update(next_offsets)
        if self._committing is None or self._committing.is_done:
            offsets, self._done = self._offsets(), {}
            if offsets:
                self._committing = self._client.commit_async(offsets, callback=_committed)

    def _offsets(self) -> dict[TopicPartition, OffsetAndMetadata]:
        return {
            TopicPartition(*place): OffsetAndMetadata(at, "", -1) for place, at in self._done.items() if place in self.assigned
        }

    def close(self) -> None:
        """Commit what is not committed yet, and leave the group, so that the others need not wait for us."""
        try:
            self._settle()
            self._client.close(autocommit=False, timeout_ms=CLOSE_MS)
        except (KafkaError, OSError) as error:
            log.info("left group %s without a word: %s", self.group, error)

    def _settle(self) -> None:
        began = time.monotonic()
        while self._committing is not None and not self._committing.is_done and time.monotonic() - began < 1:
            time.sleep(0.01)
        try:
            if offsets := self._offsets():
                self._client.commit(offsets, timeout_ms=CLOSE_MS)
        except KafkaError as error:
            log.info("group %s: the last offsets were not committed: %s", self.group, error)


class _Listener(ConsumerRebalanceListener):  # type: ignore[misc]  # kafka has no types
    """Called in `poll`, while it waits for the rebalance."""

    def __init__(
        self, assigned: Callable[[Iterable[TopicPartition]], None], gone: Callable[[Iterable[TopicPartition]], None]
    ) -> None:
        self._assigned, self._gone = assigned, gone

    def on_partitions_assigned(self, assigned: Iterable[TopicPartition]) -> None:
        self._assigned(assigned)

    def on_partitions_revoked(self, revoked: Iterable[TopicPartition]) -> None:
        self._gone(revoked)

    def on_partitions_lost(self, lost: Iterable[TopicPartition]) -> None:
        self._gone(lost)


def _record(found: Any) -> Record:
    value = found.value if found.value is not None else b""
    return Record(found.topic, found.partition, found.offset, found.timestamp, found.key, value, found.headers or ())


def _committed(offsets: object, answer: object) -> None:
    if isinstance(answer, Exception):
        log.info("Kafka did not note offsets (they are in the database): %s: %s", type(answer).__name__, answer)
