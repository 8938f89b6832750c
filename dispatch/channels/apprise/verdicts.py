"""PURE. What the services say in answers whose HTTP status is 200 all the same.

Codes as their documentation has them: Feishu "custom bot usage guide", DingTalk "robot error codes", WeCom "global error
codes", Slack "Web API errors", Vonage "SMS API: status codes of messages".
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from dispatch.channels.base import Answer

_FEISHU: Mapping[int, tuple[str, str]] = {
    11232: ("retry", "throttled"),
    19001: ("retry", "not_authorised"),  # the token of the webhook is unknown
    19021: ("retry", "not_authorised"),  # signature, or the clock
    19022: ("retry", "not_authorised"),  # our address is not on the list
}
_DINGTALK: Mapping[int, tuple[str, str]] = {
    -1: ("retry", "server_error"),
    130101: ("retry", "throttled"),
    300001: ("retry", "not_authorised"),
    310000: ("retry", "not_authorised"),  # keyword, signature or address does not match
    400101: ("retry", "not_authorised"),
    400102: ("retry", "not_authorised"),  # the robot was stopped
}
_WECOM: Mapping[int, tuple[str, str]] = {
    -1: ("retry", "server_error"),
    45009: ("retry", "throttled"),
    45033: ("retry", "throttled"),
    93000: ("retry", "not_authorised"),  # the key of the webhook is unknown
}
_VONAGE: Mapping[int, tuple[str, str]] = {
    1: ("retry", "throttled"),
    4: ("retry", "not_authorised"),
    5: ("retry", "server_error"),
    8: ("retry", "not_authorised"),
    9: ("retry", "not_authorised"),  # no credit left
}
_SLACK: Mapping[str, tuple[str, str]] = {
    "ratelimited": ("retry", "throttled"),
    "rate_limited": ("retry", "throttled"),
    "internal_error": ("retry", "server_error"),
    "fatal_error": ("retry", "server_error"),
    "service_unavailable": ("retry", "server_error"),
    "request_timeout": ("retry", "timeout"),
    **dict.fromkeys(
        ("invalid_auth", "not_authed", "token_revoked", "token_expired", "account_inactive", "missing_scope"),
        ("retry", "not_authorised"),
    ),
}


def complaint(scheme: str, body: Any) -> Answer | None:
    """What a service complains of in the JSON of an answer with status 200; None when it took the message."""
    if not isinstance(body, dict):
        return None
    if scheme in {"feishu", "lark"}:
        return _numbered(_FEISHU, body.get("code", body.get("StatusCode", 0)))
    if scheme == "dingtalk":
        return _numbered(_DINGTALK, body.get("errcode", 0))
    if scheme == "wecombot":
        return _numbered(_WECOM, body.get("errcode", 0))
    if scheme == "vonage":
        messages = body.get("messages")
        found = [one.get("status", 0) for one in messages if isinstance(one, dict)] if isinstance(messages, list) else []
        return next((answer for status in found if (answer := _numbered(_VONAGE, status)) is not None), None)
    if scheme == "slack" and body.get("ok") is False:
        said = str(body.get("error", ""))
        outcome, reason = _SLACK.get(said, ("fail", "refused"))
        return _answer(outcome, reason, f"Slack {said}" if said in _SLACK else "Slack refuses")
    return None


def _numbered(codes: Mapping[int, tuple[str, str]], code: Any) -> Answer | None:
    try:
        number = int(code)
    except (TypeError, ValueError):
        return None
    if number == 0:
        return None
    outcome, reason = codes.get(number, ("fail", "refused"))
    return _answer(outcome, reason, f"code {number}")


def _answer(outcome: str, reason: str, detail: str) -> Answer:
    return Answer("retry" if outcome == "retry" else "fail", reason, detail)
