"""Assets with late readings, judged again by the worker that has their partition.

The archive is written by another service, so it may be behind the partition's state. An asset is judged again once

    the archive holds its late readings          (the position of consumer `archive` is behind them)
    the database knows all alerts told of it     (the position of consumer `dispatch` is behind them)
    the archive holds what these alerts came of  (it is behind `told`: an alert whose reading it lacks would be withdrawn)

The last holds whoever told them: another worker that has the partition now, or had it before. What the archive did not hold is
stepped again behind the new state. The state is saved at once. A crash before that finds the late reading again in the log, and
judges again: judging twice changes nothing.
"""

from __future__ import annotations

import asyncio
import logging
import time

from citybrain.kernel.errors import UnavailableError
from citybrain.kernel.times import from_ms
from citybrain.store.positions import TOLD, positions
from citybrain.store.readings import drop_readings
from citybrain.topics.client import topic_name
from citybrain.topics.fetch import bounds
from citybrain.topics.spec import ALERTS, READINGS, alert_partition
from rules.hindsight import judge_again
from rules.recovery import Owned
from rules.rejudge import Rejudged
from rules.worker import Worker

log = logging.getLogger(__name__)
QUIET_S = 0.5
"""real seconds without a late reading of the asset before it is judged again: back-fills come in bursts"""
PATIENCE_S = 3.0
"""…but never wait longer than this"""
AT_ONCE = 5
"""assets of a partition that are judged in one transaction"""
REST = 3
"""After judging it rests so many times as long: what comes in live goes first (with 2,000 assets late at once and no rest, an
order took 1 s instead of 20 ms)."""


class Latecomers:
    """Turned now and then in the worker's event loop."""

    def __init__(self, worker: Worker) -> None:
        self._worker = worker
        self._seen: dict[tuple[int, str], tuple[int, float, float]] = {}
        """(partition, asset) -> offset of its last late record, since when it waits, since when that offset stands"""

    async def turn(self) -> int:
        """Judge what is due, some assets of each partition; how many."""
        done = 0
        for number, owned in list(self._worker.owned.items()):
            if owned.part.late and (due := self._due(number, owned)):
                began = time.monotonic()
                try:
                    done += await self._judge(number, owned, due)
                except UnavailableError as error:
                    log.warning("partition %d: %d assets wait to be judged again: %s", number, len(due), error)
                await asyncio.sleep(REST * (time.monotonic() - began))
        alive = {(number, asset) for number, owned in self._worker.owned.items() for asset in owned.part.late}
        self._seen = {key: value for key, value in self._seen.items() if key in alive}
        return done

    def _due(self, number: int, owned: Owned) -> list[str]:
        now = time.monotonic()
        due = []
        for asset, late in owned.part.late.items():
            offset, first, last = self._seen.get((number, asset), (-1, now, now))
            if offset != late.offset:
                offset, last = late.offset, now
                self._seen[number, asset] = offset, first, last
            if now - last > QUIET_S or now - first > PATIENCE_S:
                due.append(asset)
        return due[:AT_ONCE]

    async def _judge(self, number: int, owned: Owned, due: list[str]) -> int:
        worker, part = self._worker, owned.part
        if not part.shown_ms:
            return 0
        told = await self._told_until(number)
        if told is None:
            return 0
        archived, dispatched = await asyncio.to_thread(self._positions, number)
        ready = [asset for asset in due if part.late[asset].offset < archived] if dispatched >= told else []
        for asset in [asset for asset in ready if asset not in worker.register.assets]:
            part.drop_late(asset)
            ready.remove(asset)
        if not ready:
            return 0
        owned.told.clear()
        offsets = {asset: part.late[asset].offset for asset in ready}
        since = {asset: part.late[asset].since_ms for asset in ready}
        judged = await asyncio.to_thread(self._read, number, archived, since, part.shown_ms)
        if judged is None or worker.owned.get(number) is not owned:
            return 0
        done = 0
        for asset, found in judged.items():
            late = part.late.get(asset)
            # what came meanwhile was not looked at: the next turn does
            if late is None or late.offset != offsets[asset] or asset in owned.told:
                continue
            for alert in part.adopt(asset, found, archived):
                worker.outbound.tell(number, alert)
                worker.metrics.alerts.labels(alert.event.change).inc()
                log.info("%s %s on %s in hindsight: %s", alert.event.change, alert.event.condition, asset, alert.event.reason)
            owned.forced = True
            worker.metrics.rejudged.inc()
            done += 1
        return done

    async def _told_until(self, number: int) -> int | None:
        """Offset behind the last alert that this worker told of the partition; None while it is under way."""
        outbound = self._worker.outbound
        if not outbound.knows(number):
            # told by another worker, or in a former life: whatever is there now
            outbound.begin_at(
                number, (await asyncio.to_thread(bounds, self._worker.settings, ALERTS, alert_partition(number)))[1]
            )
        return outbound.told_until(number)

    def _positions(self, number: int) -> tuple[int, int]:
        settings = self._worker.settings
        with self._worker.db.transaction() as tx:
            archived = positions(tx, "archive", topic_name(settings, READINGS)).get(number, 0)
            return archived, positions(tx, "dispatch", topic_name(settings, ALERTS)).get(alert_partition(number), 0)

    def _read(self, number: int, archived: int, since: dict[str, int], shown_ms: int) -> dict[str, Rejudged] | None:
        """Judge some assets; None when alerts are known of records that the archive did not hold."""
        worker = self._worker
        topic = topic_name(worker.settings, READINGS)
        found: dict[str, Rejudged] = {}
        with worker.db.transaction() as tx:
            for id, since_ms in since.items():
                asset = worker.register.assets[id]
                found[id] = judge_again(tx, asset, worker.rulebook, since_ms, from_ms(shown_ms), worker.horizon)
            # asked last: what was known of alerts above is not newer
            if positions(tx, TOLD, topic).get(number, 0) > archived:
                return None
            for judged in found.values():
                drop_readings(tx, judged.superseded)
        return found
