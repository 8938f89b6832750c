"""What a channel is: it is given a message and answers what came of it. Reasons are a closed set."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Literal, NamedTuple, Protocol

from citybrain.kernel import contacts

Outcome = Literal["ok", "retry", "fail"]
OUTCOMES = ("ok", "retry", "fail", "dropped", "held", "bundled")
"""What came of notices, for counting: the answers of a channel (one for each message), that a notice had become pointless
before it was sent, had to wait, or went in the message of another."""

REASONS: Mapping[str, str] = {
    "sent": "the target took it",
    "timeout": "the target did not answer in time",
    "unreachable": "no connection to the target",
    "server_error": "the target says that it has a fault at the moment",
    "throttled": "the target asks to be left alone for a while",
    "not_authorised": "the target does not accept our name and password",
    "refused": "the target does not want this message",
    "bad_target": "the contact is not one that this channel can reach",
    "not_configured": "a setting that the channel needs is missing",
    "internal_error": "the channel itself failed",
    "state_changed": "the order moved on before it was sent",
    "unit_changed": "the order went to another unit before it was sent",
    "made_safe": "the place had been made safe before it was sent",
    "clock_stopped": "the clock was stopped before it was sent",
    "superseded": "a later notice about the order says more",
    "gave_up": "tried too often",
    "bundled": "sent together with others in one message",
    "edited": "written over the message before, in place",
    "muted": "a silence covers the case: waits for its end",
    "held_quiet": "the person's quiet hours: waits for their end",
    "held_allowance": "the person has had as many messages as one may have: waits for the next turn",
    "held_bundle": "the person has just had a message: waits a moment, and goes with what else comes",
}
"""Why a notice was sent, is tried again, or was given up."""


class Message(NamedTuple):
    """A notice, ready to be sent. `id` is the idempotency key: a message that comes twice has the same one."""

    id: str
    purpose: str
    target: str
    subject: str
    text: str
    data: Mapping[str, Any]
    """The facts, for programs: JSON values."""
    created_at: datetime
    """City time."""
    sent_at: datetime
    """Machine time of this attempt."""
    replaces: str | None = None
    """The handle of the message before about the same matter, which this one may be written over."""
    language: str = "en"
    """Of the texts."""
    links: tuple[str, ...] = ()
    """Lines with links, for channels that do not show all of the text."""


class Answer(NamedTuple):
    """What came of an attempt. `detail` never holds a secret: status codes and names of errors only."""

    outcome: Outcome
    reason: str
    detail: str = ""
    handle: str | None = None
    """What the service calls the message, where it can be edited later."""


class Channel(Protocol):
    """A way to reach people or programs."""

    name: str

    def send(self, message: Message) -> Answer:
        """Try once, within a few seconds. Never raises for what a target or a network may do."""
        ...

    def close(self) -> None:
        """Let go of connections."""
        ...


_RETRY = {408: "timeout", 425: "throttled", 429: "throttled"}
_REFUSED = {401: "not_authorised", 403: "not_authorised", 407: "not_authorised"}


def answer_of(status: int) -> Answer:
    """What an HTTP status says: 2xx is ok; 408, 425, 429 and 5xx are tried again; the rest is final."""
    detail = f"HTTP {status}"
    if 200 <= status < 300:
        return Answer("ok", "sent", detail)
    if status in _RETRY:
        return Answer("retry", _RETRY[status], detail)
    if status >= 500:
        return Answer("retry", "server_error", detail)
    return Answer("fail", _REFUSED.get(status, "refused"), detail)


_CONTROL = re.compile(r"[\x00-\x1f\x7f]+")


def one_line(value: str) -> str:
    """A text without line ends and control characters: names come from registers and devices."""
    return _CONTROL.sub(" ", value).strip()


def safe_target(target: str) -> str:
    """A contact for logs: without what may be a key."""
    return contacts.safe(target)
