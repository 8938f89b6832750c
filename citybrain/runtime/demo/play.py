"""The demo itself: the world plays, crews work, somebody watches; in the end it is counted."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import httpx

from citybrain.config import Settings
from citybrain.kernel.errors import UnavailableError
from citybrain.kernel.times import from_ms, to_ms
from citybrain.runtime.demo import outcome, pace
from citybrain.runtime.demo.scene import Scene
from citybrain.store import outcome as outcome_store
from citybrain.store.db import Database, Tx
from citybrain.store.gauges import Gauges, gauges
from dispatch import ledger
from dispatch.scores.figures import score
from dispatch.scores.history import histories
from dispatch.scores.rules import load_rules
from rules.load import load as load_rulebook
from simulators.crew import Crew
from simulators.ledger import Ledger, mark_of
from simulators.publish import Player, Publisher
from simulators.truth import dumps
from simulators.world import Options, World, demo, plan

log = logging.getLogger(__name__)

ROUND_S = 300.0
"""a demo without an end gets new faults for so long at a time (real seconds): whoever begins to watch sees all kinds soon"""
FAULTS_PER_S = 1 / 15
"""new faults a real second, after the first round…"""
MOST_PER_HOUR = 30.0
"""…and at most so many a city hour: at the speed of life crews need hours"""
QUIET_S = 20.0
"""longest wait, after the last message, until everything is durable (real seconds)"""
CALM_S = 1.0
"""what was published is judged, too, when no alert and no order came of it for so long (real seconds)"""


@dataclass(frozen=True, slots=True)
class Wish:
    """What the demo was asked for."""

    assets: int = 2000
    seed: int = 7
    seconds: float | None = None
    speed: float | None = None
    hours: float | None = None
    intervals: float = 1.0
    """Reporting intervals of the devices times this."""


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
Shower = Callable[[Database, Scene], Show]
"""makes, once everything runs, what is called twice a second"""


def round_hours(speed: float) -> float:
    """City hours of one round of a demo without an end."""
    return ROUND_S * speed / 3600


def faults_per_hour(speed: float) -> float:
    """New faults a city hour of a demo without an end."""
    return min(FAULTS_PER_S * 3600 / speed, MOST_PER_HOUR)


class Play:
    """One demo. `run` returns its summary."""

    def __init__(self, wish: Wish, settings: Settings, scene: Scene) -> None:
        """`scene` is not open yet."""
        self._wish, self._settings, self._scene = wish, settings, scene
        self._stop = threading.Event()
        self.world = self._world(scene.start)
        self.register = self.world.register()
        per_s = pace.messages_per_city_s(self.register.assets.values())
        self.pace = pace.choose(wish.seconds, per_s, speed=wish.speed, hours=wish.hours)
        self._begin = self._planned_until = scene.start
        self._before = outcome.NOTHING
        self._ledger = Ledger()
        self.infos = load_rulebook(settings.rulebook).info

    def _world(self, start: datetime) -> World:
        options = Options(city=self._settings.city, scale=self._wish.intervals)
        return World(self._wish.seed, self._wish.assets, start, options=options)

    def stop(self) -> None:
        """End the demo now; it is still counted. May be called from a signal handler."""
        self._stop.set()

    def _plan(self, now: datetime) -> None:
        """Faults for the next hours."""
        if now < self._planned_until:
            return
        begin = self._planned_until
        if begin == self._begin:
            hours = self.pace.hours or round_hours(self.pace.speed)
            self.world.inject(demo(self._wish.seed, self.world, begin, hours))
        else:
            hours, rate = round_hours(self.pace.speed), faults_per_hour(self.pace.speed)
            begin = max(begin, now)
            self.world.inject(plan(self._wish.seed + to_ms(begin), self.world, begin, hours, rate))
        self._planned_until = begin + timedelta(hours=hours)

    def run(self, shower: Shower) -> dict[str, Any]:
        """Play until the time is over or `stop`. Raises UnavailableError when the city cannot be started or dies."""
        with ExitStack() as stack:
            scene = stack.enter_context(self._scene)
            db = scene.open(self.register, self.pace)
            self._set(scene.start)
            self._before = self._found(db)
            publisher = Publisher(scene.mqtt, self._ledger, client_id=f"citybrain-demo-{self._wish.seed}")
            publisher.start()
            stack.callback(publisher.stop)
            player = Player(self.world, scene.clock, publisher.publish, publisher.settle, on_step=self._on_step)
            client = stack.enter_context(httpx.Client(base_url=scene.url, timeout=10))
            crew = Crew(client, scene.clock, player.repair, seed=self._wish.seed, token=scene.token)
            threads = [
                threading.Thread(target=player.run, name="devices", daemon=True),
                threading.Thread(target=crew.run, name="crews", daemon=True),
            ]
            show = shower(db, scene)
            while scene.clock.now_ms() < to_ms(self._begin) and not self._stop.is_set():
                time.sleep(0.02)
            for thread in threads:
                thread.start()
            self._watch(db, scene, player, show)
            crew.stop()
            player.stop()
            for thread in threads:
                thread.join(15)
            if player.failure is not None:
                raise player.failure
            publisher.drain(10)
            quiet = self._quiet(db, player.world_ms)
            scene.check()
            if scene.folder is not None:
                (scene.folder / "truth.jsonl").write_bytes(dumps(self.world.truth()))
            return {**self._head(player, quiet), **self._count(db, player.world_ms)}

    def _set(self, start: datetime) -> None:
        """Have the city's day begin there."""
        if start != self._begin:
            self.world = self._world(start)
        self._begin = self._planned_until = start
        self._plan(start)

    def _found(self, db: Database) -> outcome.Before:
        """What the database holds already, of a city that ran before."""
        with db.transaction() as tx:
            counts = gauges(tx, self._begin)
        return outcome.Before(to_ms(self._begin), counts.counters, counts.escalated)

    def _on_step(self, now_ms: int) -> None:
        self._plan(from_ms(now_ms))

    def _watch(self, db: Database, scene: Scene, player: Player, show: Show) -> None:
        began = time.monotonic()
        while not self._stop.wait(0.5):
            elapsed = time.monotonic() - began
            if player.failure is not None or (self.pace.seconds is not None and elapsed >= self.pace.seconds):
                break
            scene.check()
            now = scene.clock.now()
            try:
                with db.transaction() as tx:
                    counts = gauges(tx, now)
            except UnavailableError as error:
                log.warning("waiting for the database: %s", error)
                continue
            started = sum(fault.real and fault.from_ms <= player.world_ms for fault in self.world.truth())
            show(Moment(now, self.pace.speed, elapsed, self._ledger.published, player.behind_s, counts, started))

    def _quiet(self, db: Database, now_ms: int) -> bool:
        """Wait until everything that was published is durable, no asset waits to be judged again, and nothing more comes of
        what was published until `now_ms`; False when that takes too long."""
        deadline, calm, last = time.monotonic() + QUIET_S, time.monotonic(), (-1, -1)
        while time.monotonic() < deadline:
            try:
                with db.transaction() as tx:
                    counts, now = gauges(tx, from_ms(now_ms)), outcome_store.raised_until(tx, from_ms(now_ms))
            except UnavailableError as error:
                log.info("waiting for the database: %s", error)
            else:
                stored = counts.counters.get("messages", 0) - self._before.counters.get("messages", 0)
                if now != last or stored < self._ledger.published or counts.rejudge_waiting:
                    calm, last = time.monotonic(), now
                elif time.monotonic() - calm >= CALM_S:
                    return True
            time.sleep(0.2)
        return False

    def _head(self, player: Player, quiet: bool) -> dict[str, Any]:
        return {
            "seed": self._wish.seed,
            "assets": self._wish.assets,
            "speed": self.pace.speed,
            "hours": round((player.world_ms - to_ms(self._begin)) / 3_600_000, 2),
            "quiet": quiet,
        }

    def _casework(self, tx: Tx, now: datetime) -> outcome.Casework:
        since = from_ms(self._before.start_ms)
        rules = load_rules()
        scores = score(histories(ledger.read(tx)), rules, asof=now, begin=since)
        rate = next(figure.whole.value for figure in scores.figures if figure.id == "on_time_closing_rate")
        row = outcome_store.casework(tx, since)
        return outcome.Casework(on_time_rate=None if rate is None else round(rate, 4), **row)

    def _count(self, db: Database, now_ms: int) -> dict[str, Any]:
        with db.transaction() as tx:
            counts = gauges(tx, from_ms(now_ms))
            return outcome.summary(
                truth=self.world.truth(),
                alerts=outcome_store.alerts(tx),
                orders=outcome_store.orders(tx),
                firsts=outcome_store.firsts(tx),
                stored=None if self._ledger.readings is None else {mark_of(key) for key in outcome_store.reading_keys(tx)},
                counters=counts.counters,
                escalated=counts.escalated,
                before=self._before,
                casework=self._casework(tx, from_ms(now_ms)),
                ledger=self._ledger,
                infos=self.infos,
                now_ms=now_ms,
            )
