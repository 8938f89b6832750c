"""Records of a group into the database, each once: positions, what is made of the records, and counters in one transaction.

    1. take what Kafka has
    2. one transaction: hold the positions of the partitions, leave out what lies below them, write, save the positions
    3. tell Kafka

A failure before the commit undoes all, and the records come again. Whoever dies between commit and 3 finds the positions where
the next one looks first. A record that cannot be written is refused: it goes to quarantine by itself, its neighbours do not.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from functools import partial
from itertools import groupby
from typing import Generic, NamedTuple, Protocol, TypeVar

from citybrain.kernel.errors import CityBrainError
from citybrain.store.db import Tx
from citybrain.store.link import Link, passes, refuses, waited_in_vain
from citybrain.store.positions import end_holders, hold_positions, positions, restart_position, save_positions
from citybrain.topics.consumer import Consumer, Place, Record

log = logging.getLogger(__name__)
POLL_S = 0.2
"""a poll without records takes so long (real seconds)"""
OUTAGE_S = 0.3
"""pause after a failure of the database or of Kafka (real seconds)"""
ASTRAY_S = 0.05
"""pause before records are read again that were not those that come next, or came too early (real seconds)"""
SAY_S = 10.0
"""an outage is told again after so long (real seconds)"""

T = TypeVar("T")
Batch = Mapping[Place, Sequence[Record]]


class Work(Protocol[T]):
    """What is made of records. All but `done` is called within a transaction, and may be called again for the same records."""

    def too_early(self, tx: Tx, records: Sequence[Record]) -> Collection[Place]:
        """Partitions whose records must wait a moment, since the database lacks something yet."""
        ...

    def write(self, tx: Tx, records: Sequence[Record]) -> T:
        """Records of several partitions, each in its order. Raises whatever: then each is tried alone."""
        ...

    def refuse(self, tx: Tx, record: Record, error: Exception) -> T:
        """A record that `write` cannot write even alone."""
        ...

    def done(self, result: T) -> None:
        """It is committed: count it, log it."""
        ...


class Chosen(NamedTuple):
    """What of a batch is new. `astray`: partitions whose records are not those that come next."""

    records: list[Record]
    next_offsets: dict[Place, int]
    astray: list[Place]


def choose(batch: Batch, held: Mapping[Place, int], expired: Mapping[Place, int]) -> Chosen:
    """PURE: leave out what is in the database, and what does not follow on it.

    `expired`: partitions whose records before an offset were deleted before anybody took them.
    """
    chosen = Chosen([], {}, [])
    for place, records in batch.items():
        known = held.get(place, 0)
        fresh = [record for record in records if record.offset >= known]
        if not fresh or fresh[0].offset > max(known, expired.get(place, 0)):
            chosen.astray.append(place)
            continue
        chosen.records.extend(fresh)
        chosen.next_offsets[place] = fresh[-1].offset + 1
    return chosen


def without(chosen: Chosen, places: Collection[Place]) -> Chosen:
    """PURE: the same with some partitions left for later."""
    return Chosen(
        [record for record in chosen.records if (record.topic, record.partition) not in places],
        {place: at for place, at in chosen.next_offsets.items() if place not in places},
        [*chosen.astray, *places],
    )


class Drain(Generic[T]):
    """Turned by a service's loop. `name` is that of the consumer in the table of positions."""

    def __init__(self, name: str, link: Link, open_consumer: Callable[[Drain[T]], Consumer], work: Work[T]) -> None:
        self.name, self._link, self._work = name, link, work
        self._failing_since, self._say_at = 0.0, 0.0
        self.trouble = ""
        """what keeps records from being taken, "" when nothing does"""
        self.consumer = open_consumer(self)

    def turn(self) -> int:
        """Take what is there; how many records. Outages are waited for, here and in the next turns."""
        batch: Batch = {}
        try:
            batch = self.consumer.poll(POLL_S)
            if batch:
                self._take(batch)
        except CityBrainError as error:
            if not passes(error):
                raise
            self.consumer.again(batch)
            self._wait(error)
            return 0
        if self.trouble:
            log.warning("goes on after %.1f s", time.monotonic() - self._failing_since)
            self.trouble = ""
        return sum(len(records) for records in batch.values())

    def close(self) -> None:
        """Leave the group and the database. Everything that was taken is committed."""
        self.consumer.close()
        self._link.close()

    def starts(self, places: Sequence[Place]) -> dict[Place, int]:
        """Where partitions go on. Raises UnavailableError."""
        with self._link.transaction() as tx:
            found = {topic: positions(tx, self.name, topic) for topic in {topic for topic, _ in places}}
        return {(topic, partition): found[topic].get(partition, 0) for topic, partition in places}

    def restart(self, place: Place, stale: int, next_offset: int) -> None:
        """The log of a partition began anew."""
        with self._link.transaction() as tx:
            restart_position(tx, self.name, *place, stale=stale, next_offset=next_offset)

    def _take(self, batch: Batch) -> None:
        try:
            done = self._attempt(batch, partial(self._write, batch))
        except Exception as error:
            if not refuses(error):
                raise
            log.exception("%s: a batch cannot be written; each of its records is tried alone", self.name)
            done = {}
            for record in [record for records in batch.values() for record in records]:
                done |= self._alone(record)
        self.consumer.commit(done)

    def _alone(self, record: Record) -> Mapping[Place, int]:
        one = {(record.topic, record.partition): [record]}
        try:
            return self._attempt(one, partial(self._write, one))
        except Exception as error:
            if not refuses(error):
                raise
            log.error("%s: record %s/%d at %d is refused: %s", self.name, record.topic, record.partition, record.offset, error)
            return self._attempt(one, partial(self._refuse, record, error))

    def _attempt(self, batch: Batch, work: Callable[[Tx], tuple[T | None, Chosen]]) -> Mapping[Place, int]:
        """One transaction, and what is to be done when it is committed; the next offsets of what it took."""
        try:
            result, chosen = self._link.attempt(work)
        except CityBrainError as error:
            if not waited_in_vain(error):
                raise
            # the group gave us these partitions: who holds them is stopped, or on its way out
            with self._link.transaction() as tx:
                ended = sum(end_holders(tx, self.name, topic, numbers) for topic, numbers in _by_topic(batch).items())
            log.warning("%s: %d connections were ended that held positions of ours", self.name, ended)
            result, chosen = self._link.attempt(work)
        if result is not None:
            self._work.done(result)
        if chosen.astray:
            self.consumer.again(chosen.astray)
            time.sleep(ASTRAY_S)
        return chosen.next_offsets

    def _hold(self, tx: Tx, batch: Batch) -> Chosen:
        held = {}
        for topic, numbers in _by_topic(batch).items():
            for number, at in hold_positions(tx, self.name, topic, numbers).items():
                held[topic, number] = at
        return choose(batch, held, self.consumer.expired)

    def _save(self, tx: Tx, next_offsets: Mapping[Place, int]) -> None:
        for topic, numbers in _by_topic(next_offsets).items():
            save_positions(tx, self.name, topic, {number: next_offsets[topic, number] for number in numbers})

    def _write(self, batch: Batch, tx: Tx) -> tuple[T | None, Chosen]:
        chosen = self._hold(tx, batch)
        if early := self._work.too_early(tx, chosen.records):
            chosen = without(chosen, early)
        result = self._work.write(tx, chosen.records) if chosen.records else None
        self._save(tx, chosen.next_offsets)
        return result, chosen

    def _refuse(self, record: Record, error: Exception, tx: Tx) -> tuple[T | None, Chosen]:
        chosen = self._hold(tx, {(record.topic, record.partition): [record]})
        result = self._work.refuse(tx, record, error) if chosen.records else None
        self._save(tx, chosen.next_offsets)
        return result, chosen

    def _wait(self, error: CityBrainError) -> None:
        now = time.monotonic()
        if not self.trouble:
            self._failing_since, self._say_at = now, 0.0
        self.trouble = str(error)
        if now >= self._say_at:
            self._say_at = now + SAY_S
            log.warning("%s waits: %s", self.name, error)
        time.sleep(OUTAGE_S)


def _by_topic(places: Mapping[Place, object]) -> dict[str, list[int]]:
    """topic -> partitions, both in order: whoever locks several locks them in the same order."""
    return {topic: [number for _, number in group] for topic, group in groupby(sorted(places), key=lambda place: place[0])}
