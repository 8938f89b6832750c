"""Children whose parent's case is closed and who still fire: each gets a case of its own when it had time to come back."""

from __future__ import annotations

from datetime import datetime, timedelta

from citybrain.store import alerts, cases, timers
from citybrain.store.db import Row, Tx
from dispatch.board import Board
from dispatch.cases import release
from dispatch.causes import parents
from dispatch.cycle.module import of_timers
from dispatch.grouping import open_case
from dispatch.opening import Lookups
from dispatch.placing import Placing
from dispatch.verification import patience_s

_BUSY_S = 2.0


def handle(tx: Tx, look: Lookups, timer: Row, now: datetime) -> None:
    """Release the children of one closed case whose time is over; come again for the others."""
    case_id, closed_at = str(timer["case_id"]), timer["closed_at"]
    if timer["state"] != "closed" or closed_at is None:
        return
    firing = [
        (row, look.asset(row["asset"], row["kind"]), look.info(row["condition"], row["kind"], row["severity"]))
        for row in alerts.of_cases(tx, [case_id])[case_id]
        if row["phase"] != "resolved" and row["asset"] != timer["asset"]
    ]
    until = {str(row["id"]): closed_at + timedelta(seconds=patience_s(info)) for row, _, info in firing}
    free = [child for child in firing if until[str(child[0]["id"])] <= now]
    later = [at for at in until.values() if at > now]
    if later:
        timers.set_many(tx, case_id, {"settle": min(later)})
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


MODULE = of_timers("settle", frozenset({"settle"}), handle)
