"""What is older than the time of keeping is forgotten, once an hour: readings, and what lay in quarantine."""

from __future__ import annotations

import logging
import time
from datetime import datetime, timedelta

from citybrain.store import quarantine, readings
from citybrain.store.db import Database

log = logging.getLogger(__name__)
EVERY_S = 3600.0
"""real seconds between two looks"""


class Retention:
    """Forgets what is older than `days`. Orders, alerts and their ledger are kept for good."""

    def __init__(self, days: float) -> None:
        self._keep, self._next = timedelta(days=days), 0.0

    def expire(self, db: Database, now: datetime) -> int:
        """Forget, when it is time (`now` is city time); how many rows."""
        if time.monotonic() < self._next:
            return 0
        self._next = time.monotonic() + EVERY_S
        with db.transaction() as tx:
            gone = readings.expire(tx, now - self._keep) + quarantine.prune(tx, now - self._keep)
        if gone:
            log.info("%d rows older than %s forgotten", gone, self._keep)
        return gone
