"""The stream tables on a real PostgreSQL."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from citybrain.kernel.errors import ConfigError, InputError
from citybrain.kernel.model import Reading
from citybrain.store import readings, stream
from citybrain.store.db import ConstraintError, Database, wants_retry
from citybrain.store.migrate import migrate

pytestmark = pytest.mark.live
NOW = datetime(2026, 3, 2, 11, 0, tzinfo=UTC)


def reading(observed_ms: int, **values: float | bool | str) -> Reading:
    return Reading(
        "MH\t1\\", "manhole", "dev\n1", observed_ms, observed_ms + 5, dict(values), seq=None, key=-7, window_ms=0, flags=0
    )


def test_copied_readings_come_back_as_they_were(db: Database) -> None:
    given = [reading(1_700_000_000_123, tilt_deg=1.5, note='a "quoted" \\ text\n'), reading(1_700_000_001_000, overflow=True)]
    with db.transaction() as tx:
        readings.add_fresh(tx, given)
    with db.transaction() as tx:
        assert readings.archive_of(tx, given[0].asset, datetime(2023, 1, 1, tzinfo=UTC)) == given


def test_the_same_reading_cannot_be_stored_twice(db: Database) -> None:
    with db.transaction() as tx:
        readings.add_fresh(tx, [reading(1)])
    with pytest.raises(ConstraintError), db.transaction() as tx:
        readings.add_fresh(tx, [reading(1)])
    with db.transaction() as tx:
        assert readings.add_late(tx, [reading(1), reading(0)], NOW) == [False, True]
    with db.transaction() as tx:
        assert readings.total_messages(tx) == 2
        assert [asset for asset, _ in stream.rejudge_waiting(tx)] == [reading(1).asset]


def test_a_value_that_no_text_can_hold_is_the_callers_fault_and_no_lost_connection(db: Database) -> None:
    with pytest.raises(InputError, match="NUL") as found, db.transaction() as tx:
        tx.one("SELECT %(value)s::text", value="a\x00b")
    assert found.value.__cause__ is not None
    assert not wants_retry(found.value.__cause__)


def test_an_older_checkpoint_never_replaces_a_newer_one(db: Database) -> None:
    with db.transaction() as tx:
        for position in (5, 3):
            stream.save_checkpoint(tx, stream.Checkpoint(1, position, "v1", b"%d" % position), NOW)
    with db.transaction() as tx:
        assert stream.checkpoints(tx) == [stream.Checkpoint(1, 5, "v1", b"5")]


def test_the_log_is_pruned_only_behind_all_shards(db: Database) -> None:
    with db.transaction() as tx:
        for position in range(1, 11):
            stream.append(tx, position, NOW, b"%d" % position, {"entries": 1, "nothing": 0})
        for shard in range(31):
            stream.save_checkpoint(tx, stream.Checkpoint(shard, 10, "v1", b""), NOW)
        assert stream.prune(tx) == 0
        stream.save_checkpoint(tx, stream.Checkpoint(31, 7, "v1", b""), NOW)
        assert stream.prune(tx) == 7
    with db.transaction() as tx:
        assert [position for position, _ in stream.entries_after(tx, 0, page=2)] == [8, 9, 10]
        assert stream.last_position(tx) == 10
        assert stream.counters(tx) == {"entries": 10}


def test_a_newer_schema_is_refused(db: Database) -> None:
    with db.transaction() as tx:
        tx.run("INSERT INTO migrations (number, name, digest) VALUES (9999, '9999_future.sql', '')")
    with pytest.raises(ConfigError, match="schema 9999, this program knows up to"):
        migrate(db)
