"""Complaint alertmanager 3932 and 4606: inhibition compares every source with every target. Here what explains what is found by
index, however many cases are open (scenario 37 of dispatch)."""

from __future__ import annotations

import time

import pytest

from citybrain.kernel.events import AlertChange
from citybrain.store.db import Database
from citybrain.store.sql import load
from tests.dispatch_kit import NOON, Town, event

pytestmark = pytest.mark.live

OPEN = 100_000
FILL = """
INSERT INTO cases (id, asset, kind, cause, condition, severity, state, opened_at, filing_item, group_key, parents, lat, lon,
                   spot)
SELECT gen_random_uuid(), 'x-' || n, 'streetlight', 'lamp_dark', 'SL-OUT', 'major',
       CASE WHEN waits THEN 'gathering' ELSE 'open' END, %(at)s, 'SL-OUT',
       CASE WHEN waits THEN 'feeder:F-' || n / 60 || '/feeder_dark' END,
       CASE WHEN waits THEN ARRAY['C-' || n / 60, 'F-' || n / 60] ELSE '{}' END,
       31 + n * 0.000001, 121, 'lamp_dark@' || 31000 + n / 1000 || ':121000'
FROM (SELECT n, n %% 2 = 1 AS waits FROM generate_series(1, %(n)s) AS n) AS numbers
"""


def test_a_hundred_thousand_open_cases_explain_as_fast_as_ten(db: Database, capsys: pytest.CaptureFixture[str]) -> None:
    town = Town(db)
    lamps = [f"sl-{n}" for n in range(1, 9)]
    with db.transaction() as tx:
        tx.conn.execute(FILL, {"at": NOON, "n": OPEN})
    with db.transaction() as tx:
        tx.conn.execute("ANALYZE cases")
        params = {"ids": [], "assets": ["cab-1", *lamps], "keys": ["feeder:f-1/feeder_dark"], "parents": ["cab-1"]}
        spots = ["drain_high@31000:121000", "lamp_dark@31000:121001"]
        plan = tx.conn.execute(b"EXPLAIN " + load("cases")["lock"].encode(), params | {"spots": spots}).fetchall()
    words = "\n".join(str(row["QUERY PLAN"]) for row in plan)
    assert "Seq Scan on cases" not in words, words
    began = time.monotonic()
    town.take(
        event("cab-1", "CAB-TRIP", AlertChange.RAISED, NOON), *(event(one, "SL-OUT", AlertChange.RAISED, NOON) for one in lamps)
    )
    took = time.monotonic() - began
    with capsys.disabled():
        print(f"\na trip and eight lamps beside {OPEN} open cases: {took * 1000:.0f} ms")
    assert [case["children"] for case in town.cases(asset="cab-1")] == [8]
