"""PURE: bytes that travel as text: hex, base64, or the text itself."""

from __future__ import annotations

import base64
import binascii
from typing import Any

from citybrain.kernel.errors import PayloadError


def message_bytes(value: Any, encoding: str, what: str) -> bytes | None:
    """The bytes of a text; None when there is none. Raises PayloadError bad_field."""
    if value is None:
        return None
    if not isinstance(value, str):
        raise PayloadError("bad_field", f"{what} must be a text of {encoding}")
    try:
        if encoding == "hex":
            return bytes.fromhex(value)
        if encoding == "base64":
            return base64.b64decode(value, validate=True)
        return value.encode("utf-8")
    except (binascii.Error, ValueError):
        raise PayloadError("bad_field", f"{what} is not {encoding}") from None
