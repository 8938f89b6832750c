"""Chat and SMS services as a local server sees them: the real requests of each, sent elsewhere."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from urllib.parse import parse_qs, quote, unquote, urlsplit

import orjson
import pytest

from citybrain.kernel.contacts import PRESETS, fault, safe
from citybrain.text import LANGUAGES
from dispatch.channels import REASONS, Answer, Message
from dispatch.channels.apprise import AppriseChannel
from tests.contracts.hook import Hook, Posted
from tests.contracts.test_channels import message

pytestmark = pytest.mark.live

KEY = "t0kent0kent0kent0kent0kent0ken00"
CONTACTS = {
    "feishu": f"feishu://{KEY}",
    "lark": f"lark://{KEY}-0000-0000-0000-000000000000",
    "dingtalk": f"dingtalk://pa55word@{KEY}",
    "wecombot": "wecombot://t0ken000-1111-2222-3333-444455556666",
    "slack": "slack://T1JJ3T3L2/A1BRTD4JD/TIiajkdnlazkcOXrIdevi7FQ/#works",
    "workflows": f"workflows://prod.example.com:443/{KEY}/{KEY}",
    "tgram": "tgram://123456789:abcdefg_hijklmnopt0ken/-1001234",
    "gchat": f"gchat://AAAAspace/{KEY}/t0ken",
    "ntfy": "ntfy://user:pa55word@push.example/t0ken",
    "ntfys": "ntfys://user:pa55word@push.example/t0ken",
    "gotify": "gotify://push.example/t0kent0kent0ken",
    "gotifys": "gotifys://push.example/t0kent0kent0ken",
    "mmost": "mmost://chat.example/3ccdd113474722377935511fc85d3dd4",
    "mmosts": "mmosts://chat.example/3ccdd113474722377935511fc85d3dd4",
    "discord": f"discord://4174216298/{KEY}{KEY}",
    "twilio": f"twilio://AC{'0' * 32}:{KEY}@+15551230000/+15551234567",
    "vonage": "vonage://a1b2c3d4:t0kent0kent0ken0@15551230000/15551234567",
    "seven": f"seven://{KEY}/15551234567",
    "sinch": f"sinch://{'deadbeef' * 4}:{'deadbeef' * 4}@15551230000/15551234567",
    "msgbird": f"msgbird://{'t0ken' * 5}/15551230000/15551234567",
    "clicksend": f"clicksend://user:{KEY}@15551234567",
}
SLACK_BOT = "slack://xoxb-1234-1234-t0ken/#works"


@pytest.fixture
def hook() -> Iterator[Hook]:
    server = Hook()
    server.status = 200
    yield server
    server.stop()


@pytest.fixture
def channel(hook: Hook) -> Iterator[AppriseChannel]:
    """Every request goes to the hook, the address that was meant in its path."""
    one = AppriseChannel(timeout_s=2, reroute=elsewhere(hook.port))
    yield one
    one.close()


def elsewhere(port: int) -> Callable[[str], str]:
    return lambda url: f"http://127.0.0.1:{port}/{quote(url, safe='')}"


def meant(post: Posted) -> str:
    """The address that a request was for."""
    return unquote(post.path[1:])


def words(post: Posted) -> str:
    """All that a request says, whatever its form."""
    if "urlencoded" in (post.headers["Content-Type"] or ""):
        return " ".join(value for values in parse_qs(post.body.decode()).values() for value in values)
    try:
        return orjson.dumps(orjson.loads(post.body)).decode()
    except orjson.JSONDecodeError:
        return post.body.decode()


def test_every_preset_is_tried() -> None:
    assert CONTACTS.keys() == PRESETS.keys()


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("scheme", PRESETS)
def test_a_notice_arrives_in_both_languages(scheme: str, language: str, hook: Hook, channel: AppriseChannel) -> None:
    assert fault(CONTACTS[scheme]) is None
    hook.answer = b"ok" if scheme == "slack" else b"{}"
    sent = message(CONTACTS[scheme])._replace(language=language, links=("Ack: https://city.example/l/abc",))
    sent = sent._replace(text=f"{sent.text}\nAck: https://city.example/l/abc")
    answer = channel.send(sent)
    assert answer[:2] == ("ok", "sent"), answer
    (post,) = hook.posts
    assert "Order 17: cover open Bcc: everybody@example.org" in words(post).replace("\\n", " "), words(post)
    assert "https://city.example/l/abc" in words(post)
    assert post.headers["Idempotency-Key"] == sent.id


@pytest.mark.parametrize("scheme", PRESETS)
def test_what_statuses_mean_is_the_same_for_all(scheme: str, hook: Hook, channel: AppriseChannel) -> None:
    for status, outcome, reason in ((503, "retry", "server_error"), (429, "retry", "throttled"), (400, "fail", "refused"),
                                    (401, "fail", "not_authorised"), (302, "fail", "refused")):  # fmt: skip
        hook.status = status
        assert channel.send(message(CONTACTS[scheme])) == Answer(outcome, reason, f"HTTP {status}")  # type: ignore[arg-type]
    assert len(hook.posts) == 5 + (scheme == "discord"), (
        "nothing is repeated (but by Discord's plugin), no redirect is followed"
    )


@pytest.mark.parametrize("scheme", PRESETS)
def test_keys_are_neither_answered_nor_logged(
    scheme: str, hook: Hook, channel: AppriseChannel, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    hook.status = 500
    broken = CONTACTS[scheme].replace("://", ":/", 1)
    said = [channel.send(message(CONTACTS[scheme])), channel.send(message(broken)), fault(broken), safe(CONTACTS[scheme])]
    shown = repr(said) + "".join(record.getMessage() for record in caplog.records if not record.name.startswith("urllib3"))
    assert not [secret for secret in ("t0ken", "pa55word", "T1JJ3T3L2", "3ccdd1134", "deadbeef") if secret in shown]
    assert all(answer.reason in REASONS for answer in said if isinstance(answer, Answer))


BODIES: tuple[tuple[str, str, str], ...] = (
    ("feishu", "https://open.feishu.cn/open-apis/bot/v2/hook/", '"msg_type":"text"'),
    ("dingtalk", "https://oapi.dingtalk.com/robot/send?access_token=", '"msgtype":'),
    ("wecombot", "https://qyapi.weixin.qq.com/cgi-bin/webhook/send?key=", '"msgtype":'),
    ("slack", "https://hooks.slack.com/services/T1JJ3T3L2/", '"text":'),
    ("tgram", "https://api.telegram.org/bot123456789:", '"chat_id":'),
    ("gchat", "https://chat.googleapis.com/v1/spaces/AAAAspace/messages", '"text":'),
    ("workflows", "https://prod.example.com", "AdaptiveCard"),
)


@pytest.mark.parametrize(("scheme", "address", "part"), BODIES)
def test_requests_are_those_that_the_services_document(
    scheme: str, address: str, part: str, hook: Hook, channel: AppriseChannel
) -> None:
    channel.send(message(CONTACTS[scheme]))
    (post,) = hook.posts
    assert meant(post).startswith(address)
    assert part in words(post)


COMPLAINTS: tuple[tuple[str, bytes, Answer], ...] = (
    ("feishu", b'{"code":0,"msg":"success"}', Answer("ok", "sent", "HTTP 200")),
    ("feishu", b'{"code":11232,"msg":"frequency limited"}', Answer("retry", "throttled", "code 11232")),
    ("feishu", b'{"code":19001,"msg":"token t0ken invalid"}', Answer("retry", "not_authorised", "code 19001")),
    ("feishu", b'{"code":19024,"msg":"Key Words Not Found"}', Answer("fail", "refused", "code 19024")),
    ("dingtalk", b'{"errcode":0,"errmsg":"ok"}', Answer("ok", "sent", "HTTP 200")),
    ("dingtalk", b'{"errcode":130101,"errmsg":"send too fast"}', Answer("retry", "throttled", "code 130101")),
    ("dingtalk", b'{"errcode":310000,"errmsg":"sign not match"}', Answer("retry", "not_authorised", "code 310000")),
    ("wecombot", b'{"errcode":45009,"errmsg":"api freq out of limit"}', Answer("retry", "throttled", "code 45009")),
    ("wecombot", b'{"errcode":93000,"errmsg":"invalid webhook url"}', Answer("retry", "not_authorised", "code 93000")),
    ("vonage", b'{"messages":[{"status":"1"}]}', Answer("retry", "throttled", "code 1")),
    ("vonage", b'{"messages":[{"status":"6"}]}', Answer("fail", "refused", "code 6")),
    ("lark", b"not json", Answer("ok", "sent", "HTTP 200")),
)


@pytest.mark.parametrize(("scheme", "said", "answer"), COMPLAINTS)
def test_errors_that_services_say_with_status_200(
    scheme: str, said: bytes, answer: Answer, hook: Hook, channel: AppriseChannel
) -> None:
    hook.answer = said
    assert channel.send(message(CONTACTS[scheme])) == answer


def test_a_slow_service_is_a_timeout(hook: Hook) -> None:
    hook.slow_s = 1.0
    one = AppriseChannel(timeout_s=0.2, reroute=elsewhere(hook.port))
    assert one.send(message(CONTACTS["feishu"]))[:2] == ("retry", "timeout")
    one.close()


# ------------------------------------------------------------------- editing


def over(target: str, handle: str | None) -> Message:
    return message(target, 2)._replace(purpose="closed", replaces=handle, text="done")


def test_a_message_of_telegram_is_written_over(hook: Hook, channel: AppriseChannel) -> None:
    hook.answer = b'{"ok":true,"result":{"message_id":77,"chat":{"id":-1001234}}}'
    first = channel.send(message(CONTACTS["tgram"]))
    assert first == Answer("ok", "sent", "HTTP 200", "-1001234/77")
    assert channel.send(over(CONTACTS["tgram"], first.handle)) == Answer("ok", "edited", "HTTP 200", "-1001234/77")
    edit = hook.posts[1]
    assert meant(edit) == "https://api.telegram.org/bot123456789:abcdefg_hijklmnopt0ken/editMessageText"
    body = orjson.loads(edit.body)
    assert (body["chat_id"], body["message_id"]) == ("-1001234", 77)
    assert "done" in body["text"]


def test_a_message_of_telegram_that_is_gone_is_sent_anew(hook: Hook, channel: AppriseChannel) -> None:
    class Half:
        def __call__(self, path: str) -> bytes:
            hook.status = 200
            return b'{"ok":true,"result":{"message_id":78,"chat":{"id":-1001234}}}'

    hook.status, hook.answer = 400, Half()
    answer = channel.send(over(CONTACTS["tgram"], "-1001234/77"))
    assert answer == Answer("ok", "sent", "HTTP 200", "-1001234/78")
    assert [meant(post).rsplit("/", 1)[1] for post in hook.posts] == ["editMessageText", "sendMessage"]


def test_the_same_words_again_are_no_fault(hook: Hook, channel: AppriseChannel) -> None:
    hook.status, hook.answer = 400, b'{"ok":false,"description":"Bad Request: message is not modified"}'
    assert channel.send(over(CONTACTS["tgram"], "1/2"))[:2] == ("ok", "edited")
    assert len(hook.posts) == 1


def test_an_edit_that_the_network_breaks_is_tried_again(hook: Hook, channel: AppriseChannel) -> None:
    hook.status = 502
    assert channel.send(over(CONTACTS["tgram"], "1/2")) == Answer("retry", "server_error", "HTTP 502")
    assert len(hook.posts) == 1, "it may have been done: nothing is posted anew"


def test_a_message_of_a_slack_bot_is_written_over(hook: Hook, channel: AppriseChannel) -> None:
    hook.answer = b'{"ok":true,"channel":"C024BE91L","ts":"1503435956.000247","message":{}}'
    first = channel.send(message(SLACK_BOT))
    assert first[:2] == ("ok", "sent"), first
    assert first.handle == "C024BE91L/1503435956.000247"
    assert channel.send(over(SLACK_BOT, first.handle))[:2] == ("ok", "edited")
    edit = hook.posts[-1]
    assert meant(edit) == "https://slack.com/api/chat.update"
    assert edit.headers["Authorization"] == "Bearer xoxb-1234-1234-t0ken"
    assert {key: orjson.loads(edit.body)[key] for key in ("channel", "ts")} == {
        "channel": "C024BE91L",
        "ts": "1503435956.000247",
    }


@pytest.mark.parametrize(
    ("said", "answer"),
    [
        (b'{"ok":false,"error":"ratelimited"}', Answer("retry", "throttled", "Slack ratelimited")),
        (b'{"ok":false,"error":"invalid_auth"}', Answer("retry", "not_authorised", "Slack invalid_auth")),
        (b'{"ok":false,"error":"channel_not_found"}', Answer("fail", "refused", "Slack refuses")),
    ],
)
def test_what_slack_says_to_its_bot(said: bytes, answer: Answer, hook: Hook, channel: AppriseChannel) -> None:
    hook.answer = said
    assert channel.send(message(SLACK_BOT)) == answer


def test_a_service_that_cannot_edit_posts_anew(hook: Hook, channel: AppriseChannel) -> None:
    assert channel.send(over(CONTACTS["feishu"], "something"))[:2] == ("ok", "sent")
    assert urlsplit(meant(hook.posts[0])).hostname == "open.feishu.cn"
