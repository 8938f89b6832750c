"""The moves that people make: acknowledge, arrive, report fixed, return, cancel."""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple

from citybrain.kernel.errors import InputError, NotFound, StateError
from citybrain.store import cases, orders, timers
from citybrain.store.db import Row, Tx
from dispatch import closing, ledger
from dispatch.orders import PEOPLE, WITH_REASON, move
from dispatch.responsibility import UNASSIGNED

MAX_RETURNS = 2
"""A third return would only carry the order round in circles: the guardian of last resort has it by then."""

_LONGEST = {"actor": 200, "reason": 500, "detail": 4000}


class ReturnsExhausted(StateError):
    """An order that was returned so often that it stays where it is."""

    def __init__(self, state: str, returns: int) -> None:
        super().__init__("order", state, "return")
        self.args = (f"order: returned {returns} times already; it stays here: fix it, or cancel it with a reason",)


class Moved(NamedTuple):
    """What a move did. `changed` False: the same person had just made the same move, so nothing was written."""

    order_id: str
    number: int
    from_state: str
    state: str
    changed: bool


def act(tx: Tx, order_id: str, event: str, *, actor: str, reason: str = "", now: datetime, detail: str = "") -> Moved:
    """Make a move for a person, in the caller's transaction. `now` is city time.

    A repeated request (same actor, event and reason, straight after the first) is answered and changes nothing.
    Raises NotFound, InputError (an unknown event, no actor, no reason where one is due), StateError (not in this state).
    """
    given = {"actor": actor.strip(), "reason": reason.strip(), "detail": detail.strip()}
    _checked(event, given)
    case_id = orders.case_of(tx, order_id)
    case = cases.hold(tx, case_id) if case_id else None
    order = orders.get(tx, order_id)
    if case is None or order is None:
        raise NotFound(f"no order {order_id!r}")
    state, why = order["state"], given["reason"] or event
    if _repeated(tx, order_id, state, event, given["actor"], why):
        return Moved(order_id, order["number"], state, state, False)
    after = move(state, event)
    if event == "return" and order["returns"] >= MAX_RETURNS:
        raise ReturnsExhausted(state, order["returns"])
    if event == "cancel":
        unit = orders.unit(tx, order["unit"]) or (UNASSIGNED if order["unit"] == UNASSIGNED.id else None)
        closing.end(
            tx, case, order, ["cancel"], outcome="cancelled", reason=why, actor=given["actor"], now=now, unit=unit,
            detail=given["detail"],
        )  # fmt: skip
    else:
        ledger.append(tx, order_id, event, state, at=now, actor=given["actor"], reason=why, detail=given["detail"])
        orders.set_state(tx, order_id, after, reason=why, at=now)
        _follow(tx, order, event, now)
    return Moved(order_id, order["number"], state, after, True)


def _checked(event: str, given: dict[str, str]) -> None:
    if event not in PEOPLE:
        raise InputError(f"event {event!r}: one of {', '.join(PEOPLE)}")
    if not given["actor"]:
        raise InputError("actor: say who does this, by name or role")
    if event in WITH_REASON and not given["reason"]:
        raise InputError(f"reason: {event} needs one, such as 'belongs to the water company'")
    for key, longest in _LONGEST.items():
        if len(given[key]) > longest:
            raise InputError(f"{key}: at most {longest} characters, got {len(given[key])}")


def _repeated(tx: Tx, order_id: str, state: str, event: str, actor: str, reason: str) -> bool:
    last = orders.last_move(tx, order_id)
    return last is not None and (last["event"], last["to_state"], last["actor"], last["reason"]) == (
        event,
        state,
        actor,
        reason,
    )


def _follow(tx: Tx, order: Row, event: str, now: datetime) -> None:
    """The cycle takes over: it knows what the sensor must show, and who is next."""
    case_id = str(order["case_id"])
    if event == "fix":
        timers.set_many(tx, case_id, {"verify": now})
    elif event == "return":
        timers.set_many(tx, case_id, {"redispatch": now})
