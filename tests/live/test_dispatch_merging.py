"""Cases merged and split by hand, on a real database."""

from __future__ import annotations

from typing import Any

import pytest

from citybrain.kernel.errors import InputError, NotFound, StateError
from citybrain.store.db import Database
from dispatch.merging import Merged, Split, merge, split
from tests.dispatch_kit import Town

pytestmark = pytest.mark.live


@pytest.fixture
def town(db: Database) -> Town:
    return Town(db)


def merged(town: Town, into: str, *others: str, **more: Any) -> Merged:
    given = {"actor": "duty officer", "reason": "one and the same hole", **more}
    return town.db.attempt(lambda tx: merge(tx, into, others, look=town.look(), now=town.now, **given))


def split_off(town: Town, case: str, *assets: str, **more: Any) -> Split:
    given = {"actor": "duty officer", "reason": "its own fuse", **more}
    return town.db.attempt(lambda tx: split(tx, case, assets, look=town.look(), now=town.now, **given))


def two_covers(town: Town) -> tuple[str, str]:
    """The cases of two covers: the first rocks (two working days), the second is open (two hours)."""
    (first,) = town.raised("mh-1", "MH-ROCK")
    (second,) = town.raised("mh-2", "MH-OPEN")
    town.cycle()
    return first.case_id, second.case_id


def test_a_merge_ends_the_other_order_and_wins_no_time(town: Town) -> None:
    rocks, gone = two_covers(town)
    early = town.orders(asset="mh-2")[0]["due_at"]
    done = merged(town, rocks, gone)
    assert done.due_at == early
    town.cycle()
    ours, other = town.orders()
    assert (ours["state"], ours["due_at"], ours["children"], ours["severity"]) == ("dispatched", early, 1, "critical")
    assert (other["state"], other["outcome"]) == ("cancelled", "merged")
    assert ("cancelled", "log:drainage") in town.mail.said()
    assert {str(row["case_id"]) for row in town.alerts()} == {rocks}
    assert "tightened" in town.history(ours["id"])
    assert not town.faults()


def test_what_is_still_bad_when_the_merged_order_is_done_gets_a_case_of_its_own_again(town: Town) -> None:
    rocks, gone = two_covers(town)
    onset = town.now
    merged(town, rocks, gone)
    town.resolved("mh-1", "MH-ROCK", onset)
    for _ in range(3):
        town.cycle(minutes=40)
    assert {row["asset"]: row["state"] for row in town.cases()[-1:]} == {"mh-2": "open"}
    assert [row["state"] for row in town.orders(asset="mh-2")] == ["cancelled", "dispatched"]
    assert not town.faults()


def test_one_asset_is_split_off_with_an_order_and_a_clock_of_its_own(town: Town) -> None:
    for n in range(1, 5):
        town.raised(f"sl-{n}", "SL-OUT")
    town.cycle()
    (group,) = town.orders()
    assert group["children"] == 4
    town.cycle(minutes=30)
    done = split_off(town, str(group["case_id"]), "sl-2")
    (own,) = done.orders
    assert (own.asset, own.dispatched_at) == ("sl-2", town.now)
    assert len(done.cases) == 1
    assert town.order(group["id"])["children"] == 3
    town.cycle()
    assert not town.faults()
    # it is on its own now: said again, it stays there
    assert {str(row["case_id"]) for row in town.alerts(asset="sl-2")} == {done.cases[0]}


def test_what_was_split_can_be_merged_again(town: Town) -> None:
    for n in range(1, 4):
        town.raised(f"sl-{n}", "SL-OUT")
    town.cycle()
    (group,) = town.orders()
    for _ in range(2):
        town.cycle(minutes=1)
        done = split_off(town, str(group["case_id"]), "sl-2")
        town.cycle(minutes=1)
        merged(town, str(group["case_id"]), *done.cases)
    assert town.order(group["id"])["children"] == 3
    assert not town.faults()


@pytest.mark.parametrize(
    ("assets", "words"),
    [((), "name those"), (("mh-1",), "no fault in this case"), (("sl-1", "sl-2", "sl-3"), "nothing would be left")],
)
def test_a_split_that_makes_no_sense_says_why_and_changes_nothing(town: Town, assets: tuple[str, ...], words: str) -> None:
    for n in range(1, 4):
        town.raised(f"sl-{n}", "SL-OUT")
    town.cycle()
    (group,) = town.orders()
    with pytest.raises(InputError, match=words):
        split_off(town, str(group["case_id"]), *assets)
    assert len(town.orders()) == 1


def test_a_merge_that_makes_no_sense_says_why_and_changes_nothing(town: Town) -> None:
    rocks, gone = two_covers(town)
    for others, more, words in (
        ((), {}, "one or more others"),
        ((rocks,), {}, "one or more others"),
        ((gone,), {"reason": " "}, "reason"),
        ((gone,), {"actor": ""}, "actor"),
    ):
        with pytest.raises(InputError, match=words):
            merged(town, rocks, *others, **more)
    with pytest.raises(NotFound):
        merged(town, rocks, "00000000-0000-0000-0000-000000000000")
    town.raised("dr-1", "DR-HIGH")
    (info,) = town.cases(asset="dr-1")
    with pytest.raises(InputError, match="without one"):
        merged(town, str(info["id"]), gone)
    merged(town, rocks, gone)
    with pytest.raises(StateError, match="closed"):
        merged(town, rocks, gone)
    assert [row["state"] for row in town.orders()] == ["dispatched", "cancelled"]
