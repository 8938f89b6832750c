"""`citybrain console`: the HTTP API without a run folder, over a real database that may go away."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from citybrain.config import Settings
from citybrain.kernel.model import Asset
from citybrain.store import register as register_store
from citybrain.store.db import Database
from tests.cluster_kit import Process, own_postgres, services, wait_until

pytestmark = pytest.mark.live


def test_the_api_is_served_alone_and_outlives_its_database(tmp_path: Path) -> None:
    with own_postgres() as (server, url):
        given = Settings(database_url=url, http_port=0, data_dir=tmp_path / "data", api_token="a-token")
        one = Process(["console"], given, tmp_path)
        with services(one):
            wait_until(one.ready, 40, "it is ready")
            assert set(one.get("/readyz").json()["checks"]) == {"database"}
            assert one.get("/healthz").status_code == 200
            with Database(url, size=1) as db, db.transaction() as tx:
                register_store.save_assets(tx, [Asset("mh-1", "manhole", 31.0, 120.0)])
            assert one.get("/api/assets/mh-1").json()["kind"] == "manhole"
            page = one.get("/metrics").text
            assert "citybrain_orders_escalated 0.0" in page
            assert "process=" not in page, "whose metrics these are is known to who asks"

            server.stop()
            wait_until(lambda: one.get("/readyz").status_code == 503, 20, "it says what it lacks")
            assert one.get("/healthz").status_code == 200
            assert server.start() == url
            took = wait_until(one.ready, 20, "it is ready again")
            print(f"ready {took:.1f} s after the database")
            assert one.get("/api/assets/mh-1").status_code == 200
            assert one.stop() == 0

        with socket.create_server(("127.0.0.1", 0)) as taken:
            late = Process(["console"], given.model_copy(update={"http_port": taken.getsockname()[1]}), tmp_path)
            late.start()
            assert late.process is not None
            assert late.process.wait(30) == 1
            assert "cannot listen" in late.text(), "a service of its own takes no other port: nobody would find it"


def test_without_a_database_it_says_what_to_set(tmp_path: Path) -> None:
    for command in ("console", "archive", "dispatch"):
        one = Process([command], Settings(http_port=0, data_dir=tmp_path), tmp_path).start()
        assert one.process is not None
        assert one.process.wait(30) == 1
        assert "CITYBRAIN_DATABASE_URL" in one.text()
        assert "Traceback" not in one.text()


def test_without_kafka_the_others_say_what_to_set(db_url: str, tmp_path: Path) -> None:
    for command in ("archive", "dispatch"):
        one = Process([command], Settings(database_url=db_url, http_port=0, data_dir=tmp_path), tmp_path).start()
        assert one.process is not None
        assert one.process.wait(30) == 1
        assert "CITYBRAIN_KAFKA_URL" in one.text()
        assert "Traceback" not in one.text()


def test_topics_that_are_not_there_are_named_with_the_remedy(kafka_url: str, db_url: str, tmp_path: Path) -> None:
    for command in ("archive", "dispatch"):
        given = Settings(database_url=db_url, kafka_url=kafka_url, kafka_prefix="nobody-made-it-", http_port=0)
        one = Process([command], given, tmp_path).start()
        assert one.process is not None
        assert one.process.wait(40) == 1
        assert "citybrain topics apply" in one.text()
        assert "Traceback" not in one.text()
