"""Quarantine in a real database, and a retry through a real broker."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from citybrain.cli.quarantine import retry_all
from citybrain.config import Settings
from citybrain.kernel.errors import NotFound
from citybrain.store import quarantine
from citybrain.store.db import Database
from console.present import preview
from ingest.address import Address
from tests.live.test_bridge import Bridge, Broker, connect, take

pytestmark = pytest.mark.live

_NOW = datetime(2026, 3, 2, 11, 21, tzinfo=UTC)


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Broker]:
    server = Broker(tmp_path)
    server.start()
    yield server
    server.kill()


def test_the_same_message_again_only_counts(db: Database) -> None:
    bad = ("city/demo/drain/D-1/telemetry", b"{", "not_json", "unexpected end")
    with db.transaction() as tx:
        quarantine.add(tx, [bad, bad, ("t", b"{", "not_json", "")], _NOW)
    with db.transaction() as tx:
        quarantine.add(tx, [bad], _NOW + timedelta(minutes=5))
    with db.transaction() as tx:
        rows = quarantine.find(tx)
        assert [(row["topic"], row["seen"]) for row in rows] == [(bad[0], 3), ("t", 1)]
        assert (rows[0]["first_at"], rows[0]["last_at"]) == (_NOW, _NOW + timedelta(minutes=5))
        assert quarantine.find(tx, reason="empty") == []
        assert len(quarantine.find(tx, topic="t")) == 1


def test_a_large_payload_is_cut_and_its_size_is_whole(db: Database) -> None:
    large = b"x" * 1_000_000
    other = large[:-1] + b"y"
    with db.transaction() as tx:
        quarantine.add(tx, [("t", large, "too_large", ""), ("t", other, "too_large", "")], _NOW)
        rows = quarantine.find(tx)
        assert [(row["size"], row["kept"]) for row in rows] == [(1_000_000, 65536)] * 2
        shown = quarantine.show(tx, rows[0]["id"])
        assert bytes(shown["payload"]) == large[:65536]
        assert [kept.whole for kept in quarantine.take_for_retry(tx)] == [False, False]


def test_text_that_a_database_cannot_hold(db: Database) -> None:
    with db.transaction() as tx:
        quarantine.add(tx, [("a\x00b", b"\x00\xff", "bad_id", "lone \ud800, nul \x00")], _NOW)
        (row,) = quarantine.find(tx)
        assert row["topic"] == "a\ufffdb"
        assert bytes(quarantine.show(tx, row["id"])["payload"]) == b"\x00\xff"


def test_an_unknown_number(db: Database) -> None:
    with db.transaction() as tx, pytest.raises(NotFound, match="quarantine list"):
        quarantine.show(tx, 99)


def test_prune(db: Database) -> None:
    with db.transaction() as tx:
        quarantine.add(tx, [("t", b"1", "empty", "")], _NOW - timedelta(days=9))
        quarantine.add(tx, [("t", b"2", "empty", "")], _NOW)
        assert quarantine.prune(tx, _NOW - timedelta(days=1)) == 1
        assert len(quarantine.find(tx)) == 1


def test_retry_publishes_whole_messages_under_their_topics(db: Database, broker: Broker) -> None:
    bridges: list[Bridge] = []
    try:
        bridge = connect(bridges, broker)
        with db.transaction() as tx:
            rejected = [(f"city/demo/drain/D-{number}/telemetry", b"%d" % number, "no_profile", "") for number in range(450)]
            rejected.append(("city/demo/drain/BIG/telemetry", b"x" * 70_000, "no_profile", ""))
            rejected.append(("reading/D-1", b"Reading(...)", "rule_error", ""))
            rejected.append(("city/demo/drain/OTHER/telemetry", b"other", "empty", ""))
            quarantine.add(tx, rejected, _NOW)
        address = Address.parse(f"mqtt://127.0.0.1:{broker.port}")
        got: list[bytes] = []
        settings = Settings()
        assert retry_all(db, address, settings, reason="no_profile") == {"published": 450, "cut": 1}
        while len(got) < 450:
            batch = take(bridge, 1)
            assert batch
            got += [item.payload for item in batch]
            bridge.ack([item.token for item in batch])
        assert sorted(map(int, got)) == list(range(450))
        assert retry_all(db, address, settings, reason="rule_error") == {"no_message": 1}
        with db.transaction() as tx:
            outcomes = {row["topic"]: row["outcome"] for row in quarantine.find(tx, limit=1000)}
            assert outcomes["city/demo/drain/D-7/telemetry"] == "published"
            assert outcomes["city/demo/drain/BIG/telemetry"] == "cut"
            assert outcomes["city/demo/drain/OTHER/telemetry"] is None
        with pytest.raises(NotFound):
            retry_all(db, address, settings, id=123_456)
    finally:
        for bridge in bridges:
            bridge.stop(0)


def test_bytes_never_reach_the_terminal_as_they_are() -> None:
    assert preview(b"a\x1b[31m\xff\nb", keep="\n") == "a\\x1b[31m\\xff\nb"
