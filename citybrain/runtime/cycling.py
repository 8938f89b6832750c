"""The dispatch cycle as a loop, alike in both runtimes: four times a second what is due; beside it the archive is kept."""

from __future__ import annotations

import logging
import time
from datetime import datetime, timedelta
from functools import partial

from citybrain.clock import Clock, real_ms
from citybrain.metrics import Metrics
from citybrain.runtime.city import City
from citybrain.runtime.forecasting import Forecasting
from citybrain.runtime.upkeep import Upkeep
from citybrain.store.db import Database
from dispatch.arbiters import unknown_arbiters
from dispatch.channels import OUTCOMES, open_channels
from dispatch.cycle import MODULES, run_cycle, watched_runs
from dispatch.cycle.runs import told
from dispatch.owners import LEVELS, Survey
from dispatch.responsibility import gaps
from dispatch.watching import STAGE

log = logging.getLogger(__name__)
EVERY_S = 0.25
"""real seconds from the beginning of one turn to that of the next"""
_LEAST_S = 0.02
_SURVEYED = 1000
"""so many assets are asked about in a turn: a few milliseconds"""
_SURVEY_AGAIN = timedelta(hours=6)
"""city time: an ownership that begins or ends is counted soon"""


class Cycling:
    """One cycle of one process. Several processes may turn it at once: each of its modules is fenced."""

    def __init__(self, city: City, clock: Clock, metrics: Metrics) -> None:
        self._city, self._clock, self._metrics = city, clock, metrics
        self._channels = open_channels(city.settings)
        metrics.expect_work([module.name for module in MODULES], self._channels.names, OUTCOMES)
        self.runs = watched_runs()
        """when each module ran last, and which one is stuck; any thread may ask"""
        for module in MODULES:
            metrics.cycle_waiting.labels(module.name).set_function(partial(self._waits_s, module.name))
        if city.settings.canary_s:
            metrics.expect_canary(STAGE, real_ms())
        self._looked: Survey | None = None
        self._upkeep = Upkeep(city.settings)
        self._forecasting = Forecasting(city, clock.now, metrics)

    def warn(self) -> None:
        """Say what nobody is responsible for."""
        for gap in (*gaps(self._city.register), *unknown_arbiters(self._city.register, self._city.books.returns)):
            log.warning("%s", gap)

    def turn(self, db: Database) -> None:
        """What is due now, then a rest. Raises UnavailableError without a database."""
        began = time.monotonic()
        city = self._city
        run_cycle(
            db, now=self._clock.now(), infos=city.infos, register_of=lambda: city.register, books=city.books,
            channels=self._channels, metrics=self._metrics, runs=self.runs,
        )  # fmt: skip
        self._survey()
        self._upkeep.turn(db, self._clock.now())
        self._forecasting.turn(db, self._clock.now())
        time.sleep(max(_LEAST_S, EVERY_S - (time.monotonic() - began)))

    def _survey(self) -> None:
        """Count the assets that nobody owns: anew when the register has changed or a day has passed, a little each turn."""
        register, now = self._city.register, self._clock.now()
        if self._looked is None or (self._looked.done and self._stale(self._looked, register.version, now)):
            self._looked = Survey(register, now)
        if not self._looked.done and self._looked.step(_SURVEYED):
            for level in LEVELS:
                self._metrics.responsibility.labels(level).set(self._looked.levels[level])

    @staticmethod
    def _stale(survey: Survey, version: int, now: datetime) -> bool:
        return survey.version != version or now - survey.at > _SURVEY_AGAIN or now < survey.at

    def probe(self) -> tuple[bool, str]:
        """For /readyz: is every module of the cycle where it should be? Names those that are stuck. Any thread."""
        return told(self.runs.stuck(time.monotonic()))

    def _waits_s(self, module: str) -> float:
        return self.runs.waits_s(module, time.monotonic())

    def close(self) -> None:
        """Wait for what goes on beside the cycle, before the database is closed."""
        self._forecasting.close()
        self._upkeep.close()
