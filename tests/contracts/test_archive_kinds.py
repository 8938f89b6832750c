"""What only one kind of archive has: compression and chunks; partitions, and writers beside those who summarise."""

from __future__ import annotations

import random
import threading
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson
import psycopg
import pytest

from citybrain.clock import real_ms
from citybrain.kernel.ids import message_key
from citybrain.kernel.model import Reading
from citybrain.kernel.times import from_ms
from citybrain.store import readings, summaries
from citybrain.store.db import Database
from citybrain.store.migrate import kind_of, known, migrate_in
from citybrain.store.sql import load
from tests.servers.timescaledb import Timescale

pytestmark = pytest.mark.live
DAY = 86_400_000
BASE_MS = 1_772_000_000_000
EVER = datetime(1970, 1, 1, tzinfo=UTC)


def flow(assets: int, begin_ms: int, every_ms: int, seed: int = 1) -> list[Reading]:
    """A day of water levels, as they are: slow, and rounded by the device."""
    rng = random.Random(seed)
    found = []
    for number in range(assets):
        asset, level, battery = f"MH-{number:04}", rng.uniform(100, 900), rng.uniform(60, 100)
        for at_ms in range(begin_ms, begin_ms + DAY, every_ms):
            level, battery = level + rng.gauss(0, 3), battery - 0.001
            values = {"level_mm": round(level), "battery_pct": round(battery), "temperature_cel": round(rng.gauss(14, 0.2), 1)}
            found.append(
                Reading(asset, "manhole", asset, at_ms + rng.randrange(900), at_ms + 950, values, key=rng.getrandbits(63))
            )
    return found


def test_compressed_readings_are_small_and_take_late_ones(timescale: Timescale) -> None:
    timescale.clear()
    begin_ms = real_ms() // DAY * DAY - 20 * DAY
    given = flow(20, begin_ms, 600_000)
    with timescale.transaction() as tx:
        assert readings.add(tx, given) == len(given)
    timescale.call(f"CALL run_job({_job(timescale, 'policy_compression')})")
    sizes = timescale.rows(
        "SELECT sum(before_compression_total_bytes)::bigint AS before, sum(after_compression_total_bytes)::bigint AS after, "
        "count(after_compression_total_bytes) AS chunks FROM chunk_compression_stats('readings')"
    )[0]
    assert sizes["chunks"] == 1
    assert sizes["before"] > 4 * sizes["after"], sizes
    late = given[3]._replace(observed_ms=given[3].observed_ms + 7, key=1)
    with timescale.transaction() as tx:
        assert readings.add(tx, given[:50]) == 0, "repeats are found in what is compressed"
        assert readings.add_late(tx, [late, given[0]], from_ms(real_ms())) == [True, False]
    with timescale.transaction() as tx:
        assert readings.archive_of(tx, "MH-0000", EVER) == sorted(
            [late, *(one for one in given if one.asset == "MH-0000")], key=lambda one: (one.observed_ms, message_key(one))
        )
        readings.drop_readings(tx, [late, given[0]])
        assert readings.total_messages(tx) == len(given) - 1


def _job(timescale: Timescale, name: str) -> int:
    return int(
        timescale.rows(
            f"SELECT job_id FROM timescaledb_information.jobs WHERE proc_name = '{name}' AND hypertable_name = 'readings'"
        )[0]["job_id"]
    )


def test_its_own_job_drops_what_is_too_old(timescale: Timescale) -> None:
    timescale.clear()
    now_ms = real_ms()
    with timescale.transaction() as tx:
        summaries.keep(tx, timedelta(days=100), timedelta(days=3660))
        given = [Reading("A", "drain", "A", now_ms - day * DAY, now_ms, {"level_mm": 1.0}) for day in (1, 99, 102)]
        readings.add_fresh(tx, given)
    timescale.call(f"CALL run_job({_job(timescale, 'policy_retention')})")
    with timescale.transaction() as tx:
        assert readings.archive_of(tx, "A", EVER) == given[1::-1]
        summaries.keep(tx, timedelta(days=400), timedelta(days=3660))


def test_late_data_of_now_shows_before_any_job_has_run(timescale: Timescale) -> None:
    timescale.clear()
    now_ms = real_ms()
    live = [Reading("A", "drain", "A", now_ms - n * 1000, now_ms, {"level_mm": float(n)}, key=n) for n in range(60)]
    with timescale.transaction() as tx:
        readings.add_fresh(tx, live)
        assert tx.all("SELECT * FROM readings_stale") == [], "what comes in time is no matter of that list"
        late = Reading("A", "drain", "A", now_ms - 8 * 3_600_000, now_ms, {"level_mm": 99.0}, key=99)
        assert readings.add_late(tx, [late], from_ms(now_ms)) == [True]
        rows = readings.series(tx, "A", "level_mm", EVER, from_ms(now_ms + DAY), "1m")
        assert (rows[0]["last"], sum(row["n"] for row in rows)) == (99.0, 61)
    assert summaries.refresh(timescale, from_ms(now_ms)).anew == 1
    with timescale.transaction() as tx:
        assert tx.all("SELECT * FROM readings_stale") == []
        assert readings.series(tx, "A", "level_mm", EVER, from_ms(now_ms + DAY), "1m") == rows


WIDE = """INSERT INTO readings (asset, observed_at, device, key, received_at, kind, seq, flags, window_ms, quality, measures)
VALUES (%(asset)s, %(observed_at)s, %(device)s, %(key)s, %(received_at)s, %(kind)s, %(seq)s, %(flags)s, %(window_ms)s, %(late)s,
        %(measures)s)"""


def test_a_wide_archive_becomes_narrow(kind: str, postgres_url: str) -> None:
    given = [
        Reading("A", "drain", "A", BASE_MS + 123, BASE_MS + 456, {"level_mm": 412, "flow_l_s": 412.0, "on": True}, 1, -7, 0, 1),
        Reading(
            "A", "drain", "Gerät 2", BASE_MS + 123, BASE_MS + 456, {"note": 'a\\"b', "off": False}, None, 2**63 - 1, 60_000, 6
        ),
        Reading("A", "drain", "A", BASE_MS - 370 * DAY, BASE_MS, {}, 2**62, 0, 0, 0),
    ]
    if kind == "timescaledb":
        with Timescale() as server:
            _narrowed(server, given, kind)
        return
    with psycopg.connect(postgres_url, autocommit=True) as conn:
        conn.execute("DROP DATABASE IF EXISTS wide WITH (FORCE)")
        conn.execute("CREATE DATABASE wide")
    with Database(postgres_url.replace("/postgres?", "/wide?"), size=1) as db:
        _narrowed(db, given, kind)
    with psycopg.connect(postgres_url, autocommit=True) as conn:
        conn.execute("DROP DATABASE wide WITH (FORCE)")


def _narrowed(archive: Any, given: list[Reading], kind: str) -> None:
    sql = load("migrate")
    with archive.transaction() as tx:
        tx.run(sql["create_table"])
        for step in known():
            if step.number <= 3:
                tx.run(step.sql)
                tx.run(sql["record"], number=step.number, name=step.name, digest=step.digest(kind))
        for one in given:
            times = {"observed_at": from_ms(one.observed_ms), "received_at": from_ms(one.received_ms)}
            tx.run(WIDE, **one._asdict(), **times, late=int(one.seq is None), measures=orjson.dumps(one.values).decode())
    with archive.transaction() as tx:
        assert migrate_in(tx) == len(known()) - 3
        assert kind_of(tx) == kind
    with archive.transaction() as tx:
        found = readings.archive_of(tx, "A", EVER)
        assert found == sorted(given, key=lambda one: (one.observed_ms, message_key(one)))
        (numbers,) = (one for one in found if "level_mm" in one.values)
        assert [type(numbers.values[name]) for name in ("level_mm", "flow_l_s")] == [int, float]
        assert readings.add(tx, given) == 0, "they are known by the same keys"
        late = tx.all("SELECT DISTINCT message FROM readings WHERE quality & 256 <> 0")
        assert late == [{"message": message_key(given[1])}]
        tx.all("SELECT * FROM readings_1d")


def test_writers_beside_those_who_summarise_lose_nothing(db: Database) -> None:
    """Writers of old and new readings, and two processes that summarise: in the end all sums are those of the readings."""
    stop = threading.Event()
    faults: list[Exception] = []

    def write(name: str) -> None:
        rng = random.Random(name)
        try:
            for at_ms in range(BASE_MS, BASE_MS + 40 * 60_000, 60_000):
                batch = [
                    Reading(f"A{rng.randrange(4)}", "drain", name, then_ms, at_ms, {"level_mm": 1.0}, key=rng.getrandbits(60))
                    for then_ms in (at_ms - rng.choice([0, 0, 0, rng.randrange(7_200_000)]) for _ in range(20))
                ]
                with db.transaction() as tx:
                    assert readings.add(tx, batch) == 20
        except Exception as error:
            faults.append(error)

    def summarise() -> None:
        try:
            n = 0
            while not stop.is_set():
                n += 1
                summaries.refresh(db, from_ms(BASE_MS + n * 97_000))
        except Exception as error:
            faults.append(error)

    writers = [threading.Thread(target=write, args=(f"d{n}",)) for n in range(3)]
    others = [threading.Thread(target=summarise) for _ in range(2)]
    for thread in (*writers, *others):
        thread.start()
    for thread in writers:
        thread.join()
    stop.set()
    for thread in others:
        thread.join()
    assert not faults
    assert summaries.refresh(db, from_ms(BASE_MS + DAY * 2), patience_s=60).complete
    with db.transaction() as tx:
        assert tx.one("SELECT count(*) AS n FROM readings_stale") == {"n": 0}
        for table in ("summary_1h", "summary_1d"):
            assert tx.one(f"SELECT sum(n)::bigint AS n FROM {table}") == {"n": 2400}, table


def test_the_same_message_from_two_writers_is_stored_once(db: Database) -> None:
    one = Reading("A", "drain", "A", BASE_MS, 0, {"level_mm": 1.0}, key=5)
    first, second = db.session("first"), db.session("second")
    found: list[int] = []

    def write() -> None:
        with second.transaction() as tx:
            found.append(readings.add(tx, [one, one._replace(key=6)]))

    with first.transaction() as tx:
        assert readings.add(tx, [one]) == 1
        other = threading.Thread(target=write)
        other.start()
        _until_somebody_waits(db)
    other.join()
    first.close()
    second.close()
    assert found == [1]


def _until_somebody_waits(db: Database) -> None:
    for _ in range(1000):
        with db.transaction() as tx:
            if tx.one("SELECT count(*) AS n FROM pg_locks WHERE NOT granted") != {"n": 0}:
                return
        threading.Event().wait(0.01)
    raise AssertionError("nobody waits")


def test_a_new_week_waits_for_no_reader(db: Database) -> None:
    """An export that reads for minutes does not keep the stream from a new week, nor do others who write."""
    first, second = (Reading("A", "drain", "A", BASE_MS + n * 7 * DAY, 0, {"level_mm": 1.0}) for n in range(2))
    with db.transaction() as tx:
        readings.add_fresh(tx, [first])
    with db.transaction() as reader, db.transaction() as writer, db.transaction() as tx:
        assert len(reader.all("SELECT * FROM readings")) == 1
        readings.add_fresh(writer, [first._replace(asset="B")])
        tx.run("SET LOCAL lock_timeout = '2s'")
        readings.add_fresh(tx, [second])
    with db.transaction() as tx:
        assert readings.total_messages(tx) == 3


def test_dropping_waits_for_no_reader_for_long(db: Database) -> None:
    old = Reading("A", "drain", "A", 1_700_000_000_000, 0, {"level_mm": 1.0})
    with db.transaction() as tx:
        readings.add_fresh(tx, [old])
    with db.transaction() as reader:
        assert len(reader.all("SELECT * FROM readings")) == 1
        with pytest.raises(Exception, match="55P03"), db.transaction() as tx:
            readings.expire(tx, from_ms(BASE_MS))
    with db.transaction() as tx:
        assert readings.expire(tx, from_ms(BASE_MS)) == 1


def test_the_cycle_makes_next_weeks_partitions(db: Database) -> None:
    now = datetime(2026, 3, 2, 11, tzinfo=UTC)
    assert summaries.refresh(db, now).complete
    with db.transaction() as tx:
        names = [
            row["name"]
            for row in tx.all("SELECT relname AS name FROM pg_class WHERE relname ~ '^readings_[0-9]{8}$' ORDER BY 1")
        ]
    assert names == ["readings_20260302", "readings_20260309"]
