"""PURE: the password file of mosquitto: a line a login, with a salted hash of its password (PBKDF2 with SHA-512, `$7$`)."""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Mapping

ROUNDS = 101
"""What mosquitto takes itself. Enough, as passwords are made at random and not by people; more only slows the broker."""
SALT_BYTES = 12
"""mosquitto reads no other length before 2.1"""


def hashed(password: str, salt: bytes) -> str:
    """The hash of a password as mosquitto writes it."""
    digest = hashlib.pbkdf2_hmac("sha512", password.encode(), salt, ROUNDS)
    return f"$7${ROUNDS}${base64.b64encode(salt).decode()}${base64.b64encode(digest).decode()}"


def matches(password: str, line_hash: str) -> bool:
    """Whether a hash is that of a password; False for a hash of another kind."""
    try:
        empty, kind, rounds, salt, digest = line_hash.split("$")
        found = hashlib.pbkdf2_hmac("sha512", password.encode(), base64.b64decode(salt), int(rounds))
        return (empty, kind) == ("", "7") and hmac.compare_digest(found, base64.b64decode(digest))
    except ValueError:
        return False


def read(text: str) -> dict[str, str]:
    """Login -> hash, in the order of the file."""
    pairs = (line.split(":", 1) for line in text.splitlines() if ":" in line and not line.startswith("#"))
    return {name: found.strip() for name, found in pairs}


def write(logins: Mapping[str, str]) -> str:
    """The text of the file."""
    return "".join(f"{name}:{found}\n" for name, found in logins.items())
