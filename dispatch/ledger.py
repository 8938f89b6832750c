"""The history of work orders as a chain: each entry's hash covers the entry and the hash of the one before it.

Nobody can change, drop or slip in an entry without breaking the chain of that order; `verify` says where. What was cut off
at the end shows when the state of the order is given as well.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import NamedTuple

from citybrain.kernel.errors import StateError
from citybrain.store import orders as store
from citybrain.store.db import Tx
from dispatch.orders import NEW, NOTES, move

GENESIS = bytes(32)
"""`prev_hash` of the first entry of an order."""


class OrderEvent(NamedTuple):
    """One entry of the ledger. `at` is aware; moves change the state, notes leave it as it is."""

    order_id: str
    event: str
    from_state: str
    to_state: str
    at: datetime
    actor: str
    reason: str
    detail: str
    prev_hash: bytes
    hash: bytes


class Fault(NamedTuple):
    """A place where the ledger is not what was written. `entry` counts the entries of that order from 0."""

    order_id: str
    entry: int
    reason: str
    """hash_mismatch, broken_chain, unknown_move, wrong_state or cut_off"""
    detail: str


def seal(prev: bytes, *facts: str, at: datetime) -> bytes:
    """SHA-256 over the hash before and the canonical JSON of an entry's facts (UTC, microseconds)."""
    stamp = at.astimezone(UTC).isoformat(timespec="microseconds")
    body = json.dumps([*facts, stamp], ensure_ascii=False, separators=(",", ":"))
    return hashlib.sha256(prev + body.encode()).digest()


def _sealed(event: OrderEvent) -> bytes:
    facts = (event.order_id, event.event, event.from_state, event.to_state, event.actor, event.reason, event.detail)
    return seal(event.prev_hash, *facts, at=event.at)


def chained(
    prev: bytes,
    order_id: str,
    event: str,
    from_state: str,
    to_state: str,
    *,
    at: datetime,
    actor: str,
    reason: str,
    detail: str,
) -> OrderEvent:
    """The entry that follows `prev` in the chain of an order."""
    raw = OrderEvent(order_id, event, from_state, to_state, at, actor, reason, detail, prev, b"")
    return raw._replace(hash=_sealed(raw))


def append(
    tx: Tx, order_id: str, event: str, from_state: str, *, at: datetime, actor: str, reason: str, detail: str = ""
) -> str:
    """Write a move or a note at the end of an order's chain; the state after it. The caller holds the order's case.

    Raises StateError for a move that the table does not allow; nothing is written then.
    """
    to_state = from_state if event in NOTES else move(from_state, event)
    prev = GENESIS if from_state == NEW else store.last_hash(tx, order_id) or GENESIS
    entry = chained(prev, order_id, event, from_state, to_state, at=at, actor=actor, reason=reason, detail=detail)
    store.add_event(tx, entry._asdict())
    return to_state


def read(tx: Tx, order_id: str | None = None) -> list[OrderEvent]:
    """The entries of one order, or of all, in the order of writing."""
    return [
        OrderEvent(
            str(row["order_id"]),
            row["event"],
            row["from_state"],
            row["to_state"],
            row["at"],
            row["actor"],
            row["reason"],
            row["detail"],
            bytes(row["prev_hash"]),
            bytes(row["hash"]),
        )
        for row in store.ledger(tx, order_id)
    ]


def states(tx: Tx, order_id: str | None = None) -> dict[str, str]:
    """The state of one order, or of all: what `verify` compares the history with."""
    return store.states(tx, order_id)


def verify(events: Iterable[OrderEvent], states: Mapping[str, str] | None = None) -> list[Fault]:
    """Check every chain among `events`; empty when all is as it was written.

    `states` (order id -> state) adds the check that the history of each order leads to the state it is in.
    """
    faults: list[Fault] = []
    heads: dict[str, tuple[bytes, str, int]] = {}
    for entry in events:
        prev, state, index = heads.get(entry.order_id, (GENESIS, NEW, 0))
        faults += [Fault(entry.order_id, index, reason, detail) for reason, detail in _entry_faults(entry, prev, state)]
        heads[entry.order_id] = (entry.hash, entry.to_state, index + 1)
    for order, state in (states or {}).items():
        _, reached, index = heads.get(order, (GENESIS, NEW, 0))
        if reached != state:
            faults.append(Fault(order, index, "cut_off", f"the history ends in {reached!r}, the order is {state!r}"))
    return faults


def _entry_faults(entry: OrderEvent, prev: bytes, state: str) -> Iterable[tuple[str, str]]:
    if _sealed(entry) != entry.hash:
        yield "hash_mismatch", f"{entry.event} at {entry.at.isoformat()} was changed after it had been written"
    if entry.prev_hash != prev:
        yield "broken_chain", f"{entry.event} at {entry.at.isoformat()} does not follow the entry before it"
    if entry.from_state != state:
        yield "wrong_state", f"{entry.event} starts in {entry.from_state!r}, the order was {state!r}"
    try:
        expected = entry.from_state if entry.event in NOTES else move(entry.from_state, entry.event)
    except StateError as error:
        yield "unknown_move", str(error)
        return
    if expected != entry.to_state:
        yield "unknown_move", f"{entry.event} from {entry.from_state!r} leads to {expected!r}, not {entry.to_state!r}"
