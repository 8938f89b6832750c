"""Shared fixtures: one embedded PostgreSQL and one Kafka a session, a fresh migrated database a test."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from citybrain.runtime.postgres import EmbeddedPostgres
from citybrain.store.db import Database
from citybrain.store.migrate import migrate


@pytest.fixture(scope="session")
def postgres_url() -> Iterator[str]:
    """URL of a real PostgreSQL that lives as long as the test session."""
    folder = Path(tempfile.mkdtemp(prefix="citybrain-test-"))
    server = EmbeddedPostgres(folder / "pg")
    url = server.start()
    try:
        with psycopg.connect(url, autocommit=True) as conn:
            conn.execute("CREATE DATABASE template_citybrain")
        with Database(url.replace("/postgres?", "/template_citybrain?"), size=1) as db:
            migrate(db)
        yield url
    finally:
        server.stop()
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def db_url(postgres_url: str, request: pytest.FixtureRequest) -> Iterator[str]:
    """URL of a fresh database with the schema, made from a template; dropped afterwards."""
    name = f"t{abs(hash(request.node.nodeid)):x}"
    with psycopg.connect(postgres_url, autocommit=True) as conn:
        conn.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")
        conn.execute(f"CREATE DATABASE {name} TEMPLATE template_citybrain")
    yield postgres_url.replace("/postgres?", f"/{name}?")
    with psycopg.connect(postgres_url, autocommit=True) as conn:
        conn.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")


@pytest.fixture
def db(db_url: str) -> Iterator[Database]:
    """An open database with the schema and nothing in it."""
    with Database(db_url, size=8) as database:
        yield database


@pytest.fixture(scope="session")
def kafka_url() -> Iterator[str]:
    """kafka:// URL of one real node that lives as long as the test session; tests keep apart by `kafka_prefix`."""
    from tests.servers.kafka import KafkaCluster  # only who asks for it pays for it

    with KafkaCluster() as cluster:
        yield cluster.url


@pytest.fixture
def mosquitto_url() -> Iterator[str]:
    """mqtt:// URL of a real mosquitto of the test's own, without logins; tests that stop it make their own Mosquitto."""
    from tests.servers.mosquitto import Mosquitto

    with Mosquitto() as broker:
        yield broker.url
