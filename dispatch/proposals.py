"""What returned orders say about the register: offered as a change, accepted or refused by somebody."""

from __future__ import annotations

from datetime import datetime

from citybrain.kernel.errors import InputError, NotFound, StateError
from citybrain.kernel.ids import derived_id
from citybrain.kernel.register import Ownership
from citybrain.store import register, returns
from citybrain.store.db import Row, Tx
from dispatch.returns import MISDIRECTED
from dispatch.rulefit import local_day

STATES = ("offered", "accepted", "refused")


def offer(tx: Tx, asset: str, from_unit: str, to_unit: str, order_id: str, evidence: str, now: datetime) -> None:
    """Offer a change: `asset` belongs to `to_unit`. One that waits already is not offered twice.

    `evidence`: arbitrated, or repaired (another unit did the work, and the sensor agrees).
    """
    proposal = derived_id("proposal", asset, to_unit, order_id)
    returns.offer(tx, proposal, asset=asset, from_unit=from_unit, to_unit=to_unit, order_id=order_id, evidence=evidence, at=now)


def offer_repaired(tx: Tx, order_id: str, now: datetime) -> None:
    """The sensor agrees that an order is done: was it another unit than the register's that did it?"""
    found = returns.repaired_by_another(tx, order_id, MISDIRECTED)
    if found is not None:
        offer(tx, found["asset"], found["from_unit"], found["to_unit"], order_id, "repaired", now)


def decide(tx: Tx, number: int, state: str, *, actor: str, words: str, now: datetime) -> Row:
    """Accept a proposal (a dated owner is written, the register has a new version) or refuse it; the proposal as it was.

    `words`: the source of the ownership, or why it was refused. In the caller's transaction. Raises NotFound (no proposal, or
    its asset or unit is gone), InputError (no actor), StateError (decided before).
    """
    if not actor.strip():
        raise InputError("actor: say who decides, by name or role")
    row = returns.proposal(tx, number)
    if row is None:
        raise NotFound(f"no proposal {number}")
    if row["state"] != "offered":
        raise StateError("proposal", row["state"], state)
    returns.decide(tx, number, state, actor=actor.strip(), reason=words.strip(), at=now)
    if state == "accepted":
        unit = register.load_rules(tx).units.get(row["to_unit"])
        if unit is None or row["asset"] not in register.assets_by_id(tx, [row["asset"]]):
            raise NotFound(f"asset {row['asset']!r} or unit {row['to_unit']!r} is not in the register any more")
        source = words.strip() or f"proposal {number}, accepted by {actor.strip()}"
        owner = Ownership(row["asset"], unit.id, local_day(unit, now), None, source)
        register.save_ownerships(tx, [owner])
    return row
