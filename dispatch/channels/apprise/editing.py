"""Messages that are written over in place: Telegram's editMessageText and Slack's chat.update.

A handle is `chat/message`, as the service named them when the message was sent.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any
from urllib.parse import unquote

import httpx

from citybrain.kernel.contacts import scheme_of
from dispatch.channels.apprise.verdicts import complaint
from dispatch.channels.base import Answer, answer_of

TELEGRAM, SLACK = "https://api.telegram.org", "https://slack.com/api/chat.update"

_BOT = re.compile(r"tgram://(?:bot)?(\d+:[A-Za-z0-9_\-]+)/", re.I)
_XOXB = re.compile(r"slack://(?:[^/@]+@)?(xox[bp]-[A-Za-z0-9\-]+)(?:/|$)", re.I)


def handle_in(scheme: str, body: Any) -> str | None:
    """The handle in a service's answer to a new message; None when it cannot be edited."""
    if not isinstance(body, dict):
        return None
    if scheme == "tgram" and isinstance(result := body.get("result"), dict) and isinstance(chat := result.get("chat"), dict):
        return f"{chat.get('id')}/{result.get('message_id')}"
    if scheme == "slack" and body.get("ok") is True and "ts" in body and "channel" in body:
        return f"{body['channel']}/{body['ts']}"
    return None


def edit(client: httpx.Client, target: str, handle: str, body: str, key: str, reroute: Callable[[str], str]) -> Answer | None:
    """Write over a message; None when that is not possible and a new one must be sent (it is gone, or too old).

    Raises httpx.HTTPError for what the network does.
    """
    scheme, (chat, _, number) = scheme_of(target), handle.rpartition("/")
    headers = {"Idempotency-Key": key}
    if scheme == "tgram" and (bot := _BOT.match(target)):
        fields: dict[str, Any] = {"chat_id": chat, "message_id": int(number), "text": body}
        url = f"{TELEGRAM}/bot{bot[1]}/editMessageText"
    elif scheme == "slack" and (token := _XOXB.match(unquote(target))):
        fields, url = {"channel": chat, "ts": number, "text": body}, SLACK
        headers["Authorization"] = f"Bearer {token[1]}"
    else:
        return None
    response = client.post(reroute(url), json=fields, headers=headers)
    answer = answer_of(response.status_code)
    said = _json(response)
    if scheme == "tgram" and response.status_code == 400:
        same = isinstance(said, dict) and "not modified" in str(said.get("description", ""))
        return Answer("ok", "edited", "HTTP 400 not modified", handle) if same else None
    if answer.outcome != "ok":
        return answer if answer.outcome == "retry" else None
    refused = complaint(scheme, said)
    if refused is not None:
        return refused if refused.outcome == "retry" else None
    return Answer("ok", "edited", answer.detail, handle)


def _json(response: httpx.Response) -> Any:
    try:
        return response.json()
    except ValueError:
        return None
