"""Orders that nobody wants: the district's arbiter hears of them, decides, or runs out of time."""

from __future__ import annotations

import logging
from datetime import datetime

from citybrain.kernel.errors import InputError, NotFound, StateError
from citybrain.kernel.model import Unit
from citybrain.store import cases, orders, outbox, returns, timers
from citybrain.store.db import Row, Tx
from dispatch import ledger, telling
from dispatch.arbiters import arbiter_of
from dispatch.deadlines import Deadline, due
from dispatch.desk import Moved
from dispatch.handover import hand_over
from dispatch.notices import ladder
from dispatch.opening import Lookups
from dispatch.proposals import offer
from dispatch.responsibility import Answer, Step, find_unit, guardian_of
from dispatch.returns import MISDIRECTED

log = logging.getLogger(__name__)

UNDECIDED = frozenset({"returned", "arbitration"})
"""States in which somebody may say where an order goes."""


def open_arbitration(tx: Tx, look: Lookups, case: Row, order: Row, now: datetime) -> None:
    """An order was returned as often as it may be: the arbiter is told, and has so long. The caller holds the case."""
    order_id, case_id = str(order["id"]), str(order["case_id"])
    arbiter = arbiter_for(look, case, order)
    deadline = limit_of(look, arbiter, look.books.returns.arbitration, now)
    facts = {"arbiter": arbiter.id, "due": deadline.due_at, "refused": list(order["refused"])}
    detail = f"{arbiter.id} decides until {deadline.due_at.isoformat()}"
    state = ledger.append(
        tx, order_id, "dispute", order["state"], at=now, actor="cycle", reason="returned_twice", detail=detail, facts=facts
    )
    orders.set_state(tx, order_id, state, reason="returned_twice", at=now)
    timers.set_many(tx, case_id, {"arbitration": deadline.due_at})
    tell_arbiter(
        tx, look, case, {**order, "state": state}, "arbitration", arbiter, deadline.due_at, reason="returned_twice", now=now
    )


def arbiter_for(look: Lookups, case: Row, order: Row) -> Unit:
    """Who decides about an order."""
    asset = look.asset(case["asset"], case["kind"])
    return arbiter_of(asset, look.register, look.books.returns, [*order["refused"], order["unit"]])


def limit_of(look: Lookups, arbiter: Unit, limit: tuple[float, str], now: datetime) -> Deadline:
    """Until when somebody has to decide, by the calendar of who does."""
    return due(now, *limit, look.calendar(arbiter))


def tell_arbiter(
    tx: Tx, look: Lookups, case: Row, order: Row, purpose: str, arbiter: Unit, until: datetime, *, reason: str, now: datetime
) -> None:
    """Tell who decides: the unit's contacts, else its lead, else its supervisor."""
    told = ladder(arbiter, "unit")
    telling.skips(tx, str(order["id"]), order["state"], told, now=now)
    info = look.info(case["condition"], case["kind"])
    rows = telling.rows(
        telling.subject_of(order), purpose, told.targets, unit=look.unit(order["unit"]), info=info, reason=reason, now=now
    )
    for row in rows:
        row["body"] = {**row["body"], "until": until.isoformat(), "arbiter": arbiter.id}
    outbox.add(tx, rows)


def decide(tx: Tx, look: Lookups, order_id: str, unit_id: str, *, actor: str, reason: str, now: datetime) -> Moved:
    """An arbiter says who repairs: any unit, also one that gave the order back, which then cannot do so again.

    In the caller's transaction. Raises NotFound (order or unit), InputError (no actor, no reason), StateError (not now).
    """
    if not actor.strip():
        raise InputError("actor: say who decides, by name or role")
    if not reason.strip():
        raise InputError("reason: an arbiter says why, such as 'the contract of 2026 names the drainage service'")
    case_id = orders.case_of(tx, order_id)
    case = cases.hold(tx, case_id) if case_id else None
    order = orders.get(tx, order_id)
    if case is None or order is None:
        raise NotFound(f"no order {order_id!r}")
    unit = look.unit(unit_id)
    if unit is None:
        raise NotFound(f"no unit {unit_id!r} in the register")
    if order["state"] not in UNDECIDED:
        raise StateError("order", order["state"], "redispatch")
    step = Step("arbitration", "", True, "arbitrated", f"by {actor.strip()}: {reason.strip()}")
    state = hand_over(
        tx, look, case, order, Answer(unit, (step,)), reason="arbitrated", actor=actor.strip(), now=now, detail=reason.strip()
    )
    _offer(tx, look, case, order_id, unit, now)
    return Moved(order_id, order["number"], order["state"], state, True)


def out_of_time(tx: Tx, look: Lookups, case: Row, order: Row, now: datetime) -> None:
    """Nobody decided: the guardian of last resort gets the order, and the supervisor hears of it."""
    arbiter = arbiter_for(look, case, order)
    answer = guardian_of(look.asset(case["asset"], case["kind"]), case["condition"], look.register, now)
    log.warning("order %s: %s did not decide in time; it goes to %s", order["id"], arbiter.id, answer.unit.id)
    state = hand_over(tx, look, case, order, answer, reason="arbitration_timed_out", actor="cycle", now=now)
    after = {**order, "state": state, "unit": answer.unit.id}
    info = look.info(case["condition"], case["kind"])
    # of the arbiter, who missed it; of the unit that has it now when there is none
    boss = arbiter if arbiter.supervisor else answer.unit
    telling.climb(tx, after, "supervisor", unit=boss, info=info, reason="arbitration_timed_out", now=now)


def _offer(tx: Tx, look: Lookups, case: Row, order_id: str, unit: Unit, now: datetime) -> None:
    """An arbiter named another unit than the register does: that is a question to who keeps the register."""
    asset = look.register.assets.get(case["asset"])
    refused_by = returns.misdirected_from(tx, order_id, MISDIRECTED)
    if asset is None or refused_by is None or refused_by == unit.id:
        return
    if find_unit(asset, case["condition"], look.register, now).unit.id != unit.id:
        offer(tx, asset.id, refused_by, unit.id, order_id, "arbitrated", now)
