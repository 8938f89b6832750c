"""Two and four dispatchers on one database, killed with SIGKILL at random: every notice arrives, and no timer is lost.

What is promised is *at least once with a key*: a key comes again only when its sender was killed between sending and writing it
down.
"""

from __future__ import annotations

import random
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
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


@dataclass
class Dispatchers:
    """Some processes, and how many were killed."""

    command: list[str]
    size: int
    running: list[subprocess.Popen[bytes]] = field(default_factory=list)
    kills: int = 0

    def begin(self) -> None:
        self.running = [self._one() for _ in range(self.size)]

    def _one(self) -> subprocess.Popen[bytes]:
        return subprocess.Popen(self.command, cwd=ROOT, env=child_environment(), stdout=subprocess.PIPE)

    def kill(self, place: int, after_s: float) -> None:
        """One that is at work dies without a word, and another takes its place."""
        stream = self.running[place].stdout
        assert stream is not None
        assert stream.readline(), "it ended by itself"
        time.sleep(after_s)
        self.running[place].kill()
        self.kills += 1
        self.end(self.running[place])
        self.running[place] = self._one()

    @staticmethod
    def end(one: subprocess.Popen[bytes]) -> None:
        one.kill()
        one.communicate(timeout=10)


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
    crowd.begin()
    try:
        for number in range(4):
            crowd.kill(number % size, chance.uniform(0.05, 0.4))
        until = time.monotonic() + 20
        while _waiting(db) and time.monotonic() < until:
            time.sleep(0.1)
    finally:
        for one in crowd.running:
            crowd.end(one)
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
    assert repeats <= crowd.kills * TARGETS, "again came only what was on its way to a target when its process was killed"
