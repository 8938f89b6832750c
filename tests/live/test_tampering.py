"""A thousand random changes of single rows: the audit finds every one of them."""

from __future__ import annotations

import random
from collections import Counter

import psycopg
import pytest

from citybrain.store.db import Database
from dispatch.anchors import Anchor, Tree
from dispatch.anchors import made as anchored
from dispatch.chain import GENESIS, Entry, sealed
from dispatch.checking import check_within
from dispatch.ledger import entry_of
from tests.dispatch_kit import Town
from tests.live.tampering import Rows, audit, do, done_in_memory, rows_of, tampering
from tests.live.test_ledger import busy

pytestmark = pytest.mark.live

IN_MEMORY, BY_SQL = 1000, 60


@pytest.fixture
def rows(db: Database) -> Rows:
    """Two days that are anchored, and one that is not."""
    town = Town(db)
    busy(town)
    town.cycle(hours=24)
    (order,) = town.raised("pit-1", "MH-OPEN")
    town.cycle(hours=3)
    town.act(order.order_id, "arrive")
    town.cycle(hours=21)
    (order,) = town.raised("pit-2", "MH-OPEN")
    town.act(order.order_id, "ack")
    town.cycle(minutes=70)
    with db.transaction() as tx:
        return rows_of(tx)


def test_every_one_of_a_thousand_is_found(rows: Rows) -> None:
    assert audit(rows) == []
    assert len(rows["ledger_anchors"]) == 2
    assert rows["order_events"][-1]["seq"] > rows["ledger_anchors"][-1]["to_seq"], "a part is newer than the last anchor"
    kinds: Counter[str] = Counter()
    unseen = []
    for seed in range(IN_MEMORY):
        one = tampering(rows, random.Random(seed))
        kinds[one.what.split(":")[0]] += 1
        if not audit(done_in_memory(rows, one)):
            unseen.append((seed, one.what))
    assert unseen == []
    columns = {f"order_events.{name}" for name in rows["order_events"][0]}
    assert columns <= kinds.keys(), "every column of the ledger had its turn"
    only_a_copy_outside_shows_what_was_written_anew_as_a_whole(rows)


def test_a_sample_of_them_in_the_database_itself(db: Database, rows: Rows) -> None:
    refused = 0
    for seed in range(BY_SQL):
        one = tampering(rows, random.Random(10_000 + seed))
        with db.transaction() as tx:
            before = check_within(tx).entries
            try:
                with tx.conn.transaction():
                    do(tx.conn, one)
            except psycopg.IntegrityError:
                # the schema itself does not take it
                refused += 1
                continue
            assert check_within(tx).faults, one.what
            assert before == len(rows["order_events"])
            tx.conn.rollback()
    assert refused < BY_SQL / 2
    with db.transaction() as tx:
        assert check_within(tx).faults == []


def written_anew(rows: Rows, victim: int) -> Rows:
    """What somebody does who may write everything: one entry says something else, all that follows from it is made to fit."""
    heads: dict[str, Entry] = {}
    entries = []
    for row in rows["order_events"]:
        entry = entry_of(row)
        if entry.seq == victim:
            entry = entry._replace(actor="somebody else")
        before = heads.get(entry.case_id)
        entry = entry._replace(prev_hash=before.hash if before else GENESIS)
        heads[entry.case_id] = entry = entry._replace(hash=sealed(entry))
        entries.append(entry)
    made: list[Anchor] = []
    for row in rows["ledger_anchors"]:
        tree = Tree()
        for entry in entries:
            if row["from_seq"] < entry.seq <= row["to_seq"]:
                tree.add(entry.seq, entry.hash)
        made.append(anchored(made[-1] if made else None, row["day"], row["to_seq"], tree, row["made_at"]))
    return {
        **rows,
        "order_events": [entry._asdict() for entry in entries],
        "ledger_heads": [{**row, "head": heads[str(row["case_id"])].hash} for row in rows["ledger_heads"]],
        "ledger_anchors": [anchor._asdict() for anchor in made],
        "ledger_anchor_end": [{"one": True, "anchors": len(made), "head": made[-1].hash}],
    }


def only_a_copy_outside_shows_what_was_written_anew_as_a_whole(rows: Rows) -> None:
    """By nature nothing inside of a database shows that all of it was made to fit; anchors that were kept outside do. What is
    newer than the last of them has no such witness: counted apart from the thousand, and said in the how-to."""
    kept = [Anchor(**row) for row in rows["ledger_anchors"]]
    old, new = rows["order_events"][3]["seq"], rows["order_events"][-1]["seq"]
    assert audit(written_anew(rows, old)) == []
    assert {fault.reason for fault in audit(written_anew(rows, old), kept)} == {"anchor_differs"}
    assert audit(written_anew(rows, new), kept) == []
