"""The wait for siblings is over: under a parent, into a group, or out alone; or away, when it went by itself."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

from citybrain.store import alerts, cases, silences, timers
from citybrain.store.db import Row, Tx
from dispatch import ledger, quiet
from dispatch.board import Board
from dispatch.cases import Action, wait_over
from dispatch.causes import parent_of, parents
from dispatch.cycle.module import of_timers
from dispatch.grouping import adopt, open_case
from dispatch.hiding import is_hidden
from dispatch.opening import Lookups
from dispatch.placing import Placing
from dispatch.silences import SILENCE_ENDED

_BUSY_S = 2.0
"""Somebody opens a case on the parent at this moment: look again then."""


def handle(tx: Tx, look: Lookups, timer: Row, now: datetime) -> None:
    """Decide for one waiting case."""
    case_id = str(timer["case_id"])
    asset, info = look.asset(timer["asset"], timer["kind"]), look.info(timer["condition"], timer["kind"])
    around = look.around
    together = around.together(info, asset)
    parent = parent_of(asset, together.group_by if together else "feeder", look.register.assets).id
    if not cases.try_openings(tx, [asset.id, parent]):
        timers.set_many(tx, case_id, {"gathering": now + timedelta(seconds=_BUSY_S)})
        return
    keys = [timer["group_key"]] if timer["group_key"] else []
    held = cases.lock(tx, ids=[case_id], assets={parent, *parents(asset, around)}, keys=keys, parents=[parent], wait=False)
    board = Board.of(open_case(row) for row in held)
    case = board.cases.get(case_id)
    if case is None or case.state != "gathering":
        return
    members = alerts.of_cases(tx, [case_id])[case_id]
    if all(row["phase"] == "resolved" for row in members):
        cases.close(tx, [case_id], outcome="cleared_before_dispatch", at=now)
        ledger.ended(tx, [case_id], outcome="cleared_before_dispatch", at=now, actor="cycle", reason="nothing_left")
        return
    if quiet.keeps_hidden(tx, look, {**timer, "id": case_id}, members, now):
        return
    quiet.show(tx, look, board, now)
    hidden, case = is_hidden(timer["group_key"]), board.cases[case_id]
    info = replace(info, filing=case.filing) if hidden else info
    first = str(members[0]["id"])
    found = wait_over(case, asset, info, board, around)
    if found.action is Action.CHILD:
        adopt(tx, found.case_id or "", [case_id], now=now, reason=found.reason)
        cases.count_children(tx, [found.case_id or ""])
        parent_cause = board.cases[found.case_id or ""].cause
        timers.sooner(tx, found.case_id or "", "grow", now + timedelta(seconds=around.grouping.interval_s(parent_cause)))
        return
    work = Placing(tx, look, board, {}, {}, now, {str(row["id"]): row["trace"] for row in members})
    if found.action is Action.GROUP:
        work.put(first, case.severity, case_id, info, asset, found)
    else:
        work.go_out(case, asset, info, first, SILENCE_ENDED if hidden else found.reason)
    work.apply()
    if hidden:
        silences.unmute(tx, [case_id])


MODULE = of_timers("gathering", frozenset({"gathering"}), handle)
