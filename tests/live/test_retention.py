"""The archive is kept: what is past its time goes, and nothing else; sums follow the readings."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from citybrain.config import Settings
from citybrain.kernel.model import Reading
from citybrain.kernel.times import to_ms
from citybrain.runtime.retention import Retention
from citybrain.runtime.upkeep import Upkeep
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


def test_the_archive_is_kept_beside_the_cycle(db: Database) -> None:
    at = to_ms(NOW - timedelta(hours=3))
    with db.transaction() as tx:
        readings.add_fresh(tx, [Reading("A", "drain", "A", at, at, {"level_mm": 1.0})])
    upkeep = Upkeep(Settings())
    upkeep.turn(db, NOW)
    upkeep.close()
    with db.transaction() as tx:
        assert tx.all("SELECT asset, n FROM summary_1h") == [{"asset": "A", "n": 1}]
        assert tx.one("SELECT done_to FROM archive_state") == {"done_to": NOW - timedelta(hours=1)}
    upkeep.turn(db, NOW + timedelta(days=800))
    upkeep.close()
    with db.transaction() as tx:
        assert readings.total_messages(tx) == 1, "not again within seconds"


def test_a_failing_upkeep_is_logged_and_ends_nothing(db: Database, caplog: pytest.LogCaptureFixture) -> None:
    upkeep = Upkeep(Settings())
    db.close()
    upkeep.turn(db, NOW)
    upkeep.close()
    assert "the archive's upkeep" in caplog.text
