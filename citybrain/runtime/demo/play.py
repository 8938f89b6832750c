"""The demo itself: the world plays, crews work, somebody watches; in the end it is counted."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import httpx

from citybrain.config import Settings
from citybrain.kernel.times import from_ms, to_ms
from citybrain.runtime.demo import outcome, pace
from citybrain.runtime.demo.stage import Stage
from citybrain.store import outcome as outcome_store
from citybrain.store.db import Database
from citybrain.store.gauges import Gauges, gauges
from rules.load import load as load_rulebook
from simulators.crew import Crew
from simulators.ledger import Ledger, mark_of
from simulators.publish import Player, Publisher
from simulators.truth import dumps
from simulators.world import Options, World, demo, plan
from simulators.world.scenario import DEMO_START

log = logging.getLogger(__name__)

ROUND_HOURS = 10.0
"""a demo without an end gets new faults for so many city hours at a time"""
FAULTS_PER_HOUR = 2.0
QUIET_S = 20.0
"""longest wait, after the last message, until everything is durable (real seconds)"""


@dataclass(frozen=True, slots=True)
class Wish:
    """What the demo was asked for."""

    assets: int = 2000
    seed: int = 7
    seconds: float | None = None
    speed: float | None = None
    hours: float | None = None
    data_dir: Path | None = None


@dataclass(frozen=True, slots=True)
class Moment:
    """How the demo stands, for whoever shows it."""

    now: datetime
    speed: float
    elapsed_s: float
    published: int
    behind_s: float
    gauges: Gauges
    faults: int
    """Faults that have begun."""


Show = Callable[[Moment], None]
Shower = Callable[[Database, Stage], Show]
"""makes, once everything runs, what is called twice a second"""


class Play:
    """One demo. `run` returns its summary."""

    def __init__(self, wish: Wish, settings: Settings) -> None:
        self._wish, self._settings = wish, settings
        self._stop = threading.Event()
        start = datetime.fromisoformat(DEMO_START)
        self._origin_ms = to_ms(start)
        self.world = World(wish.seed, wish.assets, start, options=Options(city=settings.city))
        self.register = self.world.register()
        per_s = pace.messages_per_city_s(self.register.assets.values())
        self.pace = pace.choose(wish.seconds, per_s, speed=wish.speed, hours=wish.hours)
        self._planned_until = start
        self._plan(start)
        self._ledger = Ledger()
        self.infos = load_rulebook(settings.rulebook).info

    def stop(self) -> None:
        """End the demo now; it is still counted. May be called from a signal handler."""
        self._stop.set()

    def _plan(self, now: datetime) -> None:
        """Faults for the next hours."""
        if now < self._planned_until:
            return
        begin = self._planned_until
        if begin == from_ms(self._origin_ms):
            hours = self.pace.hours or ROUND_HOURS
            self.world.inject(demo(self._wish.seed, self.world, begin, hours))
        else:
            hours = ROUND_HOURS
            begin = max(begin, now)
            self.world.inject(plan(self._wish.seed + to_ms(begin), self.world, begin, hours, FAULTS_PER_HOUR))
        self._planned_until = begin + timedelta(hours=hours)

    def run(self, shower: Shower) -> dict[str, Any]:
        """Play until the time is over or `stop`. Raises UnavailableError when the city cannot be started or dies."""
        with ExitStack() as stack:
            stage = stack.enter_context(Stage(self._wish.data_dir, self._settings))
            db = stage.open(self.register, speed=self.pace.speed, origin_ms=self._origin_ms)
            publisher = Publisher(stage.mqtt, self._ledger, client_id=f"citybrain-demo-{self._wish.seed}")
            publisher.start()
            stack.callback(publisher.stop)
            player = Player(self.world, stage.clock, publisher.publish, publisher.settle, on_step=self._on_step)
            client = stack.enter_context(httpx.Client(base_url=stage.url, timeout=10))
            crew = Crew(client, stage.clock, player.repair, seed=self._wish.seed, token=stage.token)
            threads = [
                threading.Thread(target=player.run, name="devices", daemon=True),
                threading.Thread(target=crew.run, name="crews", daemon=True),
            ]
            show = shower(db, stage)
            while stage.clock.now_ms() < self._origin_ms and not self._stop.is_set():
                time.sleep(0.02)
            for thread in threads:
                thread.start()
            self._watch(db, stage, player, show)
            crew.stop()
            player.stop()
            for thread in threads:
                thread.join(15)
            if player.failure is not None:
                raise player.failure
            publisher.drain(10)
            quiet = self._quiet(client)
            stage.child.check()
            (stage.data_dir / "truth.jsonl").write_bytes(dumps(self.world.truth()))
            return {**self._head(player, quiet), **self._count(db, player.world_ms)}

    def _on_step(self, now_ms: int) -> None:
        self._plan(from_ms(now_ms))

    def _watch(self, db: Database, stage: Stage, player: Player, show: Show) -> None:
        began = time.monotonic()
        while not self._stop.wait(0.5):
            elapsed = time.monotonic() - began
            if player.failure is not None or (self.pace.seconds is not None and elapsed >= self.pace.seconds):
                break
            stage.child.check()
            now = stage.clock.now()
            with db.transaction() as tx:
                counts = gauges(tx, now)
            started = sum(fault.real and fault.from_ms <= player.world_ms for fault in self.world.truth())
            show(Moment(now, self.pace.speed, elapsed, self._ledger.published, player.behind_s, counts, started))

    def _quiet(self, client: httpx.Client) -> bool:
        """Wait until everything that was published is durable and no asset waits to be judged again; False when it never is."""
        deadline = time.monotonic() + QUIET_S
        while time.monotonic() < deadline:
            try:
                found = client.get("/api/stats").raise_for_status().json()
            except httpx.HTTPError as error:
                log.info("waiting for the server: %s", error)
            else:
                if found["counters"].get("messages", 0) >= self._ledger.published and not found["rejudge_waiting"]:
                    return True
            time.sleep(0.2)
        return False

    def _head(self, player: Player, quiet: bool) -> dict[str, Any]:
        return {
            "seed": self._wish.seed,
            "assets": self._wish.assets,
            "speed": self.pace.speed,
            "hours": round((player.world_ms - self._origin_ms) / 3_600_000, 2),
            "quiet": quiet,
        }

    def _count(self, db: Database, now_ms: int) -> dict[str, Any]:
        with db.transaction() as tx:
            counts = gauges(tx, from_ms(now_ms))
            return outcome.summary(
                truth=self.world.truth(),
                alerts=outcome_store.alerts(tx),
                orders=outcome_store.orders(tx),
                firsts=outcome_store.firsts(tx),
                stored={mark_of(key) for key in outcome_store.reading_keys(tx)},
                counters=counts.counters,
                escalated=counts.escalated,
                ledger=self._ledger,
                infos=self.infos,
                now_ms=now_ms,
            )
