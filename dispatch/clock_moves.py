"""What the moves of an order mean for its clocks and its closing checklist."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import Any

from citybrain.kernel.errors import InputError
from citybrain.store import clocks as store
from citybrain.store.db import Row, Tx
from dispatch import ledger
from dispatch.clocking import SAFE_NOTICES, OrderClocks
from dispatch.limits import CLOCKS, MAKE_SAFE, REPAIR
from dispatch.opening import Lookups


def follow_move(tx: Tx, order: Row, event: str, now: datetime) -> list[dict[str, Any]]:
    """Move the clocks with an order; their facts for the ledger. The caller holds the case.

    Who reports it fixed has made it safe; who arrives only where the profile says so. A return stops both: nobody has it.
    """
    both = OrderClocks(tx, order)
    match event:
        case "arrive" if order["safe_by_arrival"]:
            both.meet([MAKE_SAFE], now)
        case "make_safe":
            both.meet([MAKE_SAFE], now)
        case "fix" | "verify":
            both.meet(CLOCKS, now)
        case "return":
            both.stand_still(now)
            lapse(tx, order, reason="returned", now=now)
        case "cancel":
            both.stop()
    if both[MAKE_SAFE].met_at is not None:
        store.withdraw(tx, str(order["id"]), SAFE_NOTICES, reason="made_safe", at=now)
    return both.write(now)


def is_safe(tx: Tx, order: Row) -> bool:
    """Was it made safe before?"""
    return OrderClocks(tx, order)[MAKE_SAFE].met_at is not None


def repair_rejected(tx: Tx, look: Lookups, order: Row, now: datetime) -> list[dict[str, Any]]:
    """The sensor disagrees with *fixed*: the clock of the repair ran on, and its limit counts again."""
    both = OrderClocks(tx, order)
    if REPAIR in both.within({"met", "met_late"}):
        both.reject(look, now)
    return both.write(now)


def went_through(tx: Tx, order_id: str, done: Collection[str]) -> list[dict[str, Any]]:
    """The checklist of an order with what was done, kept. Raises InputError for a line that it does not have, and for a
    required one that was not done."""
    lines = store.checklist(tx, order_id)
    unknown = sorted(set(done) - {line["id"] for line in lines})
    if unknown:
        known = ", ".join(line["id"] for line in lines) or "none"
        raise InputError(f"checklist: no line {unknown[0]!r}; there are: {known}")
    missing = [line["id"] for line in lines if line["required"] and line["id"] not in done]
    if missing:
        raise InputError(f"checklist: {', '.join(missing)} must be done before it is reported fixed (reason: checklist)")
    lines = [{**line, "done": line["id"] in done} for line in lines]
    if lines:
        store.set_checklist(tx, order_id, lines)
    return lines


def lapse(tx: Tx, order: Row, *, reason: str, now: datetime) -> None:
    """What was asked for and not answered is asked for no more."""
    if store.lapse(tx, str(order["id"]), reason=reason, at=now):
        ledger.append(tx, str(order["id"]), "lapsed", order["state"], at=now, actor="dispatch", reason=reason)
