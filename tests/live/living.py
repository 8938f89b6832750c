"""Two cities that live while they are looked at: the demo on one machine, and a small cluster; both scraped by a Prometheus."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import paho.mqtt.client as paho
import pytest
import yaml
from paho.mqtt.enums import CallbackAPIVersion

from citybrain import yamlfile
from citybrain.config import Settings, settings
from citybrain.runtime.cluster.fleet import Fleet
from citybrain.runtime.demo.play import Play, Show, Wish
from citybrain.runtime.demo.stage import Stage
from citybrain.store import views
from citybrain.store.db import Database
from citybrain.topics import admin
from dispatch.people import roster
from tests.cluster_kit import environment
from tests.docs.markdown import ROOT

OPS = ROOT / "ops"
SPEED = 720.0
"""city seconds a second"""
HOURS = 5.0
"""city hours within which faults of all kinds begin"""
SCRAPE_S = 1.0
HOUR_MS = 3_600_000
PEOPLE = {
    "people": {"an": {"name": "An", "contacts": ["log:an"]}},
    "schedules": {"empty": {"name": "Nobody", "timezone": "UTC", "layers": {"none": {"rotation": "calendar"}}}},
    "policies": {"all": {"steps": [{"tell": ["schedule:empty"]}, {"tell": ["person:an"], "after": "10m"}]}},
}
"""The first step never reaches anybody."""
CLUSTER = ("ingest", "rules", "archive", "dispatch", "console")


class Source(NamedTuple):
    """Something that is scraped: its job, and where it answers."""

    job: str
    addresses: Sequence[str]


class City(NamedTuple):
    """A city that lives."""

    source: Source
    db: Database
    now: Callable[[], datetime]


@contextmanager
def living() -> Iterator[City]:
    """The demo, with something in it that cannot be read; it lives as long as the block lasts."""
    with pytest.MonkeyPatch.context() as environ:
        environ.setenv("CITYBRAIN_CANARY_S", "1")
        with _playing(settings()) as city:
            yield city


@contextmanager
def _playing(given: Settings) -> Iterator[City]:
    stage = Stage(None, given)
    play = Play(Wish(assets=400, seed=3, speed=SPEED, hours=HOURS), given, stage)
    play.pace = play.pace._replace(seconds=None)  # faults of all kinds soon, and no end
    begun = threading.Event()
    found: list[City] = []
    failures: list[BaseException] = []

    def begin(db: Database, scene: Any) -> Show:
        say(scene.mqtt, *_oddities(scene.clock.now_ms()))
        put_on_duty(db, scene.clock.now())
        found.append(City(Source("citybrain", [urlsplit(scene.url).netloc]), db, scene.clock.now))
        begun.set()
        return lambda moment: None

    def live() -> None:
        try:
            play.run(begin)
        except BaseException as error:  # told where somebody waits for it
            failures.append(error)
            begun.set()

    thread = threading.Thread(target=live, name="city")
    thread.start()
    try:
        assert begun.wait(90), "the city does not begin"
        if failures:
            raise failures[0]
        yield found[0]
    finally:
        play.stop()
        thread.join(90)
    if failures:
        raise failures[0]


@contextmanager
def cluster(given: Settings, folder: Path) -> Iterator[list[Source]]:
    """Every service of the cluster once, between real servers; they have made themselves known before they are ready."""
    admin.apply(given)
    env = {**environment(given), "CITYBRAIN_DATA_DIR": str(folder / "data"), "CITYBRAIN_LOG_FORMAT": "json"}
    del env["CITYBRAIN_HTTP_PORT"]  # each has its own
    fleet = Fleet(folder, {f"{name}-1": name for name in CLUSTER}, env)
    sources = [Source(f"citybrain-{one.command}", [f"127.0.0.1:{one.port}"]) for one in fleet.members.values()]
    starting = threading.Thread(target=fleet.start, name="fleet")
    starting.start()
    try:
        yield sources
    finally:
        starting.join(60)
        fleet.stop()


def put_on_duty(db: Database, now: datetime) -> None:
    """Somebody whom a policy tells when nobody acknowledges."""
    file = yamlfile.parse(yaml.safe_dump(PEOPLE), "people.yml")
    _, faults = db.attempt(lambda tx: roster.import_file(tx, file, actor="chief", now=now, units=None))
    assert not faults, faults


def say(url: str, *messages: tuple[str, bytes]) -> None:
    """Publish messages under `kind/asset`."""
    client = paho.Client(CallbackAPIVersion.VERSION2)
    parts = urlsplit(url)
    client.connect(parts.hostname or "", parts.port or 1883)
    client.loop_start()
    for topic, payload in messages:
        client.publish(f"city/demo/{topic}/telemetry", payload, qos=1).wait_for_publish(10)
    client.disconnect()
    client.loop_stop()


def reading(at_ms: int, **values: float) -> bytes:
    """A canonical message."""
    return json.dumps({"ts": at_ms, "values": values}).encode()


def _oddities(now_ms: int) -> list[tuple[str, bytes]]:
    """What cannot be read, a value that is left out, and a battery that is empty for hours."""
    empty = [("drain/DR-tired", reading(now_ms - hours * HOUR_MS, battery_pct=4)) for hours in (4, 3, 2, 1)]
    return [("manhole/MH-odd", b"{"), ("manhole/MH-odd", b'{"values": {"tilt_deg": "much", "battery_pct": 50}}'), *empty]


def scraping(folder: Path, sources: Sequence[Source]) -> Path:
    """The configuration that is shipped, scraping these sources, often."""
    config = yaml.safe_load((OPS / "prometheus" / "prometheus.yml").read_text("utf-8"))
    config["global"] = {"scrape_interval": f"{SCRAPE_S:g}s", "evaluation_interval": f"{SCRAPE_S:g}s"}
    config["rule_files"] = [str(OPS / "prometheus" / "rules" / "*.yml")]
    config["scrape_configs"] = [
        {"job_name": source.job, "static_configs": [{"targets": list(source.addresses)}]} for source in sources
    ]
    file = folder / "prometheus.yml"
    file.write_text(yaml.safe_dump(config), "utf-8")
    return file


def worked_on(db: Database) -> str:
    """An asset with an order and some history."""
    with db.transaction() as tx:
        return str(views.orders(tx, limit=1)[-1]["asset"])
