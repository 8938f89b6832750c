"""Contacts of units and people: URLs whose scheme says how somebody is reached."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple
from urllib.parse import urlsplit


class Preset(NamedTuple):
    """How the contact of a service is written."""

    service: str
    form: str
    """With the parts in capitals that somebody fills in."""
    pattern: str
    """What follows `scheme://`, as a regular expression; what comes after `?` does not count."""
    note: str = ""


_WORD = r"[A-Za-z0-9_\-]+"
_PHONE = r"\+?[0-9]{3,15}"
_HOST = r"(?:[^/@\s]+@)?[A-Za-z0-9.\-]+(?::\d{1,5})?"

PRESETS: Mapping[str, Preset] = MappingProxyType(
    {
        "feishu": Preset("Feishu", "feishu://TOKEN", rf"{_WORD}/?", "the last part of the webhook address of a bot in a group"),
        "lark": Preset("Lark", "lark://TOKEN", rf"{_WORD}/?", "as feishu, outside of China"),
        "dingtalk": Preset(
            "DingTalk", "dingtalk://SECRET@TOKEN", rf"(?:{_WORD}@)?{_WORD}(?:/{_PHONE})*/?",
            "access_token of a robot's webhook; SECRET@ when it signs, /PHONE for each who is called by name",
        ),
        "wecombot": Preset("WeCom", "wecombot://KEY", rf"{_WORD}/?", "key of the webhook of a robot in a group"),
        "slack": Preset(
            "Slack", "slack://TOKEN_A/TOKEN_B/TOKEN_C/#CHANNEL",
            r"(?:[^/@\s]+@)?(?:xox[abp]-[A-Za-z0-9\-]+|[A-Z0-9]+/[A-Z0-9]+/[A-Za-z0-9]+)(?:/[^/\s]+)*/?",
            "an incoming webhook; or a bot, slack://xoxb-TOKEN/#CHANNEL, whose messages are edited in place",
        ),
        "workflows": Preset(
            "Microsoft Teams", "workflows://HOST:443/WORKFLOW/SIGNATURE", rf"{_HOST}/{_WORD}/{_WORD}/?",
            "a workflow 'post to a channel when a webhook request is received'",
        ),
        "tgram": Preset(
            "Telegram", "tgram://BOT_TOKEN/CHAT_ID", r"(?:bot)?[0-9]+:[A-Za-z0-9_\-]+/(?:@?[A-Za-z0-9_]+|-?[0-9]+)/?",
            "messages are edited in place",
        ),
        "gchat": Preset("Google Chat", "gchat://SPACE/KEY/TOKEN", rf"{_WORD}/{_WORD}/[A-Za-z0-9_=%\-]+/?"),
        "ntfy": Preset("ntfy (http)", "ntfy://HOST/TOPIC", rf"{_HOST}/{_WORD}/?", "USER:PASSWORD@HOST when it asks"),
        "ntfys": Preset("ntfy (https)", "ntfys://HOST/TOPIC", rf"{_HOST}/{_WORD}/?"),
        "gotify": Preset("Gotify (http)", "gotify://HOST/TOKEN", rf"{_HOST}(?:/[^/\s]+)*/{_WORD}/?"),
        "gotifys": Preset("Gotify (https)", "gotifys://HOST/TOKEN", rf"{_HOST}(?:/[^/\s]+)*/{_WORD}/?"),
        "mmost": Preset("Mattermost (http)", "mmost://HOST/TOKEN", rf"{_HOST}(?:/[^/\s]+)*/{_WORD}/?"),
        "mmosts": Preset("Mattermost (https)", "mmosts://HOST/TOKEN", rf"{_HOST}(?:/[^/\s]+)*/{_WORD}/?"),
        "discord": Preset("Discord", "discord://WEBHOOK_ID/TOKEN", rf"{_WORD}/{_WORD}/?"),
        "twilio": Preset(
            "Twilio (SMS)", "twilio://ACCOUNT_SID:AUTH_TOKEN@FROM/TO", rf"AC{_WORD}:{_WORD}@{_PHONE}/{_PHONE}/?"
        ),
        "vonage": Preset("Vonage (SMS)", "vonage://KEY:SECRET@FROM/TO", rf"{_WORD}:{_WORD}@[A-Za-z0-9+]+/{_PHONE}/?"),
        "seven": Preset("seven (SMS)", "seven://KEY/TO", rf"{_WORD}/{_PHONE}/?"),
        "sinch": Preset("Sinch (SMS)", "sinch://PLAN:TOKEN@FROM/TO", rf"{_WORD}:{_WORD}@{_PHONE}/{_PHONE}/?"),
        "msgbird": Preset("MessageBird (SMS)", "msgbird://KEY/FROM/TO", rf"{_WORD}/{_PHONE}/{_PHONE}/?"),
        "clicksend": Preset("ClickSend (SMS)", "clicksend://USER:KEY@TO", rf"[^:@/\s]+:{_WORD}@{_PHONE}/?"),
    }
)  # fmt: skip
"""scheme -> how its contact is written; the services of channel `apprise`"""

CHANNELS: Mapping[str, str] = MappingProxyType(
    {
        "log": "log",
        "http": "webhook",
        "https": "webhook",
        "alertmanager+http": "webhook",
        "alertmanager+https": "webhook",
        "mailto": "email",
        **dict.fromkeys(PRESETS, "apprise"),
    }
)
"""scheme of a contact -> channel"""

_MAIL = re.compile(r"[^@\s,;:<>]+@[^@\s,;:<>]+")
_COMMON = ("log", "http", "https", "mailto")


def scheme_of(contact: str) -> str:
    """The scheme of a contact; "" when it has none."""
    scheme, colon, _ = contact.partition(":")
    return scheme.lower() if colon else ""


def fault(contact: str) -> str | None:
    """What is wrong with a contact, and what to write; None when a channel can try it. Shows nothing of a contact that may
    hold a secret."""
    if contact != contact.strip() or any(char.isspace() or not char.isprintable() for char in contact):
        return "a contact has no blanks; several are separated by ;"
    scheme = scheme_of(contact)
    if scheme in PRESETS:
        return _service_fault(scheme, contact)
    try:
        parts = urlsplit(contact)
        host = parts.hostname if parts.port != 0 else None
    except ValueError:
        return "no URL"
    if parts.scheme not in CHANNELS:
        hint = f"; write mailto:{contact}" if _MAIL.fullmatch(contact) else ""
        services = f" or the scheme of a service ({', '.join(PRESETS)})"
        return f"must begin with {', '.join(f'{one}:' for one in _COMMON)}{hint or services}"
    if CHANNELS[parts.scheme] == "webhook" and not host:
        return f"{parts.scheme}:// names no server"
    if CHANNELS[parts.scheme] == "email" and not _MAIL.fullmatch(parts.path):
        return "mailto: needs an address such as mailto:lamps@example.org"
    return None


def _service_fault(scheme: str, contact: str) -> str | None:
    preset = PRESETS[scheme]
    rest = contact[len(scheme) + 1 :]
    if not rest.startswith("//") or not re.fullmatch(preset.pattern, rest[2:].split("?", 1)[0].replace("#", "")):
        note = f" ({preset.note})" if preset.note else ""
        return f"{preset.service} is written {preset.form}{note}"
    return None


_CONTROL = re.compile(r"[\x00-\x1f\x7f]+")


def safe(contact: str) -> str:
    """A contact for logs and lists: without user, password, path and query, which may be keys.

    Where the whole contact may be a key, a few digits of its SHA-256 tell contacts of a service apart.
    """
    scheme = scheme_of(contact)
    if CHANNELS.get(scheme) == "apprise":
        return f"{scheme}://…{hashlib.sha256(contact.encode()).hexdigest()[:6]}"
    try:
        parts = urlsplit(contact)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        return "(not a URL)"
    if CHANNELS.get(scheme) == "webhook":
        return f"{scheme}://{host}{f':{port}' if port else ''}/…"
    return _CONTROL.sub(" ", contact.split("?", 1)[0]).strip()


def quoted(contact: str) -> str:
    """A contact for an error about it, as it was written where it can hold no key; what has `://` is shown by its scheme."""
    scheme = scheme_of(contact)
    if CHANNELS.get(scheme) == "webhook" and (shown := safe(contact)).startswith(scheme):
        return repr(shown)
    return f"'{scheme}://…'" if "://" in contact else repr(contact)
