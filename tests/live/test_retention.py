"""What is past the time of keeping goes, and nothing else."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from citybrain.kernel.model import Reading
from citybrain.kernel.times import to_ms
from citybrain.runtime.retention import Retention
from citybrain.store import quarantine, readings
from citybrain.store.db import Database

pytestmark = pytest.mark.live
NOW = datetime(2026, 6, 1, tzinfo=UTC)


def test_old_readings_and_bad_messages_go(db: Database) -> None:
    with db.transaction() as tx:
        for days in (1, 399, 408, 1000):
            at = to_ms(NOW - timedelta(days=days))
            readings.add_fresh(tx, [Reading("A", "drain", "A", at, at, {"level_mm": 1.0})])
            quarantine.add(tx, [("t", b"%d" % days, "not_json", "")], NOW - timedelta(days=days))
    retention = Retention(400, 3660)
    assert retention.expire(db, NOW) == 4
    assert retention.expire(db, NOW + timedelta(days=400)) == 0, "not again within the hour"
    with db.transaction() as tx:
        assert readings.total_messages(tx) == 2
