"""`citybrain console`: the HTTP API as a service of its own."""

from __future__ import annotations

import logging

from citybrain import clock as clocks
from citybrain.config import Settings
from citybrain.kernel.errors import CityBrainError
from citybrain.metrics import Metrics
from citybrain.runtime.city import City
from citybrain.runtime.cluster.watching import database_probe, database_url, prepare
from citybrain.runtime.process import Signals
from citybrain.store.db import Database
from console.ready import Check
from console.serve import serve

log = logging.getLogger("citybrain.service")
NAME = "console"


def console(settings: Settings) -> int:
    """Serve until a signal; the exit code. Its health and its metrics are answered where its API is."""
    signals = Signals()
    prepare(settings)
    city = City(settings)
    metrics = Metrics(stages=(NAME,), cluster=True)
    # not over the pool: that waits long for a connection, and a probe must answer soon
    database = database_probe(database_url(settings), "citybrain console probe")
    try:
        with Database(database_url(settings), size=6, name="citybrain console") as db:

            def stopping() -> bool:
                if signals.take_reload():  # the titles of the conditions
                    city.reload_rulebook()
                return signals.stop

            def on_port(port: int) -> None:
                log.info("the API is at http://%s:%d/docs", settings.http_host, port)

            serve(
                settings, db, clocks.parse(settings.clock), city, None, on_port, stopping, metrics=metrics,
                checks=[lambda: Check("database", *database())],
            )  # fmt: skip
    except CityBrainError as error:
        log.error("%s ends: %s", NAME, error)
        return 1
    log.info("%s ended as asked", NAME)
    return 0
