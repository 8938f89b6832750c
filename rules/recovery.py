"""Where a partition's state comes from: the saved one, and the log behind it."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from citybrain.config import Settings
from citybrain.kernel.errors import PayloadError
from citybrain.kernel.ids import SHARDS
from citybrain.metrics import Metrics
from citybrain.store.db import Database
from citybrain.store.partitions import Saved, forget_offset, state_of
from citybrain.store.positions import TOLD, positions, restart_position
from citybrain.topics.client import topic_name
from citybrain.topics.fetch import bounds, fetch
from citybrain.topics.records import decode
from citybrain.topics.spec import READINGS
from rules.partition import Partition, Snapshot, SpoiledError

log = logging.getLogger(__name__)


@dataclass(slots=True)
class Owned:
    """A partition of ours: its state, what of it is saved, and when it is saved next (monotonic seconds)."""

    part: Partition
    saved: int
    due: float
    forced: bool = False
    """It learned something between two records (rulebook, register, judging again): save it as soon as possible."""
    told: set[str] = field(default_factory=set)
    """assets with alerts since the last look of `rules.latecomers`"""


class Recovery:
    """Takes partitions over and builds their states. `fresh` makes a partition that knows nothing; `die` ends the process."""

    def __init__(
        self, settings: Settings, db: Database, fresh: Callable[[int], Partition], metrics: Metrics, die: Callable[[str], None]
    ) -> None:
        self._settings, self._db, self._fresh, self._metrics, self._die = settings, db, fresh, metrics, die

    async def take_over(self, number: int, offset: int) -> Owned:
        """The partition with its saved state. A gap between state and log that nothing explains ends the process."""
        began = time.monotonic()
        saved = await asyncio.to_thread(self._saved, number)
        owned = self._own(number, saved)
        if saved is None:
            owned.part.next = offset
        elif offset > owned.part.next:
            oldest, _ = await asyncio.to_thread(bounds, self._settings, READINGS, number)
            if oldest <= owned.part.next:
                self._die(f"partition {number}: the state is at {owned.part.next}, the log goes on at {offset}")
            log.error(
                "partition %d: the log was kept from %d on, the state is at %d: %d records are lost to the rules",
                number, oldest, owned.part.next, oldest - owned.part.next,
            )  # fmt: skip
            owned.part.next = offset
        elif offset == 0 < owned.part.next and await asyncio.to_thread(self._made_anew, number, owned.part.next):
            # without this its records would be passed over in silence until they reach the old offset
            owned.part.next, owned.saved, owned.forced = offset, -1, True
        seconds = time.monotonic() - began
        self._metrics.takeover_seconds.observe(seconds)
        log.info("partition %d taken over at %d in %.0f ms", number, owned.part.next, seconds * 1000)
        return owned

    def _saved(self, number: int) -> Saved | None:
        with self._db.transaction() as tx:
            return state_of(tx, topic_name(self._settings, READINGS), number)

    def _made_anew(self, number: int, stale: int) -> bool:
        """Whether the log ends before the state: the topic was made anew. Then nothing that stands in its offsets holds."""
        _, end = bounds(self._settings, READINGS, number)
        if end >= stale:
            return False
        log.error(
            "partition %d: the state is at %d and the log ends at %d: it began anew, the state is kept", number, stale, end
        )
        topic = topic_name(self._settings, READINGS)
        with self._db.transaction() as tx:
            forget_offset(tx, topic, number, stale)
            told = positions(tx, TOLD, topic).get(number, 0)
            restart_position(tx, TOLD, topic, number, stale=told, next_offset=0)
        return True

    def _own(self, number: int, saved: Saved | None) -> Owned:
        part = self._fresh(number)
        if saved is not None:
            part.load(Snapshot(*saved))
        # staggered: the partitions of a worker are saved one after the other
        every = self._settings.checkpoint_s
        return Owned(part, part.next if saved else -1, time.monotonic() + every * (1 + number / SHARDS) / 2)

    async def rebuilt(self, number: int, offset: int) -> Owned:
        """The state before the record at `offset`, from the saved one and the log. Its alerts were told before."""
        saved = await asyncio.to_thread(self._saved, number)
        owned = self._own(number, saved)
        oldest, _ = await asyncio.to_thread(bounds, self._settings, READINGS, number)
        if saved is None:
            owned.part.next = oldest
        for at, value in await asyncio.to_thread(fetch, self._settings, READINGS, number, owned.part.next, offset):
            try:
                batch = decode(value)
            except PayloadError:
                owned.part.next = at + 1
                continue
            try:
                owned.part.apply(at, batch)
            except SpoiledError:
                # it failed on the way here too: load what there was is not possible, so go carefully from now on
                owned = await self.rebuilt(number, at)
                owned.part.apply(at, batch, careful=True)
        return owned
