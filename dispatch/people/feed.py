"""PURE. Addresses of calendar feeds. A calendar program cannot log in, so the address itself is the key; it opens one calendar
for reading and nothing else, and a new API token makes all of them void."""

from __future__ import annotations

import hashlib
import hmac
from urllib.parse import quote

KINDS = ("schedule", "person")


def key_of(token: str, kind: str, name: str) -> str:
    """The key of one calendar: an HMAC-SHA256 of its name, half of it, since it is typed by hand now and then."""
    return hmac.new(token.encode(), f"calendar\x1f{kind}\x1f{name}".encode(), hashlib.sha256).hexdigest()[:32]


def is_key(given: str, token: str, kind: str, name: str) -> bool:
    """Is this the key? Takes the same time wherever they differ."""
    return hmac.compare_digest(given.encode(), key_of(token, kind, name).encode())


def path_of(token: str, kind: str, name: str) -> str:
    """The address of a calendar below the root of the HTTP server."""
    return f"/calendar/{kind}/{quote(name)}.ics?key={key_of(token, kind, name)}"
