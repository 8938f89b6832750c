"""Messages that could not be read: kept with their bytes, counted, shown, tried again."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from datetime import datetime
from typing import NamedTuple

from citybrain.kernel.errors import NotFound
from citybrain.store.db import Row, Tx
from citybrain.store.sql import load

_SQL = load("quarantine")
KEEP_BYTES = 64 * 1024
"""So much of a payload is kept; `size` tells how long it was."""
_DETAIL = 500


class Kept(NamedTuple):
    """A message to try again. `whole` is False when its bytes were cut: then it cannot be."""

    id: int
    topic: str
    reason: str
    payload: bytes
    whole: bool


def add(tx: Tx, rejected: Iterable[tuple[str, bytes, str, str]], now: datetime) -> None:
    """Keep messages given as (topic, payload, reason, detail). The same topic, reason and bytes again only raise `seen`."""
    rows: dict[tuple[str, str, bytes], dict[str, object]] = {}
    for topic, payload, reason, detail in rejected:
        digest = hashlib.sha256(payload).digest()
        row = rows.setdefault(
            (topic, reason, digest),
            {
                "digest": digest,
                "topic": _text(topic),
                "reason": reason,
                "payload": bytes(payload[:KEEP_BYTES]),
                "size": len(payload),
                "seen": 0,
                "now": now,
            },
        )
        row["detail"] = _text(detail)[:_DETAIL]
        row["seen"] = int(str(row["seen"])) + 1
    # in order of the key: two processes that add the same rows cannot wait for each other in a circle
    tx.many(_SQL["add"], [rows[key] for key in sorted(rows)])


def find(tx: Tx, *, reason: str | None = None, topic: str | None = None, limit: int = 100) -> list[Row]:
    """Quarantined messages, newest first, without their bytes."""
    return tx.all(_SQL["list"], reason=reason, topic=topic, limit=limit)


def show(tx: Tx, id: int) -> Row:
    """One message with its bytes. Raises NotFound."""
    row = tx.one(_SQL["show"], id=id)
    if row is None:
        raise NotFound(f"no quarantined message {id}; `citybrain quarantine list` shows them")
    return row


def take_for_retry(tx: Tx, *, id: int | None = None, reason: str | None = None, after: int = 0, limit: int = 500) -> list[Kept]:
    """Messages to try again, locked until the transaction ends: one by id, or a page of those with a reason."""
    rows = tx.all(_SQL["take_for_retry"], id=id, reason=reason, after=after, limit=limit)
    return [
        Kept(row["id"], row["topic"], row["reason"], bytes(row["payload"]), len(row["payload"]) == row["size"]) for row in rows
    ]


def mark(tx: Tx, id: int, outcome: str, now: datetime) -> None:
    """Note what became of a retry."""
    tx.run(_SQL["mark"], id=id, outcome=outcome, now=now)


def prune(tx: Tx, before: datetime) -> int:
    """Forget messages last seen before a moment; how many."""
    return tx.run(_SQL["prune"], before=before)


def _text(value: str) -> str:
    """Text that PostgreSQL can keep: without NUL and lone surrogates."""
    return value.replace("\x00", "\ufffd").encode("utf-8", "replace").decode("utf-8")
