"""compose.yaml as an operator starts it, without a container engine: the same commands, environments, files, health checks.

tests/compose/runner.py says what differs: addresses, paths, and which programs stand for which images.
"""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import httpx
import pytest
import yaml

from citybrain.clock import parse, real_ms
from citybrain.kernel.times import from_ms
from tests.compose.project import load
from tests.compose.runner import Cluster
from tests.compose.units import Process
from tests.live.panels import Eyes, View, dashboards

pytestmark = pytest.mark.live

CLOCK = "speed=720,origin=2026-03-02T08:00:00+00:00"
"""It is about eleven at night in the made-up city when the demo begins, and five hours pass."""
SECONDS = 22
RULES = (
    "stage:citybrain_stage_items:rate5m",
    "stage:citybrain_stage_lag_seconds:max",
    "stage:citybrain_canary_age_seconds:min",
    "unit:citybrain_orders_open:sum",
    "topic_group:citybrain_kafka_lag_records:sum",
)
"""some recording rules, of all parts"""


@pytest.fixture
def cluster() -> Iterator[Cluster]:
    """Everything in compose.yaml, with a small and fast demo, not started."""
    project = load(CITYBRAIN_CLOCK=CLOCK, DEMO_ASSETS="400", DEMO_SEED="3", DEMO_INTERVALS="1").profile("demo")
    found = Cluster(project)
    yield found
    found.remove()


def ask(cluster: Cluster, expression: str) -> list[dict[str, Any]]:
    """The series that Prometheus gives for an expression."""
    answer = httpx.get(
        f"http://{cluster.address('prometheus', 9090)}/api/v1/query", params={"query": expression}, timeout=10
    ).json()
    assert answer["status"] == "success", answer
    found: list[dict[str, Any]] = answer["data"]["result"]
    return found


def wait_for(cluster: Cluster, expression: str, number: int, wait_s: float = 20) -> list[dict[str, Any]]:
    """The same, once it gives so many series."""
    deadline = time.monotonic() + wait_s
    while len(found := ask(cluster, expression)) < number:
        assert time.monotonic() < deadline, f"{expression} gives {len(found)} series, not {number}: {found}"
        time.sleep(0.5)
    return found


def played(cluster: Cluster) -> dict[str, Any]:
    """The demo's summary."""
    out = cluster.folder / "out.json"
    simulator = cluster.start("simulator", "--seconds", str(SECONDS), "--json", str(out))
    deadline = time.monotonic() + SECONDS + 60
    while simulator.unit.ended() is None:
        assert time.monotonic() < deadline, "the demo does not end"
        cluster.turn()
        time.sleep(0.1)
    assert simulator.unit.ended() == 0
    found: dict[str, Any] = json.loads(out.read_text())
    return found


def killed(cluster: Cluster, name: str) -> None:
    """A container dies, is started again under its name, and is well."""
    one = cluster.containers[name]
    assert isinstance(one.unit, Process)
    one.unit.kill()
    deadline = time.monotonic() + 30
    while not (one.restarts and cluster.check(one)):
        assert time.monotonic() < deadline, f"{name} does not come back: {one.said}"
        cluster.turn()
        time.sleep(0.2)


def test_the_demo_runs_as_an_operator_starts_it(cluster: Cluster) -> None:
    began = time.monotonic()
    try:
        cluster.up(90)
        up_s = time.monotonic() - began
        found = played(cluster)
        figures(found)
        killed(cluster, "ingest-1")
        watched(cluster)
        seen_by_people(cluster, found)
        seen_in_grafana(cluster)
        codes = cluster.down()
    except BaseException:
        print(cluster.tell())
        raise
    assert {name: code for name, code in codes.items() if code} == {}
    assert list(codes)[-1] in {"mosquitto", "kafka", "timescaledb"}, "servers end last"
    restarts = {name: one.restarts for name, one in cluster.containers.items() if one.restarts}
    assert restarts == {"ingest-1": 1}, "only the bridge that was killed"
    # what a container with a read-only file system could not do
    assert [str(path) for path in (cluster.folder / "cwd").rglob("*") if path.is_file()] == []
    print(f"up in {up_s:.1f} s, all in {time.monotonic() - began:.1f} s; {found['publish_to_order_ms']}")


def figures(found: dict[str, Any]) -> None:
    """Nothing lost, nothing doubled, every fault noticed."""
    assert found["quiet"] is True
    assert found["readings_published"] > 4000
    assert (found["readings_stored"], found["readings_lost"]) == (found["readings_published"], 0)
    assert found["duplicates_ignored"] > 0
    assert (found["orders_duplicate"], found["false_critical_alerts"]) == (0, 0)
    due = found["faults_detected"] + found["faults_missed"]
    assert due >= 8
    assert found["faults_missed"] == 0, [one for one in found["faults"] if one["outcome"] == "missed"]
    assert found["orders_opened"] >= 8
    assert found["orders_closed"] > 0, "crews repaired nothing"


def watched(cluster: Cluster) -> None:
    """Prometheus reaches every container, that of the console by its token, and its rules have values."""
    containers = [name for name, one in cluster.containers.items() if one.health is not None]
    servers = {"mosquitto", "kafka", "timescaledb"}
    up = wait_for(cluster, "up == 1", len(set(containers) - servers))
    jobs = Counter(one["metric"]["job"] for one in up)
    assert jobs == {
        "prometheus": 1, "citybrain-ingest": 2, "citybrain-rules": 2, "citybrain-archive": 1, "citybrain-dispatch": 2,
        "citybrain-console": 1,
    }  # fmt: skip
    assert ask(cluster, "up == 0") == []
    for name in RULES:
        assert wait_for(cluster, name, 1), name


def seen_by_people(cluster: Cluster, found: dict[str, Any]) -> None:
    """The API answers who has the token and nobody else, and tells the same as the demo; so does the terminal."""
    url = f"http://{cluster.address('console')}"
    token = (cluster.folder / "volumes/secrets-prometheus/api_token").read_text()
    assert httpx.get(f"{url}/api/stats", timeout=10).status_code == 401
    stats = httpx.get(f"{url}/api/stats", headers={"Authorization": f"Bearer {token}"}, timeout=10).json()
    assert sum(stats["orders"].values()) >= found["orders_opened"]
    assert stats["counters"]["messages"] >= found["messages_published"]
    console = cluster.containers["console"].unit
    assert isinstance(console, Process)
    orders = Process(
        "terminal", [*console.words[:-1], "orders", "list", "--all", "-o", "json"], console.environment, cluster.folder
    )  # docker compose exec console citybrain orders list
    orders.start()
    while orders.ended() is None:
        time.sleep(0.1)
    listed = json.loads(orders.log.read_text())
    assert len(listed) >= found["orders_opened"]
    per_fault = Counter((one["asset"], one["cause"]) for one in listed if one["state"] not in {"closed", "cancelled"})
    assert max(per_fault.values(), default=1) == 1, "an order was doubled"


def seen_in_grafana(cluster: Cluster) -> None:
    """What Grafana asks it may ask, with its own password, and nearly all of it has an answer after some hours of the city.
    That every panel has one in the long run is tested by test_dashboards.py."""
    password = (cluster.folder / "volumes/secrets-grafana/database").read_text()
    database = f"postgresql://grafana:{password}@{cluster.address('timescaledb', 5432)}/citybrain"
    eyes = Eyes(database, f"http://{cluster.address('prometheus', 9090)}")
    clock = yaml.safe_load((cluster.folder / "volumes/secrets-services/services.yml").read_text())["clock"]
    now, then = from_ms(real_ms()), parse(clock).now()
    machines, streets = View(now - timedelta(seconds=90), now, 15.0), View(then - timedelta(days=1), then, 300.0)
    silent, asked = list[str](), 0
    for board in dashboards("en"):
        eyes.choose(board, streets, {})
        machines.values = streets.values
        for query in board.queries():
            asked += 1
            fault = eyes.fault(query, streets if query.of_database else machines)
            assert not fault or fault.endswith("shows nothing"), fault
            silent += [fault] if fault else []
    assert asked > 50
    assert len(silent) < asked / 4, "\n".join(silent)
    print(f"{asked - len(silent)} of {asked} panels show something")


def test_a_volume_of_secrets_that_is_there_is_kept(cluster: Cluster) -> None:
    cluster.up(60, only=["setup"])
    volumes = cluster.folder / "volumes"
    before = {path: path.read_text() for path in volumes.rglob("*") if path.is_file()}
    again = cluster.start("setup")
    while again.unit.ended() is None:
        time.sleep(0.1)
    assert again.unit.ended() == 0
    assert {path: path.read_text() for path in volumes.rglob("*") if path.is_file()} == before
