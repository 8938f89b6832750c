"""A list page with a hundred thousand open alerts and a thousand silences, and taking alerts in among as many."""

from __future__ import annotations

import statistics
import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from citybrain.clock import SystemClock
from citybrain.kernel.model import Asset
from citybrain.store import register as register_store
from citybrain.store.db import Database, Tx
from dispatch import quiet, silencing
from dispatch.silences import Scope
from tests.live.test_http import AUTH, Server

pytestmark = pytest.mark.live

ALERTS, SILENCES, ASSETS, KNOWN = 100_000, 1_000, 50_000, 5_000
"""the register knows a tenth of the assets: the others have told of themselves"""
PAGE_S = 0.3
_CONDITIONS = ("MH-OPEN", "MH-ROCK")

_COPY = """
COPY alerts (id, asset, kind, condition, severity, phase, onset_at, raised_at, changed_at, reason, detail) FROM STDIN
"""


def _alerts(now: Any) -> Iterator[tuple[Any, ...]]:
    for number in range(ALERTS):
        condition = _CONDITIONS[number // ASSETS]
        at = now - timedelta(seconds=number % 86_400)
        severity = "critical" if condition == "MH-OPEN" else "minor"
        name = f"{number:08x}-0000-4000-8000-{number:012x}"
        yield (
            name,
            f"mh-{number % ASSETS}",
            "manhole",
            condition,
            severity,
            "firing",
            at,
            at,
            at,
            "above_raise",
            "tilt 45 deg",
        )


def _silences(tx: Tx, now: Any) -> None:
    until = now + timedelta(hours=5)
    said: dict[str, Any] = {"author": "Li", "reason": "known", "begins_at": now, "ends_at": until, "now": now}
    for number in range(SILENCES):
        if number % 4 == 3:
            silencing.works(tx, Scope(street=f"Street {number}"), **said, reference=f"P-{number}")
        elif number % 4 == 2:
            silencing.silence(tx, [f'district="d{number}"', 'condition=~"MH-.*"'], **said)
        else:
            silencing.silence(tx, [f'asset="mh-{number * 50}"', f'condition="{_CONDITIONS[number % 2]}"'], **said)


@pytest.fixture
def full(db: Database, tmp_path: Path) -> Iterator[httpx.Client]:
    """A console over a database where very much is wrong."""
    now = SystemClock().now()
    with db.transaction() as tx:
        covers = [
            Asset(f"mh-{n}", "manhole", district=f"d{n % 1200}", attributes={"street": f"Street {n % 1000}"})
            for n in range(KNOWN)
        ]
        register_store.save_assets(tx, covers)
        tx.copy(_COPY, list(_alerts(now)))
        _silences(tx, now - timedelta(seconds=1))
    db.call("ANALYZE alerts")
    server = Server(db, tmp_path)
    yield server.client
    server.stop()


def test_a_page_is_there_in_a_moment(full: httpx.Client, db: Database) -> None:
    slow: dict[str, float] = {}
    asked: tuple[tuple[str, dict[str, Any]], ...]
    cursor = None
    pages: list[dict[str, Any]] = []
    for _ in range(7):
        page = full.get("/api/alerts", params={"live": True, "limit": 100, **({"cursor": cursor} if cursor else {})}).json()
        cursor = page["next"]
        pages.append(page)
    assert len({row["id"] for page in pages for row in page["items"]}) == 700
    asked = (
        ("live", {"live": True, "limit": 100}),
        ("all", {"limit": 100}),
        ("largest", {"live": True, "limit": 500}),
        ("a rare severity", {"live": True, "severity": "warning"}),
        ("one asset", {"live": True, "asset": "mh-49950"}),
        ("far behind", {"live": True, "limit": 100, "cursor": cursor}),
    )
    for name, params in asked:
        times = []
        for _ in range(7):
            began = time.perf_counter()
            answer = full.get("/api/alerts", params=params)
            times.append(time.perf_counter() - began)
            assert answer.status_code == 200, answer.text
        slow[name] = statistics.median(times)
    print({name: f"{1000 * taken:.0f} ms" for name, taken in slow.items()})
    assert max(slow.values()) < PAGE_S, slow
    (first, second) = full.get("/api/alerts", params={"asset": "mh-0"}).json()["items"]
    by = {row["condition"]: row["silenced_by"] for row in (first, second)}
    assert by["MH-OPEN"]["author"] == "Li"
    assert 17_900 < by["MH-OPEN"]["remaining_s"] <= 18_000
    assert by["MH-ROCK"] is None
    with db.transaction() as tx:
        times = []
        for _ in range(7):
            began = time.perf_counter()
            assert quiet.in_force(tx, SystemClock().now()).count == SILENCES
            times.append(time.perf_counter() - began)
    print(f"silences in force: {1000 * statistics.median(times):.1f} ms")
    assert statistics.median(times) < 0.02, "one cheap query a batch"


def test_an_alert_is_silenced_and_heard_again_over_http(db: Database, tmp_path: Path) -> None:
    server = Server(db, tmp_path)
    alert = server.raise_alert()
    words = {"author": "Ms Li", "reason": "a parade"}
    assert server.client.post("/api/silences", json={**words, "alert": alert, "for_s": 60}).status_code == 401
    made = server.client.post("/api/silences", json={**words, "alert": alert, "for_s": 7200}, headers=AUTH)
    assert (made.status_code, made.json()["matchers"]) == (201, ['asset="MH-1"', 'condition="MH-OPEN"'])
    assert 7190 < made.json()["remaining_s"] <= 7200
    assert server.client.get(f"/api/alerts/{alert}").json()["silenced_by"]["author"] == "Ms Li"
    for wrong, word in ((words, "matchers"), ({**words, "matchers": ["colour=red"], "for_s": 9}, "no label"), ({}, "author")):
        answer = server.client.post("/api/silences", json=wrong, headers=AUTH)
        assert answer.status_code == 422
        assert word in answer.text
    number = made.json()["number"]
    ended = server.client.post(f"/api/silences/{number}/expire", json={"actor": "Wang"}, headers=AUTH).json()
    assert (ended["ended_by"], ended["remaining_s"]) == ("Wang", 0)
    again = server.client.post(f"/api/silences/{number}/expire", json={"actor": "Wang"}, headers=AUTH)
    assert again.status_code == 409
    assert [row["number"] for row in server.client.get("/api/silences").json()] == [number]
    assert server.client.get(f"/api/alerts/{alert}").json()["silenced_by"] is None
    server.stop()
