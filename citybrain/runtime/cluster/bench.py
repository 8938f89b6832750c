"""`citybrain bench cluster`: the services of the cluster under load, measured from outside.

Four figures, each from a run of its own: messages a second one by one, readings a second in packs, the time from a message to
its order at a steady rate, and how long a killed rules worker's partitions stand still.
"""

from __future__ import annotations

import json
import shutil
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from citybrain.config import Settings, settings
from citybrain.runtime.bench import make_flood_city, quantiles, says_something, start_flood, stored
from citybrain.runtime.cluster.fleet import Fleet
from citybrain.runtime.flood import Options
from citybrain.store import report
from citybrain.store.db import Database
from citybrain.topics import admin

BOUND = 40_000
"""readings sent and not yet judged in a run without a rate"""
PACK = 100
"""readings in a message of the packed run"""
ONE_EACH = {"ingest-1": "ingest", "rules-1": "rules", "archive-1": "archive", "dispatch-1": "dispatch"}
"""what runs: one process of each, because two cores have no use for more"""
SETTLE_S = 120.0
"""longest wait for what is behind at the end, real seconds"""


class Servers(NamedTuple):
    """The real servers: URLs of MQTT broker, Kafka and database."""

    mqtt: str
    kafka: str
    database: str


class City:
    """A cluster that runs, with a register for a flood."""

    def __init__(self, servers: Servers, prefix: str, fleet: Fleet, db: Database) -> None:
        self.servers, self.fleet, self.db = servers, fleet, db
        self.settings: Settings = settings(kafka_url=servers.kafka, kafka_prefix=prefix)

    def options(self, **given: Any) -> Options:
        """A flood for this city."""
        where = urlsplit(self.servers.mqtt)
        return Options(where.hostname or "127.0.0.1", where.port or 1883, self.settings.city, **given)

    def judged(self) -> int:
        """Readings that the rules workers have judged in this life."""
        return int(sum(one.metric("citybrain_readings_total") for one in self.fleet.members.values() if one.command == "rules"))

    def archived(self) -> int:
        """Readings in the archive."""
        return stored(self.db)


@contextmanager
def running(
    servers: Servers,
    assets: int,
    prefix: str,
    services: Mapping[str, str] = ONE_EACH,
    own: Mapping[str, Mapping[str, str]] | None = None,
) -> Iterator[City]:
    """The services as processes, on topics of their own; `assets` in the register. The database must be empty or ours.

    `own` is environment of single members, by name.
    """
    folder = Path(tempfile.mkdtemp(prefix="citybrain-cluster-"))
    shared = {
        "CITYBRAIN_KAFKA_URL": servers.kafka,
        "CITYBRAIN_KAFKA_PREFIX": prefix,
        "CITYBRAIN_DATABASE_URL": servers.database,
        "CITYBRAIN_MQTT_URL": servers.mqtt,
        "CITYBRAIN_MQTT_PROTOCOL": "5",
        "CITYBRAIN_MQTT_GROUP": f"{prefix}citybrain",
        "CITYBRAIN_LOG_LEVEL": "INFO",
    }
    fleet = Fleet(folder, services, shared, own)
    try:
        with Database(servers.database, size=4, name="citybrain bench") as db:
            make_flood_city(db, assets)
            city = City(servers, prefix, fleet, db)
            admin.apply(city.settings)
            fleet.start()
            yield city
    finally:
        fleet.stop()
        shutil.rmtree(folder, ignore_errors=True)


def flooded(city: City, options: Options) -> dict[str, Any]:
    """Publish, and wait until all of it is archived; the publisher's report with `rate_judged` and `rate_archived` a second."""
    before, kept_before = city.judged(), city.archived()
    began = time.monotonic()
    flood = start_flood(options)
    assert flood.stdin is not None
    assert flood.stdout is not None
    seen: list[tuple[float, int]] = []
    while flood.poll() is None:
        time.sleep(0.1)
        seen.append((time.monotonic(), city.judged() - before))
        if not options.rate:
            try:
                flood.stdin.write(b"%d\n" % seen[-1][1])
                flood.stdin.flush()
            except BrokenPipeError:
                break
        if time.monotonic() - began > options.seconds + 1 and says_something(flood):
            break
    done: dict[str, Any] = json.loads(flood.stdout.read())
    flood.wait()
    total = done["acked"] * options.pack
    deadline = time.monotonic() + SETTLE_S
    while city.judged() - before < total and time.monotonic() < deadline:
        time.sleep(0.05)
    judged_at = time.monotonic()
    while city.archived() - kept_before < total and time.monotonic() < deadline:
        time.sleep(0.1)
    done["readings"], done["lost"] = total, total - (city.archived() - kept_before)
    done["rate_judged"] = _rate(seen) or total / (judged_at - began)
    done["rate_archived"] = total / (time.monotonic() - began)
    return done


def _rate(seen: Sequence[tuple[float, int]]) -> float:
    """Judged a second between the first sight of work and the last, without the run-up of the first fifth."""
    moving = [(at, count) for at, count in seen if count]
    if len(moving) < 10:
        return 0.0
    first, last = moving[len(moving) // 5], moving[-1]
    return (last[1] - first[1]) / max(last[0] - first[0], 1e-9)


def takeover_s(city: City) -> float:
    """Kill one of two rules workers; seconds until the other has all partitions and no more than a second of records waits."""
    workers = [one for one in city.fleet.members.values() if one.command == "rules"]
    left, killed = workers[0], workers[1]
    city.fleet.hold(killed.name)
    city.fleet.kill(killed.name)
    began = time.monotonic()
    while time.monotonic() - began < SETTLE_S:
        if left.metric("citybrain_rules_partitions") == 32 and left.ready():
            break
        time.sleep(0.05)
    return time.monotonic() - began


def bench_cluster(servers: Servers, assets: int, seconds: float) -> dict[str, Any]:
    """All figures. Latencies are real ms; commits are timed by the database itself."""
    with running(servers, assets, "bench.") as city:
        single = flooded(city, city.options(assets=assets, seconds=seconds, bound=BOUND, faults_per_s=0))
        packed = flooded(
            city,
            city.options(
                assets=assets, seconds=seconds, bound=4 * BOUND, pack=PACK, window=50, first_seq=10_000_001, client="packs",
                faults_per_s=0,
            ),
        )  # fmt: skip
        steady = flooded(city, city.options(assets=assets, seconds=seconds, rate=2000, first_seq=100_000_001, client="steady"))
        with city.db.transaction() as tx:
            ordered = report.order_ms(tx)
    with running(servers, assets, "bench2.", {**ONE_EACH, "rules-2": "rules"}) as city:
        flood = start_flood(city.options(assets=assets, seconds=60, rate=1000, first_seq=200_000_001, client="takeover"))
        time.sleep(5)
        stood = takeover_s(city)
        flood.terminate()
        flood.wait()
    latencies = [
        min(times) - at for asset, _, at in steady["faults"] if (times := [t for t in ordered.get(asset, ()) if t >= at])
    ]
    return {
        "messages_per_second": round(single["rate_judged"], 1),
        "messages_per_second_archived": round(single["rate_archived"], 1),
        "readings_per_second_packed": round(packed["rate_judged"], 1),
        "readings_per_second_packed_archived": round(packed["rate_archived"], 1),
        "publish_to_order_ms": quantiles(latencies),
        "faults": len(steady["faults"]),
        "orders": len(latencies),
        "messages_lost": single["lost"] + packed["lost"] + steady["lost"],
        "readings": single["readings"] + packed["readings"] + steady["readings"],
        "rebalance_seconds": round(stood, 2),
    }
