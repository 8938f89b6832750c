"""The ledger on a real database: chains of cases, anchors, and what a check of all of it finds."""

from __future__ import annotations

from uuid import UUID

import psycopg
import pytest

from citybrain.store import ledger as store
from citybrain.store.db import Database
from citybrain.store.migrate import known, migrate
from dispatch import anchors
from dispatch.audit import Auditor, Fault
from dispatch.chain import GENESIS, seal
from dispatch.ledger import append, ended, entry_of
from tests.dispatch_kit import NOON, Town

pytestmark = pytest.mark.live


@pytest.fixture
def town(db: Database) -> Town:
    return Town(db)


def audited(db: Database) -> tuple[Auditor, list[Fault]]:
    with db.transaction() as tx:
        store.still(tx)
        auditor = Auditor([anchors.Anchor(**row) for row in store.anchors(tx)], end=store.anchor_end(tx))
        for row in store.stream(tx):
            auditor.follow(entry_of(row))
        return auditor, auditor.finish(store.ends(tx), store.case_rows(tx), store.order_rows(tx))


def busy(town: Town) -> None:
    """A day with a bit of everything."""
    (first,) = town.raised("mh-1", "MH-OPEN")
    onset = town.now
    town.raised("dr-1", "DR-HIGH")
    for lamp in range(1, 5):
        town.raised(f"sl-{lamp}", "SL-OUT")
    town.cycle(minutes=5)
    town.act(first.order_id, "ack")
    town.cycle(minutes=30)
    town.act(first.order_id, "fix")
    town.resolved("mh-1", "MH-OPEN", onset)
    town.cycle(hours=1)
    (second,) = town.raised("mh-2", "MH-OPEN")
    town.act(second.order_id, "return", reason="not_ours")
    town.cycle(hours=3)
    town.act(second.order_id, "cancel", reason="planned works")
    town.cycle(minutes=1)


def test_the_whole_life_of_cases_is_in_the_ledger_and_checks(town: Town) -> None:
    busy(town)
    auditor, faults = audited(town.db)
    assert faults == []
    told = {case: story.state for case, story in auditor.stories.items()}
    assert told == {str(row["id"]): row["state"] for row in town.cases()}
    by_asset = {story.facts["asset"]: story for story in auditor.stories.values()}
    assert by_asset["mh-1"].outcome == "verified"
    assert by_asset["mh-2"].outcome == "cancelled"
    assert by_asset["sl-1"].outcome == "grouped"
    with town.db.transaction() as tx:
        entries = [entry_of(row) for row in store.entries(tx)]
    (grouped,) = [entry for entry in entries if entry.event == "grouped"]
    assert len(grouped.facts["cases"]) == 2, "one note for all that were taken up"


def test_after_midnight_the_day_is_anchored_once(town: Town) -> None:
    busy(town)
    with town.db.transaction() as tx:
        assert store.anchors(tx) == []
    town.cycle(hours=22)
    town.raised("pit-1", "MH-OPEN")
    town.cycle(hours=1)
    town.cycle(hours=24)
    with town.db.transaction() as tx:
        first, second = [anchors.Anchor(**row) for row in store.anchors(tx)]
    assert (str(first.day), str(second.day)) == ("2026-06-12", "2026-06-13")
    assert (first.from_seq, second.from_seq) == (0, first.to_seq)
    assert second.prev_hash == first.hash
    auditor, faults = audited(town.db)
    assert faults == []
    assert auditor.anchored == first.entries + second.entries > 20
    assert anchors.from_json(anchors.to_json(first)) == first


def test_a_city_from_before_is_taken_over_and_its_old_entries_still_verify(
    postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    case, order, other = (str(UUID(int=n)) for n in (1, 2, 3))
    with psycopg.connect(postgres_url, autocommit=True) as conn:
        conn.execute("DROP DATABASE IF EXISTS ledger_of_old WITH (FORCE)")
        conn.execute("CREATE DATABASE ledger_of_old TEMPLATE template0")
    url = postgres_url.replace("/postgres?", "/ledger_of_old?")
    with Database(url) as db:
        every = known()
        with monkeypatch.context() as patch:
            patch.setattr("citybrain.store.migrate.known", lambda: [one for one in every if one.number <= 8])
            migrate(db)
        with psycopg.connect(url) as conn:
            for name, state in ((case, "open"), (other, "closed")):
                conn.execute(
                    "INSERT INTO cases (id, asset, kind, cause, condition, severity, state, opened_at, closed_at, outcome)"
                    " VALUES (%s, %s, 'manhole', '盖 \"open\"', 'MH-OPEN', 'critical', %s, %s, %s, %s)",
                    (name, name[-4:], state, NOON, *((NOON, "cleared") if state == "closed" else (None, None))),
                )
            conn.execute(
                "INSERT INTO orders (id, case_id, unit, state, filing_item, limit_value, limit_unit, dispatched_at, clock_from,"
                " due_at, reason) VALUES (%s, %s, 'drainage', 'dispatched', 'MH-MISSING', 2, 'urgent_hour', %s, %s, %s, 'x')",
                (order, case, NOON, NOON, NOON),
            )
            words = ("dispatch", "new", "dispatched", "dispatch", "alone", "给排水")
            conn.execute(
                "INSERT INTO order_events (order_id, event, from_state, to_state, actor, reason, detail, at, prev_hash, hash)"
                " VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s)",
                (order, *words, NOON, GENESIS, seal(GENESIS, order, *words, at=NOON)),
            )
        migrate(db)
        auditor, faults = audited(db)
        assert faults == []
        assert {one: (story.entries, story.state) for one, story in auditor.stories.items()} == {
            case: (2, "open"), other: (1, "closed"),
        }  # fmt: skip
        with db.transaction() as tx:
            append(tx, order, "cancel", "dispatched", at=NOON, actor="officer", reason="planned works")
            ended(tx, [case], outcome="cancelled", at=NOON, actor="officer", reason="planned works")
        with psycopg.connect(url) as conn:
            conn.execute("UPDATE orders SET state = 'cancelled', closed_at = %s", (NOON,))
            conn.execute("UPDATE cases SET state = 'closed', closed_at = %s, outcome = 'cancelled' WHERE id = %s", (NOON, case))
        assert audited(db)[1] == []
