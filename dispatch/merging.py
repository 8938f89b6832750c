"""Cases merged and split by people: one hole that was told twice, or one case that turns out to be two.

A merge wins no time (see `absorbing`). What was split off has a clock of its own from now on, since nobody had been told of it
as a fault by itself.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from citybrain.kernel.errors import InputError, NotFound, StateError
from citybrain.store import alerts, cases, orders, timers
from citybrain.store.db import Row, Tx
from dispatch import ledger
from dispatch.absorbing import Why, absorb
from dispatch.board import Board
from dispatch.cases import Action, Placement
from dispatch.grouping import open_case
from dispatch.opening import Lookups, OpenedOrder
from dispatch.placing import Placing

LONGEST = {"actor": 200, "reason": 500}


class Merged(NamedTuple):
    """What a merge did. `orders` ended with it; `due_at` is when the one that goes on is due, if there is one."""

    case_id: str
    cases: tuple[str, ...]
    orders: tuple[str, ...]
    due_at: datetime | None


class Split(NamedTuple):
    """What a split did: the cases that the assets have now, and the orders opened for them."""

    case_id: str
    cases: tuple[str, ...]
    orders: tuple[OpenedOrder, ...]


def merge(tx: Tx, into: str, others: Sequence[str], *, actor: str, reason: str, look: Lookups, now: datetime) -> Merged:
    """Take the cases `others` up into the case `into`, in the caller's transaction. `now` is city time.

    Their alerts go on in `into`, their orders end as cancelled with the outcome `merged`, and their units are told.
    Raises InputError (nobody, no reason, nothing to merge, work into what has no order), NotFound, StateError (a case that is
    over, or `into` still waiting).
    """
    who = _checked(actor, reason)
    wanted = tuple(dict.fromkeys(others))
    if not wanted or into in wanted:
        raise InputError("cases: give one or more others to be merged into this one")
    held = {str(row["id"]): row for row in cases.lock(tx, ids=[into, *wanted])}
    for one in (into, *wanted):
        if one not in held:
            raise _gone(tx, one, "merge")
    target = held[into]
    if target["state"] != "open":
        raise StateError("case", target["state"], "merge")
    open_orders = orders.open_of(tx, sorted(held))
    if into not in open_orders and open_orders:
        raise InputError("cases: an order cannot be merged into a case without one; name the case with the order first")
    ended = tuple(str(open_orders[one]["id"]) for one in wanted if one in open_orders)
    why = Why(who["actor"], "merged_by_hand", "merged", who["reason"])
    due_at = absorb(tx, look, target, [held[one] for one in wanted], open_orders, why, now=now)
    return Merged(into, wanted, ended, due_at)


def split(tx: Tx, case_id: str, assets: Sequence[str], *, actor: str, reason: str, look: Lookups, now: datetime) -> Split:
    """Give the faults of some of a case's assets cases of their own, in the caller's transaction. `now` is city time.

    Raises InputError (nobody, no reason, an asset without a fault in this case, nothing left), NotFound, StateError.
    """
    who = _checked(actor, reason)
    wanted = tuple(dict.fromkeys(assets))
    if not wanted:
        raise InputError("assets: name those that get a case of their own")
    cases.claim_openings(tx, wanted)
    held = {str(row["id"]): row for row in cases.lock(tx, ids=[case_id], assets=set(wanted))}
    case = held.get(case_id)
    if case is None:
        raise _gone(tx, case_id, "split")
    if case["state"] != "open":
        raise StateError("case", case["state"], "split")
    members = [row for row in alerts.of_cases(tx, [case_id])[case_id] if row["phase"] != "resolved"]
    leaving = [row for row in members if row["asset"] in wanted]
    _may_leave(case, members, wanted)
    board = Board.of(open_case(row) for row in held.values())
    board.drop(case_id)
    work = Placing(tx, look, board, {}, {}, now, {str(row["id"]): row["trace"] for row in leaving})
    turn = f"{case_id}:{now.isoformat()}"
    for row in leaving:
        asset, info = look.asset(row["asset"], row["kind"]), look.info(row["condition"], row["kind"], row["severity"])
        own = board.at(asset.id, info.cause)
        found = Placement(Action.JOIN, "same_asset_and_cause", own.id) if own else Placement(Action.OPEN, "split_by_hand")
        work.put(str(row["id"]), row["severity"], turn, info, asset, found)
    work.apply()
    cases.count_children(tx, [case_id])
    own_cases = tuple(dict.fromkeys(work.home[str(row["id"])] for row in leaving))
    alerts.note(tx, now, "grouped", [(str(row["id"]), "split_by_hand", work.home[str(row["id"])]) for row in leaving])
    facts = {"assets": list(wanted), "cases": list(own_cases)}
    ledger.note(tx, case_id, "split", at=now, actor=who["actor"], reason="split_by_hand", detail=who["reason"], facts=facts)
    timers.sooner(tx, case_id, "verify", now)
    return Split(case_id, own_cases, tuple(work.opened))


def _checked(actor: str, reason: str) -> dict[str, str]:
    given = {"actor": actor.strip(), "reason": reason.strip()}
    for key, value in given.items():
        if not value:
            raise InputError(f"{key}: say who does this and why")
        if len(value) > LONGEST[key]:
            raise InputError(f"{key}: at most {LONGEST[key]} characters, got {len(value)}")
    return given


def _gone(tx: Tx, case_id: str, event: str) -> Exception:
    row = cases.hold(tx, case_id)
    return NotFound(f"no case {case_id!r}") if row is None else StateError("case", row["state"], event)


def _may_leave(case: Row, members: Sequence[Row], wanted: Sequence[str]) -> None:
    there = {row["asset"] for row in members}
    for asset in wanted:
        if asset == case["asset"]:
            raise InputError(f"assets: {asset!r} is what this case is about; split the others off, or cancel the order")
        if asset not in there:
            raise InputError(f"assets: {asset!r} has no fault in this case; there are {', '.join(sorted(there)) or 'none'}")
    if not there - set(wanted):
        raise InputError("assets: nothing would be left of this case; at least one fault stays")
