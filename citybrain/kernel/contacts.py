"""Contacts of units: URLs whose scheme says how somebody is reached."""

from __future__ import annotations

import re
from collections.abc import Mapping
from urllib.parse import urlsplit

CHANNELS: Mapping[str, str] = {"log": "log", "http": "webhook", "https": "webhook", "mailto": "email"}
"""scheme of a contact -> channel"""

_MAIL = re.compile(r"[^@\s,;:<>]+@[^@\s,;:<>]+")


def fault(contact: str) -> str | None:
    """What is wrong with a contact, and what to write; None when a channel can try it."""
    try:
        parts = urlsplit(contact)
        host = parts.hostname if parts.port != 0 else None
    except ValueError:
        return "no URL"
    if contact != contact.strip() or any(char.isspace() or not char.isprintable() for char in contact):
        return "a contact has no blanks; several are separated by ;"
    if parts.scheme not in CHANNELS:
        hint = f": write mailto:{contact}" if _MAIL.fullmatch(contact) else ""
        return f"must begin with {', '.join(f'{scheme}:' for scheme in CHANNELS)}{hint}"
    if CHANNELS[parts.scheme] == "webhook" and not host:
        return f"{parts.scheme}:// names no server"
    if CHANNELS[parts.scheme] == "email" and not _MAIL.fullmatch(parts.path):
        return "mailto: needs an address such as mailto:lamps@example.org"
    return None
