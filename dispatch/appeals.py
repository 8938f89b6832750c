"""Overdue appeals (申诉): a unit asks, somebody else decides. What was approved leaves the scores and stays in the ledger."""

from __future__ import annotations

from datetime import datetime
from types import MappingProxyType
from typing import NamedTuple

from citybrain.kernel.errors import InputError, NotFound, StateError
from citybrain.store import cases, orders
from citybrain.store import ledger as store
from citybrain.store.db import Tx
from dispatch import ledger

TABLE = MappingProxyType(
    {
        "": {"ask": "asked"},
        "asked": {"approve": "approved", "refuse": "refused"},
        "approved": {},
        "refused": {},
    }
)
"""appeal -> event -> appeal; one appeal an order"""

_LONGEST = 500


class Appealed(NamedTuple):
    """Where an appeal stands now."""

    order_id: str
    number: int
    appeal: str


def appeal(tx: Tx, order_id: str, event: str, *, actor: str, reason: str, now: datetime) -> Appealed:
    """`ask`, `approve` or `refuse`, in the caller's transaction. `now` is city time.

    Raises NotFound; InputError without actor or reason, and when who asked decides; StateError for an order that is not late,
    and for what the table does not allow.
    """
    actor, reason = actor.strip(), reason.strip()
    if not actor or not reason:
        raise InputError("actor and reason: an appeal, and the answer to it, need both")
    if len(reason) > _LONGEST:
        raise InputError(f"reason: at most {_LONGEST} characters, got {len(reason)}")
    case_id = orders.case_of(tx, order_id)
    order = orders.get(tx, order_id) if case_id and cases.hold(tx, case_id) else None
    if case_id is None or order is None:
        raise NotFound(f"no order {order_id!r}")
    if order["overdue_at"] is None:
        raise StateError("appeal", "in time", event)
    last = store.last_note(tx, case_id, [f"appeal_{state}" for state in ("asked", "approved", "refused")])
    state = last["event"].removeprefix("appeal_") if last else ""
    try:
        after = TABLE[state][event]
    except KeyError:
        raise StateError("appeal", state or "none", event) from None
    if last is not None and last["actor"] == actor:
        raise InputError(f"actor: {actor!r} asked for it; somebody else must decide")
    facts = {"order": order_id, "unit": order["unit"], "overdue_at": order["overdue_at"]}
    ledger.note(tx, case_id, f"appeal_{after}", at=now, actor=actor, reason=reason, facts=facts)
    return Appealed(order_id, order["number"], after)
