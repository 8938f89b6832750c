"""The webhook in the form of Alertmanager, held against the shape that its documentation gives."""

from __future__ import annotations

from typing import Any

import orjson
import pytest
from jsonschema import Draft202012Validator

from dispatch.channels import Answer, Message, safe_target
from dispatch.channels.webhook import WebhookChannel
from dispatch.channels.webhook.alertmanager import OPEN_END, address
from dispatch.channels.webhook.signature import check
from tests.contracts.hook import Hook
from tests.contracts.test_channels import hook, message

__all__ = ["hook"]
pytestmark = pytest.mark.live

_WORDS = {"type": "object", "additionalProperties": {"type": "string"}}
SHAPE: dict[str, Any] = {
    "type": "object",
    "additionalProperties": False,
    "required": ["version", "groupKey", "truncatedAlerts", "status", "receiver", "groupLabels", "commonLabels",
                 "commonAnnotations", "externalURL", "alerts"],
    "properties": {
        "version": {"const": "4"},
        "groupKey": {"type": "string", "minLength": 1},
        "truncatedAlerts": {"type": "integer", "minimum": 0},
        "status": {"enum": ["firing", "resolved"]},
        "receiver": {"type": "string", "minLength": 1},
        "groupLabels": _WORDS,
        "commonLabels": _WORDS,
        "commonAnnotations": _WORDS,
        "externalURL": {"type": "string"},
        "alerts": {
            "type": "array",
            "minItems": 1,
            "items": {
                "type": "object",
                "additionalProperties": False,
                "required": ["status", "labels", "annotations", "startsAt", "endsAt", "generatorURL", "fingerprint"],
                "properties": {
                    "status": {"enum": ["firing", "resolved"]},
                    "labels": {**_WORDS, "required": ["alertname"]},
                    "annotations": _WORDS,
                    "startsAt": {"type": "string", "format": "date-time"},
                    "endsAt": {"type": "string", "format": "date-time"},
                    "generatorURL": {"type": "string"},
                    "fingerprint": {"type": "string", "pattern": "^[0-9a-f]{16}$"},
                },
            },
        },
    },
}  # fmt: skip
"""prometheus.io/docs/alerting/latest/configuration, <webhook_config>"""

FACTS = {
    "number": 17, "order": "o-17", "asset": "mh-1", "condition": "MH-OPEN", "severity": "critical", "unit": "drainage",
    "state": "dispatched", "purpose": "dispatched", "dispatched_at": "2026-06-12T04:00:00+00:00", "kind": "manhole",
    "due_at": "2026-06-12T06:00:00+00:00", "name": "Pit at No. 1", "reason": "",
}  # fmt: skip


def posted(hook: Hook, sent: Message, **given: Any) -> dict[str, Any]:
    """The body that a receiver gets."""
    channel = WebhookChannel(city="demo", public_url="https://city.example", **given)
    assert channel.send(sent) == Answer("ok", "sent", "HTTP 204", sent.id)
    channel.close()
    body: dict[str, Any] = orjson.loads(hook.posts[-1].body)
    Draft202012Validator(SHAPE, format_checker=Draft202012Validator.FORMAT_CHECKER).validate(body)
    return body


def to(hook: Hook, **facts: Any) -> Message:
    return message(f"alertmanager+http://user:pa55word@127.0.0.1:{hook.port}/hook?key=t0ken")._replace(data=FACTS | facts)


def test_an_order_fires_until_it_is_closed(hook: Hook) -> None:
    firing = posted(hook, to(hook), secret="s1gning-key")
    post = hook.posts[0]
    assert post.path == "/hook?key=t0ken"
    assert post.headers["Content-Type"] == "application/json"
    assert post.headers["Idempotency-Key"] == to(hook).id
    stamp = post.headers["Citybrain-Timestamp"]
    assert check("s1gning-key", stamp, post.body, post.headers["Citybrain-Signature"], now_s=int(stamp))
    assert (firing["status"], firing["receiver"]) == ("firing", "drainage")
    assert firing["groupKey"] == '{}:{city="demo", order="17"}'
    (alert,) = firing["alerts"]
    assert alert["labels"] == {
        "alertname": "MH-OPEN", "asset": "mh-1", "city": "demo", "condition": "MH-OPEN", "kind": "manhole", "order": "17",
        "severity": "critical", "unit": "drainage",
    }  # fmt: skip
    assert (alert["startsAt"], alert["endsAt"]) == ("2026-06-12T04:00:00+00:00", OPEN_END)
    assert alert["generatorURL"] == "https://city.example/api/orders/17"
    assert alert["annotations"]["purpose"] == "dispatched"
    for over in ({"purpose": "closed", "state": "closed"}, {"purpose": "cancelled", "state": "cancelled"}):
        resolved = posted(hook, to(hook, **over))
        assert resolved["status"] == resolved["alerts"][0]["status"] == "resolved"
        assert resolved["groupKey"] == firing["groupKey"]
        assert resolved["alerts"][0]["endsAt"] == "2026-06-12T04:00:00+00:00"
        for same in ("labels", "fingerprint", "startsAt"):
            assert resolved["alerts"][0][same] == alert[same], "a receiver knows that it is the same alert"


def test_several_in_one_message_are_several_alerts(hook: Hook) -> None:
    three = [FACTS | {"number": n, "order": f"o-{n}", "asset": f"mh-{n}"} for n in range(2)]
    three.append(FACTS | {"number": 9, "order": "o-9", "purpose": "closed", "state": "closed"})
    sent = to(hook)._replace(data={"purpose": "bundle", "count": 3, "notices": three}, purpose="bundle")
    body = posted(hook, sent)
    assert [alert["status"] for alert in body["alerts"]] == ["firing", "firing", "resolved"]
    assert body["status"] == "firing"
    assert body["commonLabels"] == {
        "alertname": "MH-OPEN", "city": "demo", "condition": "MH-OPEN", "kind": "manhole", "severity": "critical",
        "unit": "drainage",
    }  # fmt: skip
    assert len({alert["fingerprint"] for alert in body["alerts"]}) == 3


def test_a_notice_without_an_order_has_the_shape_too(hook: Hook) -> None:
    body = posted(hook, to(hook)._replace(data={"purpose": "canary_silent", "unit": ""}, purpose="canary_silent"))
    assert body["alerts"][0]["labels"]["alertname"] == "canary_silent"
    assert body["receiver"] == "citybrain"


def test_only_the_scheme_asks_for_it() -> None:
    assert address("alertmanager+https://h/x?y#z") == "https://h/x?y#z"
    assert address("https://h/x?format=alertmanager") is None
    assert safe_target("alertmanager+https://u:pa55word@h:8443/t0ken") == "alertmanager+https://h:8443/…"
