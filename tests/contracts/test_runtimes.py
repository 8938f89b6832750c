"""Both runtimes are the same city: every story through the embedded pipeline and through Kafka, compared row for row."""

from __future__ import annotations

from datetime import datetime

import pytest

from citybrain.config import Settings
from citybrain.kernel.times import from_ms
from citybrain.store import register
from citybrain.store.db import Database
from tests.contracts.runtimes import cluster, embedded, stories
from tests.contracts.runtimes.databases import fresh
from tests.contracts.runtimes.script import RULES, UNITS, Script
from tests.contracts.runtimes.told import Told, difference, told

pytestmark = pytest.mark.live


def _run(postgres_url: str, runtime: str, script: Script, kafka_url: str, prefix: str) -> Told:
    with Database(fresh(postgres_url, f"runtime_{runtime}"), size=6) as db:
        with db.transaction() as tx:
            register.save_units(tx, UNITS)
            register.save_responsibilities(tx, RULES)
            register.save_assets(tx, script.assets)
        settings = Settings(
            kafka_url=kafka_url, kafka_prefix=prefix, database_url=db.url, rulebook=script.rulebook, http_port=0, canary_s=0
        )
        {"embedded": embedded.run, "cluster": cluster.run}[runtime](script, db, settings)
        return told(db)


def _both(script: Script, postgres_url: str, kafka_url: str, prefix: str) -> Told:
    """What both runtimes told; they must agree row for row."""
    one = _run(postgres_url, "embedded", script, kafka_url, "")
    other = _run(postgres_url, "cluster", script, kafka_url, prefix)
    assert difference(one, other) == ""
    return one


def _events(found: Told, story: stories.Story) -> list[tuple[datetime, str, str, str]]:
    """What was told of a story's assets until its end."""
    ids, end = {asset.id for asset in story.assets}, from_ms(story.end_ms)
    rows = [row for row in found["alert_events"] if row["asset"] in ids and row["at"] <= end]
    return sorted((row["at"], row["asset"], row["condition"], row["change"]) for row in rows)


def _expected(story: stories.Story) -> list[tuple[datetime, str, str, str]]:
    return sorted((from_ms(event.at_ms), event.asset, event.condition, event.change) for event in story.events)


ALONE = [name for name in stories.names() if (one := stories.story(name)).late or one.rulebook]
"""with late readings, which are judged again at once, or with rules of their own"""
TOGETHER = [name for name in stories.names() if name not in ALONE]


@pytest.mark.parametrize("name", ALONE)
def test_a_story_is_told_alike_by_both_runtimes(name: str, postgres_url: str, kafka_url: str) -> None:
    story = stories.story(name)
    found = _both(stories.alone(story), postgres_url, kafka_url, f"{name}.")
    assert _events(found, story) == _expected(story)


def test_all_other_stories_in_one_city_are_told_alike_by_both_runtimes(postgres_url: str, kafka_url: str) -> None:
    some = [stories.story(name, prefix=f"{name}-") for name in TOGETHER]
    assert len(some) + len(ALONE) == len(stories.names()) > 30
    found = _both(stories.merged(some), postgres_url, kafka_url, "stories.")
    for story in some:
        assert _events(found, story) == _expected(story), story.name
    assert len(found["orders"]) > 20
