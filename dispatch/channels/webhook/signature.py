"""PURE. The signature of a webhook: HMAC-SHA256 over timestamp, a dot and the body, as `v1=hex`."""

from __future__ import annotations

import hashlib
import hmac


def sign(secret: str, timestamp: str, body: bytes) -> str:
    """The value of the header Citybrain-Signature."""
    digest = hmac.new(secret.encode(), timestamp.encode() + b"." + body, hashlib.sha256).hexdigest()
    return f"v1={digest}"


def check(secret: str, timestamp: str, body: bytes, signature: str, *, now_s: float, tolerance_s: float = 300) -> bool:
    """What a receiver does: the signature is ours, and the request is not an old one sent again.

    `timestamp` is the header Citybrain-Timestamp (seconds since the epoch), `now_s` the receiver's time.
    """
    if not timestamp.isdecimal() or abs(now_s - int(timestamp)) > tolerance_s:
        return False
    return hmac.compare_digest(sign(secret, timestamp, body), signature)
