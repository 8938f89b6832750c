"""What the demo reads at its end, from a real PostgreSQL."""

from __future__ import annotations

import pytest

from citybrain.kernel.model import Reading
from citybrain.store import outcome
from citybrain.store.db import Database
from citybrain.store.readings import add_fresh

pytestmark = pytest.mark.live


def test_every_stored_reading_is_counted_once_whatever_the_pages(db: Database) -> None:
    readings = [
        Reading(f"MH-{n % 7}", "manhole", f"d{n % 2}", 1_800_000_000_000 + n // 3, 0, {"tilt_deg": 1.0}, key=n - 50)
        for n in range(100)
    ]
    with db.transaction() as tx:
        add_fresh(tx, readings)
    wanted = sorted((reading.asset, reading.observed_ms, reading.key) for reading in readings)
    with db.transaction() as tx:
        for page in (1, 7, 100, 20_000):
            assert sorted(outcome.reading_keys(tx, page)) == wanted
        assert (outcome.alerts(tx), outcome.orders(tx), outcome.firsts(tx)) == ([], [], [])
