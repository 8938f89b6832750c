"""PURE. The chain of a case: each entry's hash covers the entry and the hash of the entry before it.

Version 1 is how entries of orders were sealed before cases had chains of their own: no case, no facts. They are never written
any more, and verify as they always did.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime
from functools import lru_cache
from typing import Any, NamedTuple, TypeAlias
from uuid import UUID

from citybrain.kernel.errors import InputError

JSON: TypeAlias = Any
"""What JSON can say; times, UUIDs, tuples and sets are made plain."""
Facts: TypeAlias = Mapping[str, JSON]

GENESIS = bytes(32)
"""`prev_hash` of the first entry of a case."""
VERSION = 2
_EXACT = 2**53

_compact = json.JSONEncoder(ensure_ascii=False, sort_keys=True, separators=(",", ":"), allow_nan=False).encode


class Entry(NamedTuple):
    """One entry of the ledger. `at` is aware; moves change the state, notes leave it as it is."""

    case_id: str
    order_id: str | None
    """None: it concerns the case"""
    event: str
    from_state: str
    to_state: str
    at: datetime
    actor: str
    reason: str
    detail: str
    facts: Facts
    version: int
    prev_hash: bytes
    hash: bytes
    seq: int = 0
    """Its place in the whole ledger, given by the database."""


_PLAIN = frozenset({str, int, bool})
"""Most facts are of these types; an enumeration's member is not among them."""


def plain(value: JSON) -> JSON:
    """A value as JSON keeps it: read back from anywhere it is the same. Raises InputError for what has no such form."""
    kind = type(value)
    if value is None or kind in _PLAIN:
        return value
    if kind is dict:
        return {str(key): plain(one) for key, one in value.items()}
    if kind is datetime:
        return stamp(value)
    if kind is list:
        return [plain(one) for one in value]
    # what is a little different: members of enumerations, tuples, sets…
    if isinstance(value, bool | int):
        return value
    if isinstance(value, str):
        return str(value)
    if isinstance(value, float):
        if not math.isfinite(value):
            raise InputError(f"facts: {value!r} is no number that JSON knows")
        return int(value) if value.is_integer() and abs(value) < _EXACT else value
    if isinstance(value, datetime):
        return stamp(value)
    if isinstance(value, date | UUID):
        return str(value)
    if isinstance(value, Mapping):
        return {str(key): plain(one) for key, one in value.items()}
    if isinstance(value, set | frozenset):
        return sorted(plain(one) for one in value)
    if isinstance(value, Iterable):
        return [plain(one) for one in value]
    raise InputError(f"facts: {value!r} has no form in JSON")


@lru_cache(maxsize=4096)
def stamp(at: datetime) -> str:
    """A time as it is sealed: UTC, microseconds."""
    return at.astimezone(UTC).isoformat(timespec="microseconds")


def seal(prev: bytes, *facts: str, at: datetime) -> bytes:
    """Version 1: SHA-256 over the hash before and the canonical JSON of an entry of an order."""
    return hashlib.sha256(prev + _compact([*facts, stamp(at)]).encode()).digest()


def sealed(entry: Entry) -> bytes:
    """The hash that an entry must have."""
    words = (entry.event, entry.from_state, entry.to_state, entry.actor, entry.reason, entry.detail)
    if entry.version == 1:
        return seal(entry.prev_hash, entry.order_id or "", *words, at=entry.at)
    body = [entry.version, entry.case_id, entry.order_id or "", *words, entry.facts, stamp(entry.at)]
    return hashlib.sha256(entry.prev_hash + _compact(body).encode()).digest()


def follow(prev: bytes, loose: Entry) -> Entry:
    """An entry as the one that follows `prev`: its facts made plain, and sealed."""
    said = {str(key): plain(value) for key, value in loose.facts.items()}
    raw = loose._replace(facts=said, version=VERSION, prev_hash=prev)
    return raw._replace(hash=sealed(raw))


def chained(
    prev: bytes, case_id: str, order_id: str | None, event: str, from_state: str, to_state: str, *, at: datetime, actor: str,
    reason: str, detail: str = "", facts: Facts | None = None,
) -> Entry:  # fmt: skip
    """The entry that follows `prev` in the chain of a case."""
    loose = Entry(case_id, order_id, event, from_state, to_state, at, actor, reason, detail, facts or {}, VERSION, prev, b"")
    return follow(prev, loose)
