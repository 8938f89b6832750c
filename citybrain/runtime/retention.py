"""What is older than the time of keeping is forgotten, once an hour: readings, their sums, and what lay in quarantine."""

from __future__ import annotations

import logging
import time
from datetime import datetime, timedelta

from citybrain.store import quarantine, readings, summaries
from citybrain.store.db import Database

log = logging.getLogger(__name__)
EVERY_S = 3600.0
"""real seconds between two looks"""


class Retention:
    """Forgets readings older than `days` and their sums by hour and day older than `summary_days`.

    Readings go by whole partitions, so they may stay a week longer (a day with TimescaleDB). Orders, alerts and their ledger
    are kept for good.
    """

    def __init__(self, days: float, summary_days: float) -> None:
        self._keep, self._keep_sums = timedelta(days=days), timedelta(days=max(days, summary_days))
        self._next = 0.0

    def expire(self, db: Database, now: datetime) -> int:
        """Forget, when it is time (`now` is city time); how many partitions and rows."""
        if time.monotonic() < self._next:
            return 0
        self._next = time.monotonic() + EVERY_S
        with db.transaction() as tx:
            summaries.keep(tx, self._keep, self._keep_sums)
        # each by itself: dropping partitions waits for nobody long, and is tried again
        partitions = db.attempt(lambda tx: readings.expire(tx, now - self._keep))
        sums = db.attempt(lambda tx: summaries.expire(tx, now - self._keep_sums))
        messages = db.attempt(lambda tx: quarantine.prune(tx, now - self._keep))
        if gone := partitions + sums + messages:
            log.info(
                "forgotten: %d partitions of readings, %d sums, %d messages in quarantine (older than %s)",
                partitions, sums, messages, self._keep,
            )  # fmt: skip
        return gone
