"""The test message becomes a test order and a test notice, and its silence is told once."""

from __future__ import annotations

from dataclasses import replace
from typing import cast

import pytest

from citybrain.clock import SystemClock, real_ms
from citybrain.config import Settings
from citybrain.kernel import canary
from citybrain.kernel.times import to_ms
from citybrain.metrics import Metrics
from citybrain.runtime.city import City
from citybrain.runtime.cluster.dispatch import Dispatching
from citybrain.store import gauges, outbox, watch
from citybrain.store.db import Database
from citybrain.topics.consumer import Record
from citybrain.topics.producer import Producer
from citybrain.topics.records import Alert, encode_alert
from dispatch.cycle import run_cycle
from dispatch.testorder import take_test
from dispatch.watching import WatchPlan
from tests.dispatch_kit import Town

pytestmark = pytest.mark.live


@pytest.fixture
def town(db: Database) -> Town:
    town = Town(db)
    town.books = replace(town.books, watch=WatchPlan(10, 6, ("log:duty",)))
    return town


def fly(town: Town, ago_s: float = 0.5) -> bool:
    with town.db.transaction() as tx:
        return take_test(tx, to_ms(town.machine_now) - int(1000 * ago_s), now=town.now, machine_now=town.machine_now)


def test_a_test_message_is_told_by_the_machinery_and_counted_nowhere(town: Town) -> None:
    metrics = Metrics(stages=("cycle",))
    for _ in range(3):
        town.cycle(seconds=10)
        assert fly(town)
        assert not fly(town), "the same one again is no news"
        assert not fly(town, ago_s=60), "nor is an older one"
        run_cycle(
            town.db, now=town.now, infos=town.infos, register_of=lambda: town.register, books=town.books,
            channels=town.channels, machine_now=town.machine_now, metrics=metrics,
        )  # fmt: skip
        town.channels.join(10)
    assert town.mail.said() == [("canary", "log:canary")] * 3
    with town.db.transaction() as tx:
        row = watch.state(tx)
        assert row is not None
        assert row["told_at"] is not None
        assert row["came_at"] <= row["told_at"]
        assert gauges.gauges(tx, town.now).outbox == {}
        assert outbox.waiting_targets(tx, town.now, town.machine_now, limit=9) == []
    assert town.orders() == town.cases() == []
    sample = metrics.registry.get_sample_value
    assert sample("citybrain_canary_delay_seconds_count", {"stage": "notice"}) == 3
    assert sample("citybrain_deliveries_total", {"channel": "log", "outcome": "ok"}) is None
    assert sample("citybrain_canary_silent") == 0


def test_silence_is_told_once_and_its_end_too(town: Town) -> None:
    town.cycle()
    fly(town)
    for _ in range(30):
        town.cycle(seconds=5)
    silent = [message for message in town.mail.sent if message.purpose == "canary_silent"]
    assert [message.target for message in silent] == ["log:duty"]
    assert "since 2026-06-12 04:00 UTC" in silent[0].text
    town.mail.sent.clear()
    for _ in range(3):
        town.cycle(seconds=5)
        fly(town)
    town.cycle(seconds=5)
    assert [purpose for purpose, _ in town.mail.said() if purpose != "canary"] == ["canary_back"]
    town.cycle(seconds=30)
    assert [purpose for purpose, _ in town.mail.said() if purpose != "canary"] == ["canary_back"]


def test_without_contacts_the_log_says_so(town: Town, caplog: pytest.LogCaptureFixture) -> None:
    town.books = replace(town.books, watch=WatchPlan(10, 6))
    for _ in range(14):
        town.cycle(seconds=5)
    assert [record.message for record in caplog.records if "watch_contacts" in record.message] == [
        "nobody is told that the test message is silent: set watch_contacts"
    ]


def test_without_test_messages_nobody_is_told(town: Town) -> None:
    town.books = replace(town.books, watch=WatchPlan(0, 6, ("log:duty",)))
    for _ in range(5):
        town.cycle(minutes=5)
    assert town.mail.sent == []


def test_dispatch_of_the_cluster_makes_the_same_test_order(town: Town) -> None:
    sent_ms = real_ms() - 700
    values = [encode_alert(Alert(canary.event(sent_ms - ago, to_ms(town.now)))) for ago in (20_000, 0, 10_000)]
    records = [Record("alerts", 0, offset, sent_ms, b"canary", value, ()) for offset, value in enumerate(values)]
    city = City(Settings(canary_s=10))
    work = Dispatching(city, SystemClock(), Metrics(stages=("dispatch",)), cast(Producer, None), "test")
    for _ in range(2):
        with town.db.transaction() as tx:
            assert work.write(tx, records).told.events == []
    with town.db.transaction() as tx:
        row = watch.state(tx)
        assert row is not None
        assert to_ms(row["sent_at"]) == sent_ms, "the newest counts"
        (notice,) = tx.all("SELECT purpose, state, body FROM outbox")
    assert (notice["purpose"], notice["state"], notice["body"]["sent_ms"]) == ("canary", "waiting", sent_ms)
    assert town.orders() == []
