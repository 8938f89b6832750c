"""The archive kept beside the cycle, in a thread of its own: sums of readings every few seconds, forgetting once an hour.

A minute of a large city takes seconds to add up; nobody's reminder waits for that.
"""

from __future__ import annotations

import logging
import threading
import time
from datetime import datetime

from citybrain.config import Settings
from citybrain.kernel.errors import CityBrainError
from citybrain.runtime.retention import Retention
from citybrain.store import summaries
from citybrain.store.db import Database

log = logging.getLogger(__name__)
EVERY_S = 10.0
"""real seconds between two refreshes of the summaries"""
_END_S = 30.0
"""real seconds that the end of the program waits for one that is under way"""


class Upkeep:
    """Turned by one thread; at most one piece of work is under way. A failure is logged, and tried again at the next turn."""

    def __init__(self, settings: Settings) -> None:
        self._retention = Retention(settings.retention_days, settings.summary_days)
        self._work: threading.Thread | None = None
        self._next = 0.0

    def turn(self, db: Database, now: datetime) -> None:
        """Begin what is due at `now` (city time), unless the last work still goes on."""
        if time.monotonic() < self._next or (self._work is not None and self._work.is_alive()):
            return
        self._next = time.monotonic() + EVERY_S
        self._work = threading.Thread(target=self._do, args=(db, now), name="upkeep", daemon=True)
        self._work.start()

    def _do(self, db: Database, now: datetime) -> None:
        try:
            done = summaries.refresh(db, now)
            self._next = max(self._next, time.monotonic() + done.rest_s)
            self._retention.expire(db, now)
        except CityBrainError as error:
            log.warning("the archive's upkeep waits: %s", error)
        except Exception:  # a thread has nobody to raise to, and the next turn may do better
            log.exception("the archive's upkeep failed")

    def close(self) -> None:
        """Wait for what is under way."""
        if self._work is not None:
            self._work.join(_END_S)
