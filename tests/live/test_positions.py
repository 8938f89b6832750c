"""Where consumers stand, on a real PostgreSQL: two that believe to have one partition, and logs that began anew."""

from __future__ import annotations

import threading

import pytest

from citybrain.kernel.errors import CityBrainError, UnavailableError
from citybrain.store.db import Database
from citybrain.store.link import Link, waited_in_vain
from citybrain.store.positions import end_holders, hold_positions, positions, restart_position, save_positions

pytestmark = pytest.mark.live


def test_an_older_position_never_overwrites_a_newer_one(db: Database) -> None:
    with db.transaction() as tx:
        assert save_positions(tx, "archive", "readings", {0: 5, 3: 7}) == 2
        assert save_positions(tx, "archive", "readings", {0: 4, 3: 8}) == 1
        assert save_positions(tx, "archive", "readings", {}) == 0
        assert save_positions(tx, "dispatch", "alerts", {0: 1}) == 1
        assert positions(tx, "archive", "readings") == {0: 5, 3: 8}
        assert positions(tx, "archive", "other.readings") == {}


@pytest.mark.parametrize("begun", [True, False])
def test_the_second_of_two_learns_what_the_first_has_done(db: Database, begun: bool) -> None:
    if begun:
        with db.transaction() as tx:
            save_positions(tx, "archive", "readings", {1: 3, 2: 3})
    found: list[dict[int, int]] = []
    waits = threading.Event()

    def second() -> None:
        with db.transaction() as tx:
            waits.set()
            found.append(hold_positions(tx, "archive", "readings", [2, 1]))

    with db.transaction() as tx:
        assert hold_positions(tx, "archive", "readings", [1, 2]) == ({1: 3, 2: 3} if begun else {1: 0, 2: 0})
        other = threading.Thread(target=second)
        other.start()
        waits.wait(5)
        other.join(0.3)
        assert other.is_alive()
        save_positions(tx, "archive", "readings", {1: 10, 2: 20})
    other.join(5)
    assert found == [{1: 10, 2: 20}]


def test_a_position_behind_the_end_of_the_log_goes_back_only_while_it_is_so(db: Database) -> None:
    with db.transaction() as tx:
        save_positions(tx, "archive", "readings", {1: 900})
        assert not restart_position(tx, "archive", "readings", 1, stale=800, next_offset=0)
        assert restart_position(tx, "archive", "readings", 1, stale=900, next_offset=4)
        assert positions(tx, "archive", "readings") == {1: 4}


def test_who_holds_positions_and_hangs_is_ended_and_what_it_began_is_undone(db: Database, db_url: str) -> None:
    zombie, heir = Link(db_url, "zombie"), Link(db_url, "heir")
    with pytest.raises(UnavailableError), zombie.transaction() as hanging:  # noqa: PT012 - it is in the middle that it ends
        hold_positions(hanging, "archive", "readings", [1])
        save_positions(hanging, "archive", "readings", {1: 99})
        with pytest.raises(CityBrainError) as found, heir.transaction() as tx:
            hold_positions(tx, "archive", "readings", [1])
        assert waited_in_vain(found.value)
        with heir.transaction() as tx:
            assert end_holders(tx, "archive", "other", [1]) == 0
            assert end_holders(tx, "archive", "readings", [1, 2]) == 1
        with heir.transaction() as tx:
            assert hold_positions(tx, "archive", "readings", [1]) == {1: 0}
            save_positions(tx, "archive", "readings", {1: 7})
        save_positions(hanging, "archive", "readings", {1: 100})
    with zombie.transaction() as tx:
        assert positions(tx, "archive", "readings") == {1: 7}
    zombie.close()
    heir.close()
