"""An archive that moves from plain PostgreSQL into TimescaleDB reads there as it did, also what is older than its readings."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any

import pytest
from psycopg import sql

from citybrain.clock import real_ms
from citybrain.kernel.model import Reading
from citybrain.kernel.times import from_ms
from citybrain.runtime.move.history import clipped, parts
from citybrain.store import carrying, readings, summaries
from citybrain.store.carrying import Archive
from citybrain.store.db import Database, Row, Tx
from citybrain.store.migrate import TIMESCALE
from tests.servers.timescaledb import Timescale, bound

pytestmark = pytest.mark.live
DAY = 86_400_000
MEASURES = ("level_mm", "tilt_deg")


class Pipe:
    """So much of psycopg's connection as carrying needs, over the pipe to TimescaleDB."""

    def __init__(self, server: Timescale) -> None:
        self._server, self.rowcount = server, -1

    def execute(self, query: sql.Composed, params: Mapping[str, Any] | None = None) -> Any:
        found = self._server.rows(bound(query.as_string(None), dict(params or {})))
        return SimpleNamespace(fetchone=lambda: next(iter(found), None))

    @contextmanager
    def cursor(self) -> Iterator[Pipe]:
        yield self

    @contextmanager
    def copy(self, query: sql.Composed) -> Iterator[Any]:
        data: list[bytes] = []
        yield SimpleNamespace(write=lambda block: data.append(bytes(block)))
        self.rowcount = self._server.ask(query.as_string(None).replace("FROM STDIN", "FROM '/dev/blob'"), b"".join(data))[
            "affected"
        ]


def series(tx: Tx) -> list[Row]:
    return [
        {"asset": asset, "measure": measure, "step": step, **row}
        for asset in ("A", "B")
        for measure in MEASURES
        for step in ("1h", "1d")
        for row in readings.series(tx, asset, measure, from_ms(0), from_ms(real_ms() + DAY), step)
    ]


def test_into_timescaledb(db: Database, timescale: Timescale) -> None:
    timescale.clear()
    now_ms = real_ms() // DAY * DAY - DAY // 2
    given = [
        Reading(asset, "manhole", asset, at, at + 40, {"level_mm": float(n % 97), "tilt_deg": n}, key=n)
        for n, at in enumerate(range(now_ms - 60 * DAY, now_ms, DAY // 8))
        for asset in ("A", "B")
    ]
    with db.transaction() as tx:
        readings.add_fresh(tx, given)
    assert summaries.refresh(db, from_ms(now_ms), patience_s=60).complete
    with db.transaction() as tx:
        assert readings.expire(tx, from_ms(now_ms - 25 * DAY)) >= 2
    with db.transaction() as source:
        gone = carrying.archive_of(source).dropped_to
    assert gone is not None
    carrying.leave_sums_alone(timescale.call, gone)
    with db.transaction() as source, timescale.transaction() as target:
        target.conn = Pipe(timescale)
        here, there = carrying.archive_of(source), carrying.archive_of(target)
        assert there.kind == TIMESCALE
        carrying.let_jobs_run(target, False)
        wanted = parts(here, there)
        assert [part.table for part in wanted] == ["readings", "summary_1h", "summary_1d"]
        for part in wanted:
            carried = 0
            for whole in carrying.spans(source, part.table):
                if span := clipped(whole, None, part.before):
                    carried += carrying.carry_span(source, target, part.table, span)
            assert carried == carrying.count(source, part.table, part.before) > 0
            assert carrying.count(target, part.table, part.before) in (carried, 0), "a sum is told when its time is summarised"
        there_are = carrying.spans(target, "readings")
        assert there_are[0].begin <= from_ms(now_ms - 25 * DAY)
        assert there_are[-1].end > from_ms(now_ms - DAY)
        carrying.set_archive(target, Archive(there.kind, None, None, here.dropped_to))
        carrying.let_jobs_run(target, True)
        jobs = "SELECT bool_and(scheduled) AS on FROM timescaledb_information.jobs JOIN archive_jobs ON job = job_id"
        assert target.one(jobs) == {"on": True}
        before = series(source)
    assert len(before) > 1000
    with timescale.transaction() as target:
        assert series(target) == [row for row in before if row["time"] >= gone], "older sums show from the first run on"
    # as the jobs do within the hour
    for name in ("summary_1m", "summary_1h", "summary_1d"):
        timescale.ask(
            f"CALL refresh_continuous_aggregate('{name}', now() - interval '399 days', now() - interval '10 minutes')"
        )
    with timescale.transaction() as target:
        assert series(target) == before
