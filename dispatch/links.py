"""PURE. Signed links in notices: who has one may do one thing to one order, once, until it expires, without a login.

A token is `payload.signature`, both base64url: version, verb, expiry, nonce, order and person, signed with HMAC-SHA256 (its
first 16 bytes, since an SMS is short). It holds no secret: the signature is what cannot be made.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import NamedTuple
from uuid import UUID

from dispatch.orders import allowed

VERBS: Mapping[str, int] = {"ack": 1, "fix": 2}
"""What links may do -> its number in the token."""
_NAMES = {number: verb for verb, number in VERBS.items()}

_VERSION = 1
_HEAD = struct.Struct(">BBI12s16s")
_SIGNATURE = 16
_LONGEST = 512
_SILENT = frozenset({"closed", "cancelled"})
"""Purposes of notices that ask for nothing."""


class Claim(NamedTuple):
    """What a link is for."""

    order_id: str
    verb: str
    person: str
    """The person, or the unit where the notice named nobody; who the ledger says did it."""
    expires: datetime
    nonce: bytes


@dataclass(frozen=True, slots=True)
class Links:
    """Makes the links of notices."""

    key: bytes
    public_url: str
    keep: timedelta

    def of(self, notice: Mapping[str, object], order_state: str) -> dict[str, str]:
        """verb -> link, for what may be done in this state. The same notice has the same links each time it is sent."""
        if notice["purpose"] in _SILENT or notice["order_id"] is None or notice["channel"] == "log":
            # a log is read by more people than a contact
            return {}
        body, created = notice["body"], notice["created_at"]
        assert isinstance(body, Mapping), "a row of the outbox"
        assert isinstance(created, datetime), "a row of the outbox"
        person = str(notice.get("person") or body["unit"])
        expires = created + self.keep
        return {
            verb: f"{self.public_url.rstrip('/')}/l/"
            + sign(self.key, Claim(str(notice["order_id"]), verb, person, expires, nonce(str(notice["id"]), verb)))
            for verb in VERBS
            if verb in allowed(order_state)
        }


def nonce(notice_id: str, verb: str) -> bytes:
    """What makes a link one of a kind: a notice that is sent again carries the same one."""
    return hashlib.sha256(f"{notice_id} {verb}".encode()).digest()[:12]


def sign(key: bytes, claim: Claim) -> str:
    """The token of a claim."""
    head = _HEAD.pack(
        _VERSION, VERBS[claim.verb], int(claim.expires.timestamp()), claim.nonce, UUID(claim.order_id).bytes
    )  # fmt: skip
    payload = head + claim.person.encode()
    return f"{_text(payload)}.{_text(_mac(key, payload))}"


def read(key: bytes, token: str) -> Claim | None:
    """The claim of a token that we signed; None for every other text. Whether it is over or used is not looked at."""
    given, dot, signature = token.partition(".")
    if not dot or len(token) > _LONGEST:
        return None
    payload, mac = _bytes(given), _bytes(signature)
    if payload is None or mac is None or not hmac.compare_digest(_mac(key, payload), mac) or len(payload) < _HEAD.size:
        return None
    version, verb, expires, number, order = _HEAD.unpack(payload[: _HEAD.size])
    if version != _VERSION or verb not in _NAMES:
        return None
    person = payload[_HEAD.size :].decode("utf-8", "replace")
    return Claim(str(UUID(bytes=order)), _NAMES[verb], person, datetime.fromtimestamp(expires, UTC), number)


def _mac(key: bytes, payload: bytes) -> bytes:
    return hmac.new(key, b"citybrain link\0" + payload, hashlib.sha256).digest()[:_SIGNATURE]


def _text(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def _bytes(text: str) -> bytes | None:
    try:
        data = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        return None
    # one token has one spelling: spare bits of the last letter must be zero
    return data if _text(data) == text else None
