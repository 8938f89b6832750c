"""A closed order is opened again: it was not fixed, or it came back.

Both clocks start anew, and everyone who was told about the order hears of it. The case and the order stay the same ones, so
nothing that was known of them is lost.
"""

from __future__ import annotations

from datetime import datetime

from citybrain.kernel.errors import InputError, NotFound, StateError
from citybrain.store import cases, orders, outbox, timers
from citybrain.store import clocks as store
from citybrain.store.db import Row, Tx
from dispatch import ledger, telling
from dispatch.clocking import OrderClocks
from dispatch.desk import Moved
from dispatch.opening import Lookups
from dispatch.orders import move

ROLES = ("supervisor", "operator", "reporter")
"""Who may reopen: they did not do the work."""
_LONGEST = {"actor": 200, "detail": 500}


class NewerCaseOpen(StateError):
    """The same fault has a new case by now: there the work goes on."""

    def __init__(self, state: str, case_id: str) -> None:
        super().__init__("order", state, "reopen")
        self.args = (f"reopen: case {case_id} is open for the same asset and cause by now (reason: newer_case_open)",)
        self.reason, self.case_id = "newer_case_open", case_id


def reopen(
    tx: Tx, look: Lookups, order_id: str, *, code: str, actor: str, role: str = "operator", now: datetime, detail: str = ""
) -> Moved:
    """Open a closed order and its case again, in the caller's transaction. `code`: a reason of the profile.

    A repeated request changes nothing. Raises NotFound, InputError, StateError (not closed, or cancelled; NewerCaseOpen).
    """
    who, why, words = actor.strip(), code.strip(), detail.strip()
    _checked(look, who, why, words, role)
    case_id = orders.case_of(tx, order_id)
    asset = store.asset_of(tx, case_id) if case_id else None
    if case_id is None or asset is None:
        raise NotFound(f"no order {order_id!r}")
    # as for every case that opens: first the place, then the case
    cases.claim_openings(tx, [asset])
    case, order = cases.hold(tx, case_id), orders.get(tx, order_id)
    if case is None or order is None:
        raise NotFound(f"no order {order_id!r}")
    before: str = order["state"]
    last = orders.last_move(tx, order_id)
    if last is not None and (last["event"], last["to_state"], last["actor"]) == ("reopen", before, who):
        return Moved(order_id, order["number"], before, before, False)
    after = move(before, "reopen")
    newer = store.newer_case(tx, case_id)
    if newer is not None:
        raise NewerCaseOpen(before, newer)
    followers = store.followers(tx, order_id)
    unit = look.unit(order["unit"])
    both = OrderClocks(tx, order)
    street = look.asset(case["asset"], case["kind"]).street_class
    both.restart(look, unit, order["filing_item"], case["severity"], street, now)
    facts = {"role": role, "outcome_before": case["outcome"], "number": order["reopens"] + 1, "clocks": both.write(now)}
    ledger.append(tx, order_id, "reopen", before, at=now, actor=who, reason=why, detail=words, facts=facts)
    ledger.reopened(tx, case_id, at=now, actor=who, reason=why, facts={"outcome_before": case["outcome"]})
    store.reopen(tx, case_id, order_id, at=now)
    orders.set_state(tx, order_id, after, reason=why, at=now)
    timers.drop(tx, [case_id], ["settle", "verify"])
    _tell(tx, look, case, orders.get(tx, order_id) or order, followers, why, now)
    return Moved(order_id, order["number"], before, after, True)


def _checked(look: Lookups, actor: str, code: str, detail: str, role: str) -> None:
    if not actor:
        raise InputError("actor: say who does this, by name or role")
    if role not in ROLES:
        raise InputError(f"role {role!r}: one of {', '.join(ROLES)}")
    codes = look.books.profile.rules.reopen_reasons
    if code not in codes:
        raise InputError(f"reason {code!r}: one of {', '.join(codes)}")
    for key, value in (("actor", actor), ("detail", detail)):
        if len(value) > _LONGEST[key]:
            raise InputError(f"{key}: at most {_LONGEST[key]} characters, got {len(value)}")


def _tell(tx: Tx, look: Lookups, case: Row, order: Row, followers: list[str], reason: str, now: datetime) -> None:
    """The unit as for a new order, then everybody else who was told about it before."""
    unit, info = look.unit(order["unit"]), look.info(case["condition"], case["kind"])
    telling.tell_unit(tx, order, "reopened", unit=unit, info=info, reason=reason, now=now)
    heard = store.told_now(tx, str(order["id"]), "reopened", now)
    others = tuple(target for target in followers if target not in heard)
    about = telling.subject_of(order)
    outbox.add(tx, telling.rows(about, "reopened", others, unit=unit, info=info, reason=reason, now=now))
