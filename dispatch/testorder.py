"""The test order: made of a test message where real alerts become real orders, its notice sent by the same machinery."""

from __future__ import annotations

from datetime import datetime

from citybrain.kernel.times import from_ms
from citybrain.store import watch
from citybrain.store.db import Row, Tx
from dispatch import watching


def take_test(tx: Tx, sent_ms: int, *, now: datetime, machine_now: datetime) -> bool:
    """A test message that was sent at `sent_ms` (machine ms) has come: its order, and a notice of it, in the caller's
    transaction. The same or an older one again changes nothing. `now` is city time."""
    if not watch.came(tx, sent_at=from_ms(sent_ms), came_at=machine_now):
        return False
    watch.put_notice(tx, watching.test_notice(sent_ms, now))
    return True


def sent_of(notice: Row) -> int | None:
    """When the test message was sent that a notice is of (machine ms); None for a real notice."""
    return int(notice["body"]["sent_ms"]) if notice["purpose"] == watching.TEST else None
