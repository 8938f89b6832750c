"""Both runtimes are the same city: every story through the embedded pipeline and through Kafka, compared row for row."""

from __future__ import annotations

import psycopg
import pytest

from citybrain.config import Settings
from citybrain.kernel.times import from_ms
from citybrain.store import register
from citybrain.store.db import Database
from tests.contracts.runtimes import cluster, embedded, stories
from tests.contracts.runtimes.script import RULES, UNITS, Script
from tests.contracts.runtimes.told import Told, difference, told

pytestmark = pytest.mark.live


def _fresh(postgres_url: str, name: str) -> str:
    """URL of a fresh database with the schema."""
    with psycopg.connect(postgres_url, autocommit=True) as conn:
        conn.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")
        conn.execute(f"CREATE DATABASE {name} TEMPLATE template_citybrain")
    return postgres_url.replace("/postgres?", f"/{name}?")


def _run(postgres_url: str, runtime: str, script: Script, kafka_url: str, prefix: str) -> Told:
    with Database(_fresh(postgres_url, f"runtime_{runtime}"), size=6) as db:
        with db.transaction() as tx:
            register.save_units(tx, UNITS)
            register.save_responsibilities(tx, RULES)
            register.save_assets(tx, script.assets)
        settings = Settings(
            kafka_url=kafka_url, kafka_prefix=prefix, database_url=db.url, rulebook=script.rulebook, http_port=0, canary_s=0
        )
        {"embedded": embedded.run, "cluster": cluster.run}[runtime](script, db, settings)
        return told(db)


@pytest.mark.parametrize("name", stories.names())
def test_a_story_is_told_alike_by_both_runtimes(name: str, postgres_url: str, kafka_url: str) -> None:
    script, events = stories.script(name)
    one = _run(postgres_url, "embedded", script, kafka_url, "")
    other = _run(postgres_url, "cluster", script, kafka_url, f"{name}.")
    assert difference(one, other) == ""
    assert sorted((row["at"], row["asset"], row["condition"], row["change"]) for row in one["alert_events"]) == sorted(
        (from_ms(event.at_ms), event.asset, event.condition, event.change) for event in events
    )
