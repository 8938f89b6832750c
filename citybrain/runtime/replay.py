"""`citybrain replay`: a file of recorded messages through a real broker into a fresh database, in event time."""

from __future__ import annotations

import json
import random
import shutil
import tempfile
import threading
import time
from collections.abc import Sequence
from contextlib import ExitStack
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple

from citybrain.config import Settings
from citybrain.kernel.errors import InputError, PayloadError, UnavailableError
from citybrain.kernel.times import from_ms
from citybrain.metrics import Metrics
from citybrain.runtime.broker import EmbeddedBroker, free_port
from citybrain.runtime.city import City
from citybrain.runtime.pipeline import Pipeline
from citybrain.runtime.postgres import EmbeddedPostgres
from citybrain.runtime.rundir import RunDir
from citybrain.runtime.sources import open_source
from citybrain.store import readings, report, stream
from citybrain.store.db import Database
from citybrain.store.migrate import migrate
from dispatch.channels import open_channels
from dispatch.cycle import run_cycle
from ingest.address import Address
from ingest.decode import Decoder
from ingest.profile import Profile, replay_topic
from ingest.quarantine import REASONS
from ingest.registry import Profiles, load_profiles
from ingest.republish import publish_again

_FOREVER_S = 1e10
_QUIET_S = 60.0
"""real seconds without progress after which a replay gives up"""


class Message(NamedTuple):
    """One recorded message with its event time in ms."""

    topic: str
    payload: bytes
    at_ms: int


class EventClock:
    """The newest observed time is now."""

    def __init__(self, start_ms: int) -> None:
        self._now_ms = start_ms

    def advance(self, ms: int) -> None:
        """Time never goes back."""
        self._now_ms = max(self._now_ms, ms)

    def now_ms(self) -> int:
        return self._now_ms

    def now(self) -> datetime:
        return from_ms(self._now_ms)

    def real_s(self, city_s: float) -> float:
        return 0.0


def read_messages(file: Path, profile: Profile, decoder: Decoder) -> list[Message]:
    """The lines of a file as messages; one that cannot be read takes the time of the one before it."""
    found: list[Message] = []
    at_ms = 0
    for number, line in enumerate(file.read_bytes().splitlines(), 1):
        if not line.strip():
            continue
        try:
            content = json.loads(line)
        except ValueError as error:
            raise InputError(f"{file}:{number}: not JSON: {error}; a replay file has one message a line") from error
        topic = replay_topic(profile, content)
        try:
            readings = decoder.decode(topic, line, received_ms=at_ms, retained=False, dup=False).readings
            at_ms = readings[0].observed_ms if readings else at_ms
        except PayloadError:
            pass  # it is part of what is replayed: quarantine will have it
        found.append(Message(topic, line, at_ms))
    if not found:
        raise InputError(f"{file}: no messages in it")
    first = min((message.at_ms for message in found if message.at_ms), default=0)
    return [message._replace(at_ms=message.at_ms or first) for message in found]


def shuffled(messages: Sequence[Message], within_ms: int, seed: int) -> list[Message]:
    """The messages in an order in which no one passes another that is more than `within_ms` younger."""
    rng = random.Random(seed)
    return sorted(messages, key=lambda message: message.at_ms + rng.uniform(0, within_ms))


def replay(
    file: Path, profile_name: str, *, shuffle_ms: int = 0, seed: int = 0, data_dir: Path | None = None
) -> dict[str, Any]:
    """Replay a file; counts, episodes and orders in event time (see `citybrain replay --help`)."""
    with ExitStack() as stack:
        folder = data_dir or Path(tempfile.mkdtemp(prefix="citybrain-replay-"))
        if data_dir is None:
            stack.callback(shutil.rmtree, folder, ignore_errors=True)
        settings = Settings(
            data_dir=folder, mqtt_port=free_port(), max_age_s=_FOREVER_S, max_future_s=_FOREVER_S, rejudge_days=36500
        )
        profiles = load_profiles(settings.profiles).only(profile_name)
        profile = profiles[profile_name]
        city = City(settings)
        messages = read_messages(file, profile, _decoder(profiles, city, settings))
        city = City(settings)  # the first reading of the file filled the register
        if shuffle_ms:
            messages = shuffled(messages, shuffle_ms, seed)
        run = RunDir(folder).make()
        run.lock()
        stack.callback(run.unlock)
        postgres = EmbeddedPostgres(folder / "pg")
        url = postgres.start()
        stack.callback(postgres.stop)
        broker = EmbeddedBroker(run, port=settings.mqtt_port)
        settings = settings.model_copy(update={"mqtt_url": broker.start(), "database_url": url})
        stack.callback(broker.stop)
        db = stack.enter_context(Database(url, size=4))
        migrate(db)
        return _run(db, settings, profiles, city, messages)


def _decoder(profiles: Profiles, city: City, settings: Settings) -> Decoder:
    return Decoder(
        profiles,
        city.register,
        city=settings.city,
        auto_register=True,
        max_future_s=settings.max_future_s,
        max_age_s=settings.max_age_s,
    )


def _run(db: Database, settings: Settings, profiles: Profiles, city: City, messages: Sequence[Message]) -> dict[str, Any]:
    clock = EventClock(min(message.at_ms for message in messages))
    metrics = Metrics(quarantine_reasons=REASONS)
    source = open_source(settings, profiles.subscriptions(settings.city), metrics)
    flow = Pipeline(db, source, _decoder(profiles, city, settings), city, clock, metrics, settings)
    flow.ticks = False
    channels = open_channels(settings)

    def cycle() -> None:
        run_cycle(
            db,
            now=clock.now(),
            infos=city.infos,
            register_of=lambda: city.register,
            books=city.books,
            channels=channels,
            metrics=metrics,
        )

    source.start()
    try:
        _wait(lambda: source.connected, "the bridge does not connect")
        recorded = [(message.topic, message.payload) for message in messages]
        publisher = threading.Thread(target=publish_again, args=(Address.of(settings), recorded), name="publisher", daemon=True)
        publisher.start()
        taken, quiet_at = 0, time.monotonic() + _QUIET_S
        while taken < len(messages):
            got = flow.turn(0.1)
            taken += got
            if got:
                quiet_at = time.monotonic() + _QUIET_S
                clock.advance(flow.newest_ms)
                flow.tick(clock.now_ms())
                cycle()
            elif time.monotonic() > quiet_at:
                raise UnavailableError(f"only {taken} of {len(messages)} messages came back from the broker")
        while flow.rejudge(all_now=True):
            pass
        flow.tick(clock.now_ms())
        cycle()
    finally:
        source.stop(1.0)
        flow.close()
    with db.transaction() as tx:
        counts = stream.counters(tx)
        return {
            "messages": len(messages),
            "readings": readings.total_messages(tx),
            "duplicates": counts.get("duplicates", 0),
            "quarantined": report.quarantined(tx),
            "late": counts.get("late", 0),
            "alerts": [
                {
                    key: row[key].isoformat() if isinstance(row[key], datetime) else row[key]
                    for key in ("asset", "condition", "onset", "end")
                }
                for row in report.episodes(tx)
            ],
            "orders": report.orders_opened(tx),
        }


def _wait(ready: Any, message: str, seconds: float = 15) -> None:
    deadline = time.monotonic() + seconds
    while not ready():
        if time.monotonic() > deadline:
            raise UnavailableError(message)
        time.sleep(0.02)
