"""News of the past: what was over before anybody heard of it sends nobody out."""

from __future__ import annotations

from datetime import timedelta

import pytest

from citybrain.kernel.events import AlertChange
from citybrain.store.db import Database
from tests.dispatch_kit import Town, event

pytestmark = pytest.mark.live


@pytest.fixture
def town(db: Database) -> Town:
    return Town(db)


def test_a_stored_episode_told_in_one_go_opens_no_order(town: Town) -> None:
    """A device comes back after an outage and sends what it had stored, oldest first: the cover was open and is shut again."""
    onset = town.now - timedelta(hours=5)
    told = [
        event("mh-1", "MH-OPEN", AlertChange.RAISED, onset),
        event("mh-1", "MH-OPEN", AlertChange.RESOLVED, onset + timedelta(hours=1), onset=onset),
    ]
    assert town.take(*told) == []
    town.cycle(minutes=2)
    assert town.orders() == []
    assert [(case["state"], case["outcome"]) for case in town.cases()] == [("closed", "cleared_before_dispatch")]


def test_batches_do_not_matter(town: Town) -> None:
    onset = town.now - timedelta(hours=5)
    assert town.take(event("mh-1", "MH-OPEN", AlertChange.RAISED, onset)) == []
    town.now += timedelta(seconds=20)
    town.take(event("mh-1", "MH-GONE", AlertChange.RAISED, onset + timedelta(minutes=1)))
    town.take(event("mh-1", "MH-OPEN", AlertChange.RESOLVED, onset + timedelta(hours=1), onset=onset))
    flip = onset + timedelta(minutes=1)
    town.take(event("mh-1", "MH-GONE", AlertChange.RESOLVED, onset + timedelta(hours=1), onset=flip))
    town.cycle(minutes=2)
    assert town.orders() == []


def test_a_fault_of_long_ago_that_still_lasts_goes_out_after_a_minute(town: Town) -> None:
    onset = town.now - timedelta(hours=5)
    assert town.take(event("mh-1", "MH-OPEN", AlertChange.RAISED, onset)) == []
    town.cycle(seconds=30)
    assert town.orders() == []
    town.cycle(seconds=31)
    (order,) = town.orders()
    assert order["dispatched_at"] == town.now


def test_a_live_alert_does_not_wait_for_the_rest_of_an_old_story(town: Town) -> None:
    town.take(event("mh-1", "MH-OPEN", AlertChange.RAISED, town.now - timedelta(hours=5)))
    (opened,) = town.raised("mh-1", "MH-GONE")
    assert opened.condition == "MH-GONE"
    town.cycle(minutes=5)
    assert len(town.orders()) == 1
