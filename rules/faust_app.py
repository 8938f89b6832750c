"""The rules as a Faust worker: `faust -A rules.faust_app worker --without-web`, or `citybrain rules`.

Faust gives the consumer group, its rebalances and its timers. Offsets, state and errors are ours (see `rules.worker`), because
Faust's own acknowledgement loses the record of a failing agent. Held by `tests/live/test_faust_calls.py`: `noack`,
`consumer._commit_offsets`, `consumer.assignment`, `stream_wait_empty=False`.
"""

from __future__ import annotations

import asyncio
import logging
import os
import tempfile
import threading
import time
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any

import faust
from faust.types import TP

from citybrain import logs
from citybrain.config import Settings, brokers, settings
from citybrain.kernel.errors import CityBrainError, ConfigError
from citybrain.kernel.ids import SHARDS
from citybrain.topics.client import topic_name
from citybrain.topics.spec import MAX_RECORD_BYTES, READINGS
from rules.serving import Serving

log = logging.getLogger("citybrain.rules")

REBALANCE_S = 60.0
"""A rebalance that lasts longer than this has got stuck (known of Faust: issues 175, 596, 640)."""
EVERY_S = 0.25
STOP_S = 8.0
"""longest end after SIGTERM: everything is saved by then, only the goodbye to the group may be missing"""


def die(why: str) -> None:
    """End at once: nothing was committed past a saved state."""
    log.critical("the rules end: %s", why)
    logging.shutdown()
    os._exit(1)


def create(given: Settings) -> faust.App:
    """The Faust application of these settings. Raises ConfigError without kafka_url or database_url."""
    if given.kafka_url is None or given.database_url is None:
        raise ConfigError("the rules service needs kafka_url and database_url", key="kafka_url")
    app = _App(
        f"{given.kafka_prefix}citybrain-rules",
        broker=[f"kafka://{one}" for one in brokers(given.kafka_url)],
        key_serializer="raw", value_serializer="raw", topic_partitions=SHARDS, topic_allow_declare=False,
        topic_disable_leader=True, stream_wait_empty=False, broker_commit_interval=1e9, broker_commit_every=10**12,
        broker_session_timeout=given.kafka_session_s, broker_heartbeat_interval=given.kafka_session_s / 5,
        broker_rebalance_timeout=REBALANCE_S / 2,
        consumer_max_fetch_size=2 * MAX_RECORD_BYTES, web_enabled=False, worker_redirect_stdouts=False,
        # Faust makes it and puts nothing there: its own tables are not used
        datadir=Path(tempfile.gettempdir()) / f"citybrain-faust-{os.getpid()}",
    )  # fmt: skip
    topic = topic_name(given, READINGS)

    async def commit(offsets: Mapping[int, int]) -> None:
        consumer: Any = app.consumer
        try:
            # drops partitions that are no longer ours
            await asyncio.wait_for(consumer._commit_offsets({TP(topic, p): next for p, next in offsets.items()}), 10)
        except TimeoutError:
            log.warning("the offsets were not committed within 10 s: a rebalance is under way")

    serving = Serving(given, commit, die)

    @app.agent(app.topic(topic, key_type=bytes, value_type=bytes, key_serializer="raw", value_serializer="raw"))
    async def judge(stream: Any) -> None:
        try:
            async for event in stream.noack().events():
                await serving.worker.on_record(event.message.partition, event.message.offset, event.value)
        except Exception as error:
            log.exception("a record could not be judged")
            die(f"{type(error).__name__}: {error}")

    def often(name: str, work: Callable[[], Any]) -> None:
        async def turn() -> None:
            while not app.should_stop:
                try:
                    await work()
                except CityBrainError as error:
                    log.warning("%s: %s", name, error)
                except Exception as error:
                    log.exception("%s failed", name)
                    die(f"{type(error).__name__}: {error}")
                await asyncio.sleep(EVERY_S)

        turn.__name__ = name.replace(" ", "_")
        app.task(turn)

    async def watch() -> None:
        serving.beat(assigned=len(_ours(app, topic)), ends=_ends(app, topic))
        if not app.rebalancing:
            watch_state["since"] = time.monotonic()
        elif time.monotonic() - watch_state["since"] > REBALANCE_S:
            die(f"a rebalance lasts longer than {REBALANCE_S:g} s")

    watch_state = {"since": time.monotonic()}
    for name, work in serving.duties.items():
        often(name, work)
    often("watch", watch)

    @app.on_partitions_assigned.connect(weak=False)
    async def assigned(_app: Any, assigned: set[TP], **_: Any) -> None:
        serving.worker.keep_only({tp.partition for tp in assigned if tp.topic == topic})

    app.closing = serving.close
    return app


class _App(faust.App):
    """Faust's application with an end in time: a stop while a group forms would hang (seen with 0.15.3) for ever."""

    closing: Callable[[], Awaitable[None]] | None = None

    async def on_stop(self) -> None:
        """Save and commit while the consumer still stands, then let Faust leave the group, but not for long."""
        end = threading.Timer(STOP_S, os._exit, (0,))
        end.daemon = True
        end.start()
        if self.closing is not None:
            await self.closing()
        await super().on_stop()


def _ours(app: faust.App, topic: str) -> set[TP]:
    return {tp for tp in app.consumer.assignment() if tp.topic == topic} if app.started else set()


def _ends(app: faust.App, topic: str) -> dict[int, int]:
    """Partition -> offset behind its last record, as far as it is known."""
    found = {}
    for tp in _ours(app, topic):
        end = app.consumer.highwater(tp)
        if end is not None:
            found[tp.partition] = int(end)
    return found


def work(given: Settings) -> int:
    """Be a rules worker until SIGTERM; the exit code."""
    logs.setup("rules", level=given.log_level, form=given.log_format)
    try:
        app = create(given)
    except CityBrainError as error:
        log.error("the rules do not start: %s", error)
        return 1
    worker = faust.Worker(app, loglevel=given.log_level, quiet=True, redirect_stdouts=False, override_logging=False)
    worker.spinner = None  # what it does to the cursor would stand in the midst of the log lines
    try:
        worker.execute_from_commandline()
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else 0


def __getattr__(name: str) -> Any:
    """`app`, made when somebody asks for it: importing this module reads no settings."""
    if name == "app":
        globals()["app"] = found = create(settings())
        return found
    raise AttributeError(name)
