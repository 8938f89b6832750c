"""The plugins of Apprise that contacts may name. Only the one that is asked for is imported: to load them all, as the library
does by itself, takes seconds and a hundred modules.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from importlib import import_module

from apprise import AppriseAsset, NotifyBase

MODULES: Mapping[str, str] = {
    "feishu": "feishu", "lark": "lark", "dingtalk": "dingtalk", "wecombot": "wecombot", "slack": "slack",
    "workflows": "workflows", "tgram": "telegram", "gchat": "google_chat", "ntfy": "ntfy", "ntfys": "ntfy",
    "gotify": "gotify", "gotifys": "gotify", "mmost": "mattermost", "mmosts": "mattermost", "discord": "discord",
    "twilio": "twilio", "vonage": "vonage", "seven": "seven", "sinch": "sinch", "msgbird": "messagebird",
    "clicksend": "clicksend",
}  # fmt: skip
"""scheme of a contact -> module of the plugin"""


def plugin_for(scheme: str, target: str, asset: AppriseAsset) -> NotifyBase | None:
    """A plugin for one contact; None when it does not understand it."""
    kind = _class(scheme)
    given = kind.parse_url(target)
    if not given:
        return None
    try:
        return kind(**{**given, "asset": asset})
    except TypeError:
        # how plugins refuse what they are given; the text quotes it
        return None


@cache
def _class(scheme: str) -> type[NotifyBase]:
    module = import_module(f"apprise.plugins.{MODULES[scheme]}")
    return next(
        one
        for one in vars(module).values()
        if isinstance(one, type) and issubclass(one, NotifyBase) and one is not NotifyBase and scheme in _schemes(one)
    )


def _schemes(kind: type[NotifyBase]) -> set[str]:
    found: set[str] = set()
    for given in (kind.protocol, kind.secure_protocol):
        found |= {given} if isinstance(given, str) else set(given or ())
    return found
