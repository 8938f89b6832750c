"""Every panel shows something, every metric is in the reference: on a real Prometheus, a living city and a small cluster."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any, NamedTuple

import httpx
import psycopg
import pytest
from prometheus_client.parser import text_string_to_metric_families

from citybrain.clock import real_ms
from citybrain.kernel.times import from_ms
from citybrain.kernel.trace import span_of
from citybrain.store import views
from citybrain.store.db import Database
from citybrain.store.migrate import migrate
from console.reference import exposed, reference
from tests.cluster_kit import settings, wait_until
from tests.live.living import OPS, SCRAPE_S, City, Source, cluster, living, put_on_duty, reading, say, scraping, worked_on
from tests.live.panels import Eyes, View, dashboards
from tests.live.test_tracing import Receiver
from tests.servers.mosquitto import Mosquitto
from tests.servers.prometheus import Prometheus, promtool

pytestmark = pytest.mark.live
SECONDS = 10.0
"""real seconds of the city's life before anybody looks: two of its hours"""


class Life(NamedTuple):
    """What there is to look at."""

    city: City
    services: Sequence[Source]
    cluster_url: str
    logs: Path
    prometheus: Prometheus
    receiver: Receiver


@pytest.fixture(scope="module")
def life(kafka_url: str, postgres_url: str) -> Iterator[Life]:
    """The demo and a cluster, for some seconds already. One cover of the cluster lies on its back."""
    folder = Path(tempfile.mkdtemp(prefix="citybrain-test-"))
    url = postgres_url.replace("/postgres?", "/looked_at?")
    receiver = Receiver()
    with psycopg.connect(postgres_url, autocommit=True) as conn:
        conn.execute("DROP DATABASE IF EXISTS looked_at WITH (FORCE)")
        conn.execute("CREATE DATABASE looked_at")
    with Database(url, size=1) as db:
        migrate(db)
        put_on_duty(db, from_ms(real_ms()))
    with Mosquitto() as broker:
        given = settings(kafka_url, url, mqtt_url=broker.url, canary_s=1, otel_endpoint=receiver.url)
        with (
            living() as city,
            cluster(given, folder / "cluster") as services,
            Prometheus(scraping(folder, [city.source, *services])) as prometheus,
        ):
            time.sleep(SECONDS)
            wait_until(lambda: _ripe(city.db.url), 90, "a city in which everything happens")
            wait_until(lambda: prometheus.query("sum(citybrain_takeover_duration_seconds_count) > 0"), 60, "the rules judge")
            say(broker.url, ("manhole/MH-1", reading(real_ms(), tilt_deg=120)))
            time.sleep(3 * SCRAPE_S)
            yield Life(city, services, url, folder / "cluster", prometheus, receiver)
    receiver.stop()


def _ripe(url: str) -> bool:
    """Has everything happened that a panel shows? On a slow machine it takes longer."""
    with psycopg.connect(url) as conn:
        row = conn.execute(
            "SELECT EXISTS (SELECT FROM order_events WHERE from_state = to_state AND order_id IS NOT NULL)"
            " AND EXISTS (SELECT FROM orders WHERE state = 'closed')"
            " AND EXISTS (SELECT FROM alerts WHERE condition LIKE 'DEV-%')"
        ).fetchone()
    return row is not None and bool(row[0])


def test_every_panel_shows_something(life: Life) -> None:
    eyes = Eyes(life.city.db.url, life.prometheus.url)
    given = {"asset": worked_on(life.city.db)}
    faults, asked = list[str](), set[str]()
    for board in [*dashboards("en"), *dashboards("zh")]:
        now, then = from_ms(real_ms()), life.city.now()
        machines = View(now - timedelta(seconds=SECONDS), now, 1.0, scrape_s=SCRAPE_S)
        streets = View(then - timedelta(days=1), then, 300.0)
        eyes.choose(board, streets, given)
        machines.values = streets.values
        for query in board.queries():
            # most queries are the same in both languages
            if query.text not in asked:
                asked.add(query.text)
                faults.append(eyes.fault(query, streets if query.of_database else machines))
    assert not any(faults), "\n".join(filter(None, faults))
    assert len(faults) > 100


@pytest.mark.parametrize("seconds", [30, 300, 7200, 172_800], ids=["readings", "minutes", "hours", "days"])
def test_values_are_there_at_every_width_of_the_screen(life: Life, seconds: float) -> None:
    eyes = Eyes(life.city.db.url, life.prometheus.url)
    (board,) = [one for one in dashboards("en") if one.name.endswith("asset-detail")]
    view = View(life.city.now() - timedelta(days=2), life.city.now(), seconds)
    eyes.choose(board, view, {"asset": worked_on(life.city.db)})
    (values,) = [query for query in board.queries() if query.panel == "Values"]
    assert eyes.fault(values, view) == ""


def _families(sources: Sequence[Source]) -> set[str]:
    found = set()
    for source in sources:
        for address in source.addresses:
            page = httpx.get(f"http://{address}/metrics", timeout=10).raise_for_status().text
            found |= exposed(text_string_to_metric_families(page))
    return found


def test_the_embedded_program_shows_what_the_reference_says_and_nothing_else(life: Life) -> None:
    found = _families([life.city.source])
    assert found - {entry.name for entry in reference()} == set()
    assert {entry.name for entry in reference() if entry.runtime != "cluster"} - found == set()


def test_the_cluster_shows_what_the_reference_says_and_nothing_else(life: Life) -> None:
    def found() -> set[str]:
        return _families(life.services)

    assert found() - {entry.name for entry in reference()} == set()
    wanted = {entry.name for entry in reference() if entry.runtime != "embedded"}
    # what nothing has happened to yet has no series
    unheard = {"citybrain_quarantine_stored_messages"}
    deadline = time.monotonic() + 20
    while missing := wanted - found() - unheard:
        assert time.monotonic() < deadline, missing
        time.sleep(0.5)


def test_promtool_finds_nothing_to_object_to_in_any_page(life: Life) -> None:
    for source in [life.city.source, *life.services]:
        page = httpx.get(f"http://{source.addresses[0]}/metrics", timeout=10).text
        done = promtool(["check", "metrics"], given=page)
        assert (done.returncode, done.stdout + done.stderr) == (0, ""), source.job


def test_the_shipped_alerts_are_silent_in_a_healthy_city(life: Life) -> None:
    loud = life.prometheus.query('ALERTS{alertstate="firing", severity="page"}')
    assert [one["metric"]["alertname"] for one in loud] == []


def test_a_message_of_the_cluster_has_one_trace_through_all_services(life: Life) -> None:
    with Database(life.cluster_url, size=1) as db:

        def order() -> str:
            with db.transaction() as tx:
                rows = views.orders(tx, limit=1, asset="MH-1")
                return str(views.order(tx, rows[0]["id"])["trace"]) if rows else ""

        wait_until(order, 20, "an order")
        trace = order()
    wait_until(lambda: {"ingest", "rules", "dispatch"} <= _spans(life, trace).keys(), 20, "its spans")
    spans = _spans(life, trace)
    assert spans["rules"] == (span_of(trace, "rules"), span_of(trace, "ingest"))
    assert spans["dispatch"] == (span_of(trace, "dispatch"), span_of(trace, "rules"))
    told = {}
    for file in life.logs.glob("*.log"):
        lines = [_parsed(file.name, line) for line in file.read_text("utf-8").splitlines()]
        told[file.stem] = [line["msg"].split()[0] for line in lines if line.get("trace") == trace]
    assert "raised" in told["rules-1"]
    assert "order" in told["dispatch-1"]


def _parsed(name: str, line: str) -> dict[str, Any]:
    try:
        found: dict[str, Any] = json.loads(line)
    except ValueError:
        raise AssertionError(f"{name} has a line that is no JSON: {line}") from None
    return found


def _spans(life: Life, trace: str) -> dict[str, tuple[str, str]]:
    return {
        span.name: (span.span_id.hex(), span.parent_span_id.hex())
        for span in life.receiver.spans()
        if span.trace_id.hex() == trace
    }


def test_the_dashboards_are_as_the_code_says() -> None:
    done = subprocess.run([sys.executable, str(OPS / "grafana" / "build.py"), "--check"], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
