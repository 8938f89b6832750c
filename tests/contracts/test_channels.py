"""What every channel keeps to, on real servers: one suite over all of them."""

from __future__ import annotations

import logging
import socket
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from importlib.resources import files
from pathlib import Path

import orjson
import pytest
import yaml

from citybrain.config import Settings, settings
from citybrain.kernel.contacts import CHANNELS
from citybrain.kernel.errors import ConfigError
from citybrain.kernel.ids import derived_id
from dispatch.channels import OPENERS, REASONS, Answer, Channel, Channels, Message, apprise, email, log, open_channels, webhook
from dispatch.channels.webhook.signature import check
from dispatch.notices import channel_of
from tests.contracts.hook import Hook
from tests.contracts.mailbox import Mailbox
from tests.dispatch_kit import NOON

pytestmark = pytest.mark.live

SECRETS = ("pa55word", "t0ken", "s1gning-key")


def message(target: str, n: int = 1) -> Message:
    return Message(
        id=derived_id("notice", str(n)),
        purpose="dispatched",
        target=target,
        subject="Order 17: cover open\r\nBcc: everybody@example.org",
        text="工单 17\n.\nmore after a dot",
        data={"number": 17, "order": "o", "asset": "mh-1"},
        created_at=NOON,
        sent_at=NOON + timedelta(seconds=1),
    )


def closed_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


@dataclass
class Rig:
    """A channel with a target that works, and what came through."""

    channel: Channel
    good: str
    dead: Channel
    dead_target: str
    bad: str
    hook: Hook
    mailbox: Mailbox

    def came(self) -> list[str]:
        """The idempotency keys of what came through."""
        keys = [post.headers["Idempotency-Key"] for post in self.hook.posts]
        return keys + [str(mail["Message-ID"]).strip("<>").split("@")[0] for mail in self.mailbox.mails]


@pytest.fixture
def hook() -> Iterator[Hook]:
    server = Hook()
    yield server
    server.stop()


@pytest.fixture
def mailbox() -> Iterator[Mailbox]:
    server = Mailbox()
    yield server
    server.stop()


@pytest.fixture(params=OPENERS)
def rig(request: pytest.FixtureRequest, hook: Hook, mailbox: Mailbox) -> Iterator[Rig]:
    gone = closed_port()
    if request.param == "log":
        made = Rig(log.LogChannel(), "log:unit", log.LogChannel(), "log:unit", "log:", hook, mailbox)
    elif request.param == "webhook":
        channel = webhook.WebhookChannel(city="demo", secret="s1gning-key", timeout_s=0.5)
        target = f"http://user:pa55word@127.0.0.1:{hook.port}/hook?key=t0ken"
        made = Rig(channel, target, channel, f"http://u:pa55word@127.0.0.1:{gone}/t0ken", "http://[t0ken", hook, mailbox)
    elif request.param == "apprise":
        hook.status = 200
        channel__ = apprise.AppriseChannel(timeout_s=0.5)
        good, dead_one = f"ntfy://user:pa55word@127.0.0.1:{hook.port}/t0ken", f"ntfy://u:pa55word@127.0.0.1:{gone}/t0ken"
        made = Rig(channel__, good, channel__, dead_one, "ntfy://user:pa55word@127.0.0.1/", hook, mailbox)
    else:
        mailbox.password = "pa55word"
        server = "smtp://city:pa55word@127.0.0.1"
        channel_ = email.EmailChannel(f"{server}:{mailbox.port}", "city@example.org", timeout_s=2)
        dead = email.EmailChannel(f"{server}:{gone}", "city@example.org", timeout_s=2)
        made = Rig(channel_, "mailto:unit@example.org", dead, "mailto:unit@example.org", "mailto:a@b,c@d", hook, mailbox)
    yield made
    made.channel.close()
    made.dead.close()


def known(answer: Answer) -> Answer:
    """Every answer is of the closed set and keeps the secrets."""
    assert answer.reason in REASONS
    assert not [secret for secret in SECRETS if secret in repr(answer)]
    return answer


def test_a_message_arrives_and_its_key_is_the_same_each_time(rig: Rig, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    for _ in range(2):
        assert known(rig.channel.send(message(rig.good)))[:2] == ("ok", "sent")
    if rig.channel.name == "log":
        assert caplog.text.count("Order 17: cover open Bcc: everybody@example.org") == 2
    else:
        assert rig.came() == [message(rig.good).id] * 2


def test_a_server_that_is_not_there_is_tried_again(rig: Rig) -> None:
    answer = known(rig.dead.send(message(rig.dead_target)))
    assert answer[:2] == (("ok", "sent") if rig.channel.name == "log" else ("retry", "unreachable"))


def test_a_contact_that_is_none_is_final(rig: Rig) -> None:
    answer = known(rig.channel.send(message(rig.bad)))
    assert answer[:2] == (("ok", "sent") if rig.channel.name == "log" else ("fail", "bad_target"))


def test_secrets_stay_out_of_the_log(rig: Rig, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG, logger="dispatch")
    with Channels([rig.channel, rig.dead]) as channels:
        for target in (rig.good, rig.dead_target, rig.bad):
            known(channels.send(rig.channel.name, message(target)))
    shown = "\n".join(record.getMessage() for record in caplog.records if record.name.startswith(("dispatch", "citybrain")))
    assert not [secret for secret in SECRETS if secret in shown]


def test_every_channel_has_a_readme_and_a_sample_of_a_unit(rig: Rig) -> None:
    folder = files("dispatch.channels").joinpath(rig.channel.name)
    assert f"# Channel `{rig.channel.name}`" in folder.joinpath("README.md").read_text(encoding="utf-8")
    (unit,) = yaml.safe_load(folder.joinpath("sample.yml").read_text(encoding="utf-8"))["units"]
    assert {channel_of(contact) for contact in unit["contacts"]} == {rig.channel.name}


# ------------------------------------------------------------------ webhook


@pytest.mark.parametrize(
    ("status", "outcome", "reason"),
    [
        (200, "ok", "sent"),
        (202, "ok", "sent"),
        (302, "fail", "refused"),
        (400, "fail", "refused"),
        (401, "fail", "not_authorised"),
        (404, "fail", "refused"),
        (408, "retry", "timeout"),
        (410, "fail", "refused"),
        (429, "retry", "throttled"),
        (500, "retry", "server_error"),
        (503, "retry", "server_error"),
    ],
)
def test_what_a_webhook_makes_of_a_status(hook: Hook, status: int, outcome: str, reason: str) -> None:
    hook.status = status
    channel = webhook.WebhookChannel(city="demo")
    answer = known(channel.send(message(f"http://127.0.0.1:{hook.port}/")))
    channel.close()
    assert answer[:3] == (outcome, reason, f"HTTP {status}")
    assert answer.handle == (message("").id if outcome == "ok" else None), "the event after it names it"
    assert len(hook.posts) == 1, "no redirect is followed, nothing is repeated here"


def test_a_slow_webhook_is_a_timeout(hook: Hook) -> None:
    hook.slow_s = 1.0
    channel = webhook.WebhookChannel(city="demo", timeout_s=0.2)
    assert known(channel.send(message(f"http://127.0.0.1:{hook.port}/")))[:2] == ("retry", "timeout")
    channel.close()


def test_a_webhook_is_a_signed_cloudevent(hook: Hook) -> None:
    channel = webhook.WebhookChannel(city="demo", secret="s1gning-key")
    sent = message(f"http://127.0.0.1:{hook.port}/orders")
    channel.send(sent)
    channel.close()
    (post,) = hook.posts
    event = orjson.loads(post.body)
    assert post.headers["Content-Type"].startswith("application/cloudevents+json")
    assert event | {"data": None} == {
        "specversion": "1.0",
        "id": sent.id,
        "source": "/citybrain/demo",
        "type": "org.citybrain.order.dispatched",
        "subject": "orders/17",
        "time": "2026-06-12T04:00:00+00:00",
        "datacontenttype": "application/json",
        "data": None,
    }
    assert event["data"]["asset"] == "mh-1"
    stamp, signature = post.headers["Citybrain-Timestamp"], post.headers["Citybrain-Signature"]
    assert check("s1gning-key", stamp, post.body, signature, now_s=sent.sent_at.timestamp())
    assert not check("s1gning-key", stamp, post.body + b" ", signature, now_s=sent.sent_at.timestamp())


def test_an_event_names_the_one_before_it(hook: Hook) -> None:
    channel = webhook.WebhookChannel(city="demo")
    first = channel.send(message(f"http://127.0.0.1:{hook.port}/", 1))
    channel.send(message(f"http://127.0.0.1:{hook.port}/", 2)._replace(replaces=first.handle))
    channel.close()
    events = [orjson.loads(post.body) for post in hook.posts]
    assert "replaces" not in events[0]
    assert events[1]["replaces"] == events[0]["id"], "an extension attribute of CloudEvents: small letters only"


def test_links_need_a_key_that_two_services_share(tmp_path: Path) -> None:
    public = {"public_url": "https://city.example", "data_dir": tmp_path}
    with open_channels(settings(**public)) as channels:
        assert channels.links is not None
    with pytest.raises(ConfigError, match="link_secret"):
        open_channels(settings(**public, kafka_url="kafka://localhost:9092"))
    with open_channels(settings(**public, kafka_url="kafka://localhost:9092", link_secret="0123456789abcdef")) as channels:
        assert channels.links is not None
        assert channels.links.key == b"0123456789abcdef"


def test_without_a_secret_nothing_is_signed(hook: Hook) -> None:
    channel = webhook.WebhookChannel(city="demo")
    channel.send(message(f"http://127.0.0.1:{hook.port}/"))
    channel.close()
    assert hook.posts[0].headers["Citybrain-Signature"] is None


# -------------------------------------------------------------------- email


def mail_channel(mailbox: Mailbox, password: str = "pa55word") -> email.EmailChannel:
    return email.EmailChannel(f"smtp://city:{password}@127.0.0.1:{mailbox.port}", "city@example.org", timeout_s=2)


def test_a_mail_is_whole_and_forges_nothing(mailbox: Mailbox) -> None:
    mailbox.password = "pa55word"
    assert mail_channel(mailbox).send(message("mailto:unit@example.org")).outcome == "ok"
    (mail,) = mailbox.mails
    assert (mail["To"], mail["From"]) == ("unit@example.org", "city@example.org")
    assert mail["Subject"] == "Order 17: cover open Bcc: everybody@example.org"
    assert mail["Bcc"] is None
    assert mail.get_content().replace("\r\n", "\n").strip() == "工单 17\n.\nmore after a dot"


@pytest.mark.parametrize(
    ("refusal", "outcome", "reason"),
    [("550 nobody of that name", "fail", "refused"), ("451 try later", "retry", "server_error")],
)
def test_what_a_mail_server_refuses(mailbox: Mailbox, refusal: str, outcome: str, reason: str) -> None:
    mailbox.password, mailbox.refuse = "pa55word", refusal
    answer = known(mail_channel(mailbox).send(message("mailto:unit@example.org")))
    assert answer[:3] == (outcome, reason, f"SMTP {refusal[:3]}")
    assert mailbox.mails == []


def test_a_wrong_password_is_tried_again(mailbox: Mailbox) -> None:
    mailbox.password = "another"
    assert known(mail_channel(mailbox).send(message("mailto:unit@example.org")))[:2] == ("retry", "not_authorised")


@pytest.mark.parametrize(
    "target", ["mailto:", "mailto:nobody", "mailto:a@b%0d%0aRCPT TO:<c@d>", "mailto:a@b,c@d", "mailto:<a@b>"]
)
def test_addresses_that_are_none(mailbox: Mailbox, target: str) -> None:
    assert known(mail_channel(mailbox).send(message(target)))[:2] == ("fail", "bad_target")
    assert mailbox.mails == []


def test_without_a_server_mails_fail_in_the_open() -> None:
    assert email.EmailChannel(None, "city@example.org").send(message("mailto:a@b.example")).reason == "not_configured"


@pytest.mark.parametrize("url", ["pa55word", "http://pa55word@x", "smtp://", "smtp://host:pa55word", "smtp://host:99999"])
def test_a_wrong_server_is_refused_at_the_start_without_its_password(url: str) -> None:
    with pytest.raises(ConfigError, match="smtp_url") as caught:
        email.EmailChannel(url, "city@example.org")
    assert "pa55word" not in str(caught.value)


# ------------------------------------------------------------------ together


def test_all_channels_open_by_the_settings_without_a_network() -> None:
    with open_channels(settings(smtp_url="smtp://127.0.0.1:1", webhook_secret="s1gning-key")) as channels:
        assert set(channels.names) == set(CHANNELS.values()) == set(OPENERS)
        assert channels.send("pigeon", message("pigeon:post"))[:2] == ("fail", "bad_target")
    assert Settings.model_fields["smtp_url"].default is None


def test_a_channel_that_breaks_its_promise_stops_nobody(caplog: pytest.LogCaptureFixture) -> None:
    class Broken:
        name = "log"

        def send(self, message: Message) -> Answer:
            raise RuntimeError("pa55word")

        def close(self) -> None:
            pass

    with Channels([Broken()]) as channels:
        assert channels.send("log", message("log:x")) == Answer("retry", "internal_error", "RuntimeError")
    assert "pa55word" not in caplog.text
