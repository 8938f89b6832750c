"""The moves that people make: acknowledge, arrive, report fixed, return, cancel."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import Any, NamedTuple

from citybrain.kernel.errors import InputError, NotFound
from citybrain.store import cases, orders, returns, timers
from citybrain.store.db import Row, Tx
from dispatch import cancelling, closing, ledger
from dispatch.clock_moves import follow_move, is_safe, went_through
from dispatch.notices import TAKEN, UNTAKEN
from dispatch.orders import PEOPLE, WITH_REASON, move
from dispatch.responsibility import UNASSIGNED
from dispatch.returns import MAX_RETURNS, ReturnsExhausted, code_of

__all__ = ["MAX_RETURNS", "Moved", "ReturnsExhausted", "act"]

_LONGEST = {"actor": 200, "reason": 500, "detail": 4000, "code": 40, "evidence": 500}


class Moved(NamedTuple):
    """What a move did. `changed` False: the same person had just made the same move, so nothing was written."""

    order_id: str
    number: int
    from_state: str
    state: str
    changed: bool


def act(
    tx: Tx, order_id: str, event: str, *, actor: str, reason: str = "", now: datetime, detail: str = "", code: str = "",
    evidence: str = "", position: tuple[float, float] | None = None, checklist: Collection[str] = (),
) -> Moved:  # fmt: skip
    """Make a move for a person, in the caller's transaction. `now` is city time.

    A return has a `code` (`dispatch.returns.CODES`), a cancellation too (`dispatch.cancelling.CODES`). `evidence` names a
    photograph, a document or a link; `position` is where it was done (WGS 84 degrees); `checklist` are the lines of the order's
    closing list that are done.

    A repeated request (same actor, event and reason, straight after the first) is answered and changes nothing.
    Raises NotFound, InputError (an unknown event, no actor, no reason where one is due), StateError (not in this state).
    """
    given = {
        "actor": actor.strip(), "reason": reason.strip(), "detail": detail.strip(), "code": code.strip(),
        "evidence": evidence.strip(),
    }  # fmt: skip
    _checked(event, given)
    case_id = orders.case_of(tx, order_id)
    case = cases.hold(tx, case_id) if case_id else None
    order = orders.get(tx, order_id)
    if case is None or order is None:
        raise NotFound(f"no order {order_id!r}")
    state, why, words = order["state"], given["reason"] or event, ""
    if event == "return":
        why, words = code_of(given["code"], given["reason"])
    elif event == "cancel":
        given["code"], words = cancelling.code_of(given["code"], given["reason"])
        why = cancelling.reason_of(given["code"], words)
    if _repeated(tx, order_id, state, event, given["actor"], why) or (event == "make_safe" and is_safe(tx, order)):
        return Moved(order_id, order["number"], state, state, False)
    after = move(state, event)
    if event == "return" and order["returns"] >= MAX_RETURNS:
        raise ReturnsExhausted(state, order["returns"])
    if event == "cancel":
        unit = orders.unit(tx, order["unit"]) or (UNASSIGNED if order["unit"] == UNASSIGNED.id else None)
        closing.end(
            tx, case, order, ["cancel"], outcome="cancelled", reason=why, actor=given["actor"], now=now, unit=unit,
            detail="; ".join(part for part in (words if words != why else "", given["detail"]) if part),
            facts={"code": given["code"]},
        )  # fmt: skip
    elif event == "return":
        _give_back(tx, order, why, words, given, now)
        _follow(tx, order, event, now)
    else:
        facts: dict[str, Any] = {"evidence": given["evidence"], "position": position} if given["evidence"] or position else {}
        if event == "fix" and (lines := went_through(tx, order_id, checklist)):
            facts["checklist"] = lines
        facts |= {"clocks": follow_move(tx, order, event, now)}
        ledger.append(tx, order_id, event, state, at=now, actor=given["actor"], reason=why, detail=given["detail"], facts=facts)
        orders.set_state(tx, order_id, after, reason=why, at=now)
        _follow(tx, order, event, now)
    return Moved(order_id, order["number"], state, after, True)


def _checked(event: str, given: dict[str, str]) -> None:
    if event not in PEOPLE:
        raise InputError(f"event {event!r}: one of {', '.join(PEOPLE)}")
    if not given["actor"]:
        raise InputError("actor: say who does this, by name or role")
    if event in WITH_REASON and not given["reason"] and not given["code"]:
        raise InputError(f"reason: {event} needs one, such as 'belongs to the water company'")
    for key, longest in _LONGEST.items():
        if len(given[key]) > longest:
            raise InputError(f"{key}: at most {longest} characters, got {len(given[key])}")


def _give_back(tx: Tx, order: Row, code: str, words: str, given: dict[str, str], now: datetime) -> None:
    """A return: the code is its reason, the words stand beside it; it is counted, and kept for who asks how often and why."""
    order_id, unit, evidence = str(order["id"]), order["unit"], given["evidence"]
    detail = "; ".join(part for part in (words, given["detail"], evidence) if part)
    facts = {"code": code, "unit": unit, "number": order["returns"] + 1, "evidence": evidence}
    facts["clocks"] = follow_move(tx, order, "return", now)
    after = ledger.append(
        tx, order_id, "return", order["state"], at=now, actor=given["actor"], reason=code, detail=detail, facts=facts
    )
    orders.set_state(tx, order_id, after, reason=code, at=now)
    returns.add(
        tx, order_id, order["returns"] + 1, unit=unit, code=code, note=words or given["detail"], evidence=evidence,
        actor=given["actor"], at=now,
    )  # fmt: skip


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
    if order["state"] in UNTAKEN and event != "return":
        timers.set_many(tx, case_id, {TAKEN: now})
    if event == "fix":
        timers.set_many(tx, case_id, {"verify": now})
    elif event == "return":
        timers.set_many(tx, case_id, {"redispatch": now})
