"""The HTTP application: puts routes, errors, metrics and the event stream together. No server here (see `console.serve`)."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

from fastapi import FastAPI

import citybrain
from citybrain.apitoken import ensure_token
from citybrain.clock import Clock, real_ms
from citybrain.config import Settings
from citybrain.metrics import Metrics
from citybrain.store import feed
from citybrain.store.db import Database
from citybrain.store.feed import FeedEvent, FeedPosition
from console import problems, ready, requests
from console.auth import loopback
from console.broadcast import Broadcast
from console.context import CityTables, Console
from console.ready import Check
from console.routes import alerts, assets, calendar, cases, health, links, orders, quarantine, silences, stats, stream
from console.routes import metrics as metrics_page

DESCRIPTION = """\
Alerts, cases and work orders of a city. Errors are RFC 9457 problems; lists come in pages with a cursor; `/api/stream` is a
live stream of server-sent events that resumes by Last-Event-ID. Changes need `Authorization: Bearer TOKEN`; the token is that
of the settings, or of the file `api-token` in the data directory.
"""


def standard_checks(db: Database, settings: Settings, run: Path) -> list[Callable[[], Check]]:
    """What /readyz checks: database, broker, pipeline, cycle."""
    return [
        lambda: ready.database(db),
        lambda: ready.broker(lambda: ready.broker_address(settings.mqtt_url, run / "run.json")),
        lambda: ready.pipeline(run / "pipeline.json", real_ms(), full=settings.queue_size),
        lambda: ready.cycle(run / "modules.json", real_ms()),
    ]


def create_app(
    db: Database,
    settings: Settings,
    clock: Clock,
    city: CityTables,
    *,
    run: Path | None = None,
    alone: bool = False,
    metrics: Metrics | None = None,
    checks: Sequence[Callable[[], Check]] | None = None,
    poll_s: float = 0.5,
) -> FastAPI:
    """The application over an open database.

    `city` gives the rulebook, `run` is the run folder (default: `data_dir/run`); `alone`: there is none, the other processes
    are services of a cluster, which tell about themselves. `metrics` are those of this process, `checks` are those of /readyz
    (default: `standard_checks`, and the database for one alone), `poll_s` is how often the event stream looks into the
    database (real seconds). Raises UnavailableError when no token can be read or made.
    """

    def read(after: FeedPosition) -> list[FeedEvent]:
        with db.transaction() as tx:
            return feed.stream_since(tx, after)

    def end() -> FeedPosition:
        with db.transaction() as tx:
            return feed.end(tx)

    metrics = metrics or Metrics(stages=("console",), cluster=False)
    run = run or settings.data_dir / "run"
    if checks is None:
        checks = [lambda: ready.database(db)] if alone else standard_checks(db, settings, run)
    broadcast = Broadcast(read, end, poll_s=poll_s)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        task = asyncio.create_task(broadcast.run())
        try:
            yield
        finally:
            broadcast.close()
            await task

    app = FastAPI(
        title="City brain",
        version=citybrain.__version__,
        description=DESCRIPTION,
        lifespan=lifespan,
        license_info={"name": "Apache-2.0", "identifier": "Apache-2.0"},
    )
    app.state.console = Console(
        db=db,
        settings=settings,
        clock=clock,
        city=city,
        metrics=metrics,
        broadcast=broadcast,
        run=None if alone else run,
        token=ensure_token(settings.api_token, settings.data_dir),
        open_reads=loopback(settings.http_host),
        checks=checks,
    )
    problems.install(app)
    app.add_middleware(requests.BodyLimit)
    app.add_middleware(requests.Head, streams=frozenset({stream.router.prefix}))
    app.add_middleware(requests.Requests, metrics=metrics)
    for noun in (health, metrics_page, alerts, silences, cases, orders, assets, quarantine, stats, stream, links, calendar):
        app.include_router(noun.router)
    return app
