"""Two and four dispatchers on one database, killed with SIGKILL at random: every notice arrives, and no timer is lost.

What is promised is *at least once with a key*: a key comes again only when its sender was killed between sending and writing it
down.
"""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import orjson
import pytest

from citybrain.clock import real_ms
from citybrain.kernel.events import AlertChange
from citybrain.runtime.process import child_environment
from citybrain.store import register as register_store
from citybrain.store.db import Database
from tests.contracts.hook import Hook
from tests.dispatch_kit import Town, event
from tests.live.cycle_worker import TARGETS, now, told

pytestmark = pytest.mark.live

COVERS = 60
PLAIN = "kinds: {}"
BUNDLED = "kinds: {program: {bundle_s: 20, at_most: [{count: 12, minutes: 2}]}}"
ROOT = Path(__file__).parents[2]


class Inbox(Hook):
    """Counts what comes by key, and notes when."""

    def __init__(self) -> None:
        super().__init__()
        self.status, self.slow_s = 200, 0.03


class Dispatchers:
    """Some processes, and how many were killed."""

    def __init__(self, command: list[str], size: int) -> None:
        self._nursery = subprocess.Popen(
            command, cwd=ROOT, env=child_environment(), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        self.kills = 0
        self._running = [self._one() for _ in range(size)]

    def _one(self) -> int:
        assert self._nursery.stdin is not None
        assert self._nursery.stdout is not None
        self._nursery.stdin.write("one more\n")
        self._nursery.stdin.flush()
        return int(self._nursery.stdout.readline())

    def kill(self, place: int) -> None:
        """One that is at work dies without a word, and another takes its place."""
        os.kill(self._running[place], signal.SIGKILL)
        self.kills += 1
        self._running[place] = self._one()

    def end(self) -> None:
        """End all of them."""
        for number in self._running:
            os.kill(number, signal.SIGKILL)
        self._nursery.communicate(timeout=10)


@pytest.fixture
def inbox() -> Iterator[Inbox]:
    server = Inbox()
    yield server
    server.stop()


def carried(post: Any) -> list[str]:
    """The notices that a request carries."""
    body = orjson.loads(post.body)
    found = body["data"].get("notices")
    return [one["notice"] for one in found] if found else [body["id"]]


@pytest.mark.parametrize(("size", "rules"), [(2, PLAIN), (4, BUNDLED)], ids=["two", "four, in bundles"])
def test_killed_at_random_every_notice_arrives_and_no_timer_is_lost(
    db: Database, db_url: str, inbox: Inbox, tmp_path: Path, size: int, rules: str
) -> None:
    chance, town = random.Random(size), Town(db)
    town.register.units["street-office"] = unit = told(inbox.port)
    with db.transaction() as tx:
        register_store.save_units(tx, [unit])
    orders = town.take(*(event(f"mh-{1000 + n}", "MH-ROCK", AlertChange.RAISED, town.now) for n in range(COVERS)))
    assert len(orders) == COVERS
    with db.transaction() as tx:
        # the reminders of all of them fall into the next minutes
        for order in orders:
            at = town.now + timedelta(seconds=chance.uniform(10, 150))
            tx.conn.execute("UPDATE timers SET next_at = %s FROM orders o WHERE o.case_id = timers.case_id AND o.id = %s"
                            " AND purpose = 'reminder_50'", (at, order.order_id))  # fmt: skip
    file = tmp_path / "channels.yml"
    file.write_text(rules, encoding="utf-8")
    began, clock = real_ms(), time.monotonic()
    worker = [sys.executable, "-m", "tests.live.cycle_worker", db_url, str(began), str(file), str(inbox.port)]
    crowd = Dispatchers(worker, size)
    try:
        for number in range(8):
            time.sleep(chance.uniform(0.1, 0.6))
            crowd.kill(number % size)
        until = time.monotonic() + 25
        while _waiting(db) and time.monotonic() < until:
            time.sleep(0.1)
    finally:
        crowd.end()
    took = time.monotonic() - clock
    assert _waiting(db) == 0, f"after {took:.1f} s of {now(began)}"
    _right(db, inbox, crowd)
    again = len(inbox.posts) - len({post.headers["Idempotency-Key"] for post in inbox.posts})
    print(f"{size} dispatchers, {crowd.kills} kills: {len(inbox.posts)} messages, {again} came again, {took:.1f} s")


def _waiting(db: Database) -> int:
    with db.transaction() as tx:
        row = tx.conn.execute(
            "SELECT (SELECT count(*) FROM outbox WHERE state = 'waiting')"
            " + (SELECT count(*) FROM timers WHERE purpose = 'reminder_50') AS n"
        ).fetchone()
    assert row is not None
    return int(row["n"])


def _right(db: Database, inbox: Inbox, crowd: Dispatchers) -> None:
    with db.transaction() as tx:
        rows = tx.conn.execute("SELECT id::text, purpose, target, order_id::text, state FROM outbox").fetchall()
        slow = tx.conn.execute("SELECT count(*) AS n FROM deliveries WHERE outcome = 'retry'").fetchone()
    assert {row["state"] for row in rows} == {"sent"}
    purposes = Counter(row["purpose"] for row in rows)
    assert purposes["dispatched"] == purposes["reminder_50"] == COVERS * TARGETS, "each timer had its turn, once"
    assert len({(row["order_id"], row["purpose"], row["target"]) for row in rows}) == len(rows), "no notice has two keys"
    keys: dict[str, set[str]] = {}
    for post in inbox.posts:
        for notice in carried(post):
            keys.setdefault(notice, set()).add(post.headers["Idempotency-Key"])
    assert keys.keys() == {row["id"] for row in rows}, "every notice arrived"
    assert all(len(one) == 1 for one in keys.values()), "a notice came under two keys"
    often = Counter(post.headers["Idempotency-Key"] for post in inbox.posts)
    repeats = sum(number - 1 for number in often.values())
    # a machine under load may let a request time out: that is tried again as well, and on record
    assert slow is not None
    assert repeats <= crowd.kills * TARGETS + slow["n"], (
        "again came only what was on its way to a target when its process was killed"
    )
