"""People are told, and not flooded: bundles, allowances, quiet hours, edits in place, and the ledger of deliveries."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from citybrain.kernel.ids import derived_id
from citybrain.store import outbox
from citybrain.store.db import Database, Row
from dispatch.channel_rules import load_channel_rules
from dispatch.channels import Answer, Channels, Message
from dispatch.cycle.claiming import take
from dispatch.links import Links, read
from tests.dispatch_kit import NOON, Recorder, Town

pytestmark = pytest.mark.live

SMS = f"twilio://AC{'0' * 32}:{'f' * 32}@+15551230000/+15551234567"
CHAT = "tgram://123456789:abcdefg_hijklmnop/-1001234"
KEY = b"a key for the tests of channels"


class Phone(Recorder):
    """Chat and SMS: it names each message, so that it can be edited."""

    name = "apprise"

    def send(self, message: Message) -> Answer:
        answer = super().send(message)
        if answer.outcome != "ok":
            return answer
        return Answer("ok", "edited" if message.replaces else "sent", "HTTP 200", message.replaces or f"chat/{len(self.sent)}")


@pytest.fixture
def town(db: Database) -> Town:
    one = Town(db)
    one.mail = Phone()
    one.channels = Channels([one.mail, Recorder()])
    with db.transaction() as tx:
        tx.conn.execute("INSERT INTO people (id, name, timezone, language) VALUES ('li', 'Li', 'Asia/Shanghai', 'zh')")
        tx.conn.execute("INSERT INTO people (id, name, timezone) VALUES ('wang', 'Wang', 'Asia/Shanghai')")
    return one


def order_of(town: Town, asset: str = "mh-1", condition: str = "MH-ROCK") -> str:
    (opened,) = town.raised(asset, condition)
    town.cycle()
    return opened.order_id


def notices(
    town: Town, order: str, numbers: Sequence[int], *, target: str = SMS, person: str | None = "li", purpose: str = "closed",
    state: str = "dispatched",
) -> list[str]:  # fmt: skip
    """Notices about one order, each different by its number."""
    rows: list[dict[str, Any]] = [
        {
            "id": derived_id("test notice", target, purpose, str(person), str(number)), "channel": "apprise", "target": target,
            "purpose": purpose, "order_id": order, "order_state": state,
            "body": {"unit": "drainage", "title_zh": f"第{number}条"}, "created_at": town.now, "person": person,
        }
        for number in numbers
    ]  # fmt: skip
    with town.db.transaction() as tx:
        outbox.add(tx, rows)
    return [row["id"] for row in rows]


def told(town: Town, **about: Any) -> list[Row]:
    with town.db.transaction() as tx:
        return outbox.told(tx, limit=10_000, **about)


def test_a_thousand_notices_to_one_person_are_two_messages(town: Town) -> None:
    order = order_of(town)
    ids = notices(town, order, range(1000))
    began = time.monotonic()
    town.cycle()
    took = time.monotonic() - began
    assert len(town.mail.sent) == 1, "the first at once"
    for _ in range(3):
        town.cycle(minutes=1)
    assert [len(message.data.get("notices", [0])) for message in town.mail.sent] == [1, 500, 499], "messages of 500 at most"
    assert town.mail.sent[1].subject.startswith("500 条通知"), "in the language of the person"
    assert "另有 480 条" in town.mail.sent[1].text
    lines = told(town, person="li")
    assert Counter(row["notice"] for row in lines if row["outcome"] == "sent") == Counter(map(UUID, ids)), "each once"
    ways = Counter((row["outcome"], row["reason"]) for row in lines)
    assert (ways["sent", "sent"], ways["sent", "bundled"]) == (3, 997)
    assert {reason for _, reason in ways} == {"held_bundle", "sent", "bundled"}
    assert {row["notice"] for row in lines if row["outcome"] == "held"} == {UUID(one) for one in ids} - {
        next(row["notice"] for row in lines if row["outcome"] == "sent")
    }, "everybody who waited has a line that says why"
    print(f"1,000 notices to one person: {len(town.mail.sent)} messages, the first cycle took {took:.2f} s")


def test_the_allowance_is_that_of_the_person_not_of_the_number(town: Town) -> None:
    order = order_of(town)
    for number in range(40):
        notices(town, order, [number], target=SMS if number % 2 else SMS.replace("4567", "7654"))
        town.cycle(minutes=2)
    town.cycle(hours=3)
    at = [row["at"] for row in told(town, person="li", outcome="sent") if row["reason"] == "sent"]
    assert len(at) == len(town.mail.sent)
    for most, minutes in ((5, 15), (11, 60), (21, 180)):
        for first in at:
            assert sum(first <= one < first + timedelta(minutes=minutes) for one in at) <= most, (most, minutes)
    carried = [one.data.get("notices") or [one] for one in town.mail.sent]
    assert sum(map(len, carried)) == 40, "nothing is lost"
    assert "held_allowance" in {row["reason"] for row in told(town, person="li", outcome="held")}


def test_people_are_counted_apart_and_units_by_their_contact(town: Town) -> None:
    order = order_of(town)
    for person in ("li", "wang", None):
        notices(town, order, [1, 2], person=person)
    town.cycle()
    assert len(town.mail.sent) == 3, "each the first at once"
    town.cycle(minutes=1)
    assert len(town.mail.sent) == 6


def test_quiet_hours_keep_what_is_not_critical_until_the_morning(town: Town, tmp_path: Path) -> None:
    file = tmp_path / "channels.yml"
    file.write_text("quiet_hours: {everybody: '22:00-07:00', people: {wang: none}}", encoding="utf-8")
    town.books = replace(town.books, channels=load_channel_rules(file))
    minor, grave = order_of(town, "mh-1", "MH-ROCK"), order_of(town, "mh-2", "MH-OPEN")
    gone = order_of(town, "pit-1", "MH-ROCK")
    town.cycle(hours=11)  # 23:00
    for order, number in ((minor, 1), (grave, 2)):
        notices(town, order, [number], purpose="overdue")
    notices(town, minor, [4], person="wang", purpose="overdue")
    notices(town, gone, [3], purpose="overdue")
    town.cycle()
    assert sorted(str(one.data["severity"]) for one in town.mail.sent) == ["critical", "minor"], "wang has no quiet hours"
    town.act(gone, "cancel", reason="filmed a concert there")
    morning = datetime(2026, 6, 12, 23, 0, tzinfo=NOON.tzinfo)  # 7:00 in Shanghai
    town.cycle(seconds=(morning - town.now).total_seconds() - 60)
    assert len(town.mail.sent) == 2
    town.cycle(minutes=1)
    assert len(town.mail.sent) == 3, "in the morning, if it is still true"
    lines = [(row["outcome"], row["reason"]) for row in told(town, order_id=gone) if row["person"] == "li"]
    assert lines == [("held", "held_quiet"), ("dropped", "state_changed")]


def test_news_is_written_over_the_message_before_and_a_call_is_a_new_one(town: Town) -> None:
    order = order_of(town)
    notices(town, order, [1], target=CHAT, purpose="dispatched")
    town.cycle()
    notices(town, order, [2], target=CHAT, purpose="overdue")
    town.cycle(minutes=5)
    notices(town, order, [3], target=CHAT, purpose="closed")
    town.cycle()
    notices(town, order, [4], target=CHAT, purpose="cancelled")
    town.cycle()
    assert [(one.purpose, one.replaces) for one in town.mail.sent] == [
        ("dispatched", None), ("overdue", None), ("closed", "chat/2"), ("cancelled", "chat/2"),
    ]  # fmt: skip
    assert [row["reason"] for row in told(town, order_id=order) if row["person"] == "li"] == [
        "sent",
        "sent",
        "edited",
        "edited",
    ]


def test_what_the_target_does_not_take_disturbs_nobody_and_comes_again_as_it_was(town: Town) -> None:
    order = order_of(town)
    notices(town, order, [1])
    town.mail.answers[SMS] = Answer("retry", "server_error", "HTTP 503")
    town.cycle()
    town.mail.answers.clear()
    town.cycle(seconds=30)
    assert [one.id for one in town.mail.sent] == [town.mail.sent[0].id] * 2, "the same key"
    notices(town, order, [2, 3])
    town.mail.answers[SMS] = Answer("retry", "server_error", "HTTP 503")
    town.cycle(minutes=1)
    town.mail.answers.clear()
    town.cycle(minutes=2)
    town.cycle(minutes=1)
    lines = told(town, person="li")
    sent = Counter(row["notice"] for row in lines if row["outcome"] == "sent")
    assert len(sent) == 3
    assert set(sent.values()) == {1}
    assert {row["outcome"] for row in lines} == {"retry", "sent", "held"}


def test_a_bundle_that_died_on_the_way_comes_again_with_the_same_key(town: Town) -> None:
    order = order_of(town)
    notices(town, order, range(4))
    town.cycle()
    town.now += timedelta(minutes=1)
    town.machine_now += timedelta(minutes=1)

    # a process claims, sends, and dies before it writes that down
    with town.db.transaction() as tx:
        turn = take(tx, town.books.channels, SMS, now=town.now, machine_now=town.machine_now)
    assert turn is not None
    assert len(turn.notices) == 3
    town.cycle(seconds=30)
    assert len(town.mail.sent) == 1, "leased"
    town.cycle(minutes=3)
    (bundle,) = town.mail.sent[1:]
    assert bundle.id == derived_id("bundle", str(turn.lead["id"]))
    assert len(bundle.data["notices"]) == 3


def test_notices_carry_links_for_what_may_be_done(town: Town) -> None:
    town.channels = Channels([town.mail], links=Links(KEY, "https://city.example", timedelta(hours=24)))
    order = order_of(town)
    notices(town, order, [1], purpose="dispatched")
    town.cycle()
    (message,) = town.mail.sent
    assert "签收：https://city.example/l/" in message.text
    claim = read(KEY, message.data["links"]["fix"].removeprefix("https://city.example/l/"))
    assert claim is not None
    assert (claim.order_id, claim.person) == (order, "li")


def test_the_rest_of_a_bundle_goes_out_when_its_first_notice_was_taken_back(town: Town) -> None:
    order = order_of(town)
    ids = notices(town, order, range(4))
    town.cycle()
    town.now += timedelta(minutes=1)
    town.machine_now += timedelta(minutes=1)
    with town.db.transaction() as tx:
        turn = take(tx, town.books.channels, SMS, now=town.now, machine_now=town.machine_now)
        assert turn is not None
        # its process dies; then somebody takes the notice back
        outbox.finish(tx, turn.lead["id"], "dropped", reason="superseded", at=town.now)
    town.cycle(minutes=3)
    town.cycle(minutes=1)
    sent = {row["notice"] for row in told(town, person="li", outcome="sent")}
    assert sent == {UUID(one) for one in ids} - {turn.lead["id"]}
