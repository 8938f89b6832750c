"""The parts of `citybrain run`, each a process: pipeline, cycle, http. Started and restarted by the supervisor.

`python -m citybrain.runtime.parts NAME DATA_DIR PARENT_PID`; settings come from the run folder, with the URLs filled in.
"""

from __future__ import annotations

import logging
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path

from citybrain import clock as clocks
from citybrain import logs
from citybrain.config import Settings
from citybrain.kernel.errors import CityBrainError
from citybrain.kernel.events import AlertChange
from citybrain.kernel.model import Kind
from citybrain.metrics import Metrics
from citybrain.runtime.city import RELOAD_S, City
from citybrain.runtime.process import Signals, die_with_parent
from citybrain.runtime.rundir import RunDir
from citybrain.store.db import Database
from console.collect import write_metrics
from ingest.quarantine import NOTES, REASONS

log = logging.getLogger("citybrain.parts")

DRAIN_S = 10.0
"""longest drain at a stop, real seconds"""


class Beat:
    """Says once a second that a part lives, and writes its metrics, unless somebody else does (`metrics` None)."""

    def __init__(self, run: RunDir, part: str, metrics: Metrics | None) -> None:
        self._run, self._part, self._metrics, self._next = run, part, metrics, 0.0

    def __call__(self, **facts: object) -> None:
        if time.monotonic() >= self._next:
            self._next = time.monotonic() + 1
            self._run.write(self._part, {"updated": clocks.real_ms(), "pid": os.getpid(), **facts})
            if self._metrics is not None:
                write_metrics(self._metrics.registry, self._run.path / "metrics" / f"{self._part}.prom")


def pipeline(settings: Settings, run: RunDir, signals: Signals) -> None:
    """Broker -> rules -> database."""
    from citybrain.runtime.pipeline import Pipeline
    from citybrain.runtime.sources import open_source
    from citybrain.runtime.witness import CANARY_STAGES
    from citybrain.tracing import open_spans
    from ingest.decode import Decoder
    from ingest.registry import load_profiles

    clock = clocks.parse(settings.clock)
    metrics = Metrics(
        stages=CANARY_STAGES, cluster=False, quarantine_reasons=REASONS, value_notes=NOTES, kinds=Kind, changes=AlertChange
    )
    if settings.canary_s:
        for stage in CANARY_STAGES:
            metrics.expect_canary(stage, clocks.real_ms())
    city = City(settings)
    profiles = load_profiles(settings.profiles)
    decoder = Decoder(
        profiles,
        city.register,
        city=settings.city,
        auto_register=settings.auto_register,
        max_future_s=settings.max_future_s,
        max_age_s=settings.max_age_s,
    )
    with Database(_url(settings), size=2, name="citybrain pipeline") as db:
        source = open_source(settings, profiles.subscriptions(settings.city), metrics)
        spans = open_spans("pipeline", settings.otel_endpoint)
        flow = Pipeline(db, source, decoder, city, clock, metrics, settings, spans)
        source.start()
        beat, next_reload = Beat(run, "pipeline", metrics), time.monotonic() + RELOAD_S
        while not signals.stop:
            flow.turn(0.05)
            beat(position=flow.position, backlog=source.backlog(), connected=source.connected, lag_s=flow.lag_s)
            if signals.take_reload() and city.reload_rulebook():
                flow.use_rulebook()
            if time.monotonic() > next_reload:
                next_reload = time.monotonic() + RELOAD_S
                flow.reload()
        drained = _drain(flow.turn)
        run.write("drained", {"drained": drained})
        source.stop(1.0)
        flow.rejudge(all_now=True)
        flow.close()
        spans.close()


def _drain(turn: Callable[[float], int]) -> bool:
    """Take what still comes, until half a second is quiet; False when it never was."""
    deadline = time.monotonic() + DRAIN_S
    quiet = time.monotonic() + 0.5
    while time.monotonic() < deadline:
        if turn(0.05):
            quiet = time.monotonic() + 0.5
        if time.monotonic() > quiet:
            return True
    return False


def cycle(settings: Settings, run: RunDir, signals: Signals) -> None:
    """Timers, reminders, escalation, closing, notifications."""
    from citybrain.runtime.canary import Canary
    from citybrain.runtime.cycling import Cycling
    from citybrain.runtime.telltale import Telltale

    metrics = Metrics(stages=("cycle",), cluster=False)
    city = City(settings)
    with Database(_url(settings), size=4, name="citybrain cycle") as db:
        with db.transaction() as tx:
            city.load_register(tx)
        cycling = Cycling(city, clocks.parse(settings.clock), metrics)
        cycling.warn()
        bird = Canary(settings, metrics, f"citybrain-{settings.city}-canary").start()
        # also while a module hangs
        tell = Telltale(run, cycling.runs, lambda: write_metrics(metrics.registry, run.path / "metrics" / "cycle.prom")).start()
        beat, next_reload = Beat(run, "cycle", None), time.monotonic() + RELOAD_S
        while not signals.stop:
            cycling.turn(db)
            beat()
            if signals.take_reload():
                city.reload_rulebook()
            if time.monotonic() > next_reload:
                next_reload = time.monotonic() + RELOAD_S
                with db.transaction() as tx:
                    city.refresh_register(tx)
        bird.stop()
        tell.stop()
        cycling.close()


def http(settings: Settings, run: RunDir, signals: Signals) -> None:
    """API, health, metrics."""
    from console.serve import serve

    clock = clocks.parse(settings.clock)
    city = City(settings)
    with Database(_url(settings), size=6, name="citybrain http") as db:
        with db.transaction() as tx:
            city.load_register(tx)

        def stopping() -> bool:
            if signals.take_reload():  # the titles of the conditions
                city.reload_rulebook()
            return signals.stop

        serve(settings, db, clock, city, run.path, lambda port: run.write("http", {"port": port}), stopping)


PARTS: dict[str, Callable[[Settings, RunDir, Signals], None]] = {"pipeline": pipeline, "cycle": cycle, "http": http}


def _url(settings: Settings) -> str:
    assert settings.database_url is not None, "the supervisor fills in the URL"
    return settings.database_url


def main() -> int:
    """Be one part."""
    name, data_dir, parent = sys.argv[1], Path(sys.argv[2]), int(sys.argv[3])
    die_with_parent(parent)
    run = RunDir(data_dir)
    settings = Settings.model_validate(run.read("settings"))
    logs.setup(name, level=settings.log_level, form=settings.log_format)
    sys.setswitchinterval(0.001)
    signals = Signals()
    try:
        PARTS[name](settings, run, signals)
    except CityBrainError as error:
        log.error("%s ends: %s", name, error)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
