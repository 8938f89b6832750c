"""Storm mode on a real database: what floods at once is one case a catchment, ranked, and given back when it is calm."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from citybrain.kernel.events import AlertChange
from citybrain.kernel.model import Asset
from citybrain.store import register as register_store
from citybrain.store import storms
from citybrain.store.db import Database, Row
from tests.dispatch_kit import Town, event

pytestmark = pytest.mark.live


def drains(count: int) -> list[Asset]:
    """Drains of two catchments of one district; the third of each stands before a hospital."""
    return [
        Asset(
            f"dr-{n}", "drain", district="d1", catchment=f"c{n % 2}", street_class="local",
            attributes={"near": "hospital"} if n in {5, 6} else {},
        )
        for n in range(1, count + 1)
    ]  # fmt: skip


@pytest.fixture
def town(db: Database) -> Town:
    town = Town(db)
    more = drains(40)
    town.register = replace(town.register, assets=town.register.assets | {one.id: one for one in more})
    town.books = replace(town.books, storm=replace(town.books.storm, crews=2, per_crew=3, calm=timedelta(minutes=30)))
    with db.transaction() as tx:
        register_store.save_assets(tx, list(town.register.assets.values()))
    return town


def flood(town: Town, numbers: range) -> None:
    town.take(*(event(f"dr-{n}", "DR-FULL", AlertChange.RAISED, town.now) for n in numbers))


def on(town: Town) -> dict[str, Row]:
    with town.db.transaction() as tx:
        return storms.on(tx)


def open_cases(town: Town) -> dict[str, int]:
    """asset of each open case -> its children"""
    return {row["asset"]: row["children"] for row in town.cases(state="open")}


def test_few_floods_have_their_own_orders(town: Town) -> None:
    flood(town, range(1, 7))
    town.cycle(minutes=2)
    assert len(open_cases(town)) == 6
    assert on(town) == {}


def test_what_floods_at_once_is_one_case_a_catchment_from_the_first_second(town: Town) -> None:
    flood(town, range(1, 41))
    # six orders of their own before the crews had enough; then one a catchment
    assert len(town.orders()) == 8
    assert on(town)["d1"]["cases"] == 7
    town.cycle(minutes=2)
    # those that nobody had taken yet go on with their catchment
    assert open_cases(town) == {"c0": 20, "c1": 20}
    assert [row["outcome"] for row in town.orders(state="cancelled")] == ["grouped_in_storm"] * 6
    assert not town.faults()


def test_an_order_that_a_crew_has_taken_stays_with_it(town: Town) -> None:
    flood(town, range(1, 3))
    (first, second) = town.orders()
    town.act(str(first["id"]), "arrive")
    flood(town, range(3, 41))
    town.cycle(minutes=2)
    assert set(open_cases(town)) == {first["asset"], "c0", "c1"}
    assert town.order(second["id"])["state"] == "cancelled"
    assert town.order(first["id"])["state"] == "on_site"


def test_nobody_wins_time_by_a_storm(town: Town) -> None:
    flood(town, range(1, 5))
    early = min(row["due_at"] for row in town.orders())
    town.cycle(minutes=30)
    flood(town, range(5, 41))
    town.cycle(minutes=2)
    assert min(row["due_at"] for row in town.orders(open_only=True)) == early


def test_most_at_stake_is_first_and_the_reasons_are_kept(town: Town) -> None:
    flood(town, range(1, 41))
    town.cycle(minutes=2)
    (case,) = [row for row in town.cases(state="open") if row["asset"] == "c1"]
    with town.db.transaction() as tx:
        ranks = storms.ranks(tx, str(case["id"]))
    assert [row["rank"] for row in ranks] == list(range(1, 21))
    assert (ranks[0]["asset"], ranks[0]["why"]) == ("dr-5", {"street_class": 10, "near_hospital": 40})
    assert ranks[0]["points"] > ranks[1]["points"] == ranks[-1]["points"]


def test_when_it_is_calm_what_still_floods_gets_its_own_order(town: Town) -> None:
    flood(town, range(1, 41))
    town.cycle(minutes=2)
    began = town.now - timedelta(minutes=2)
    for n in range(2, 40):
        town.resolved(f"dr-{n}", "DR-FULL", began)
    town.cycle(minutes=5)
    assert on(town)["d1"]["reason"] in {"few_cases_left", "not_calm_for_long_enough"}
    for _ in range(8):
        town.cycle(minutes=10)
    assert on(town) == {}
    assert open_cases(town) == {"dr-1": 0, "dr-40": 0}
    assert not town.faults()


def test_nothing_of_it_happens_twice(town: Town) -> None:
    flood(town, range(1, 41))
    town.cycle(minutes=2)
    before = (len(town.orders()), len(town.cases()))
    flood(town, range(1, 41))
    for _ in range(3):
        town.cycle(minutes=2)
    assert (len(town.orders()), len(town.cases())) == before
