"""Children whose parent's case is closed and who still fire: each gets a case of its own, at once where its sensor can tell."""

from __future__ import annotations

from datetime import datetime, timedelta

from citybrain.store import alerts, cases, timers
from citybrain.store.db import Row, Tx
from dispatch import ledger
from dispatch.board import Board
from dispatch.cases import release
from dispatch.causes import parents
from dispatch.cycle.module import of_timers
from dispatch.grouping import open_case
from dispatch.opening import Lookups
from dispatch.placing import Placing
from dispatch.releasing import release_at

_BUSY_S = 2.0


def handle(tx: Tx, look: Lookups, timer: Row, now: datetime) -> None:
    """Release the children of one closed case whose sensors can tell; come again for the others."""
    case_id, closed_at = str(timer["case_id"]), timer["closed_at"]
    if timer["state"] != "closed" or closed_at is None:
        return
    members = alerts.of_cases(tx, [case_id])[case_id]
    firing = [
        (row, look.asset(row["asset"], row["kind"]), look.info(row["condition"], row["kind"], row["severity"]))
        for row in members
        if row["phase"] != "resolved" and row["asset"] != timer["asset"]
    ]
    quiet = [row["changed_at"] for row in members if row["phase"] == "resolved"]
    own = [row["changed_at"] for row in members if row["phase"] == "resolved" and row["asset"] == timer["asset"]]
    cleared_at = min(max(own or quiet, default=closed_at), closed_at)
    until = {
        str(row["id"]): release_at(
            asset, info, row["phase"], outcome=timer["outcome"] or "", cleared_at=cleared_at, closed_at=closed_at
        )
        for row, asset, info in firing
    }
    free = [child for child in firing if until[str(child[0]["id"])].at <= now]
    later = [one for one in until.values() if one.at > now]
    if later:
        timers.set_many(tx, case_id, {"settle": min(one.at for one in later)})
    if later and timer["next_at"] == closed_at:
        waits = sorted({(row["asset"], until[str(row["id"])].reason) for row, _, _ in firing if until[str(row["id"])].at > now})
        facts = {"children": waits, "until": min(one.at for one in later)}
        ledger.note(tx, case_id, "children_wait", at=now, actor="cycle", reason=min(later).reason, facts=facts)
    if not free:
        return
    if not cases.try_openings(tx, [asset.id for _, asset, _ in free]):
        timers.set_many(tx, case_id, {"settle": now + timedelta(seconds=_BUSY_S)})
        return
    around = {name for _, asset, _ in free for name in (asset.id, *parents(asset, look.around))}
    board = Board.of(open_case(row) for row in cases.lock(tx, assets=around, wait=False))
    work = Placing(tx, look, board, {}, {}, now, {str(row["id"]): row["trace"] for row, _, _ in free})
    for row, asset, info in free:
        found = release(asset, info, board, look.around)
        work.put(str(row["id"]), row["severity"], case_id, info, asset, found)
    work.apply()
    facts = {"children": sorted({(asset.id, until[str(row["id"])].reason) for row, asset, _ in free})}
    ledger.note(tx, case_id, "released", at=now, actor="cycle", reason="parent_cleared", facts=facts)


MODULE = of_timers("settle", frozenset({"settle"}), handle)
