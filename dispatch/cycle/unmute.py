"""The silence over a case is over, or the cover of an approved opening must be closed: what is still true is told now."""

from __future__ import annotations

from datetime import datetime, timedelta

from citybrain.store import alerts, cases, orders, silences, timers
from citybrain.store.db import Row, Tx
from dispatch import quiet
from dispatch.board import Board
from dispatch.cycle.module import of_timers
from dispatch.grouping import open_case
from dispatch.opening import Lookups
from dispatch.placing import Placing
from dispatch.silences import LEFT_OPEN, SILENCE_ENDED


def handle(tx: Tx, look: Lookups, timer: Row, now: datetime) -> None:
    """Look again at one muted case: another silence, heard again, or its order goes out now."""
    case_id = str(timer["case_id"])
    case = {**timer, "id": case_id}
    muted = silences.mutes(tx, [case_id]).get(case_id)
    if muted is None:
        return
    if timer["state"] == "closed":
        silences.unmute(tx, [case_id])
        return
    members = alerts.of_cases(tx, [case_id])[case_id]
    still = quiet.mute_of(look, quiet.in_force(tx, now), case, members)
    if still is not None:
        quiet.mute(tx, case, still, now=now, new=False)
        return
    order = orders.open_of(tx, [case_id]).get(case_id)
    if order is not None and members and all(row["phase"] == "resolved" for row in members):
        # it is gone and only has to stay gone: the case is about to be closed, and what was held with it
        wait_s = max(look.info(row["condition"], row["kind"]).verify_s for row in members)
        timers.set_many(tx, case_id, {timer["purpose"]: now + max(timedelta(seconds=wait_s), quiet.CLEARING_AGAIN)})
        return
    reason = LEFT_OPEN if muted["sort"] == "opening" else SILENCE_ENDED
    if order is None:
        work = [row for row in members if look.info(row["condition"], row["kind"], row["severity"]).filing is not None]
        firing = [row for row in work if row["phase"] == "firing"]
        if not firing and any(row["phase"] == "clearing" for row in work):
            timers.set_many(tx, case_id, {timer["purpose"]: now + quiet.CLEARING_AGAIN})
            return
        if firing:
            _go_out(tx, look, case, firing[0], reason, now)
    quiet.unmute(tx, case_id, muted, order, reason=reason, now=now)


def _go_out(tx: Tx, look: Lookups, case: Row, alert: Row, reason: str, now: datetime) -> None:
    """A case that was only known gets its order."""
    (row,) = cases.lock(tx, ids=[str(case["id"])], wait=False)
    board = Board.of([open_case(row)])
    info = look.info(alert["condition"], alert["kind"], alert["severity"])
    work = Placing(tx, look, board, {}, {}, now, {str(alert["id"]): alert["trace"]})
    work.go_out(board.cases[str(case["id"])], look.asset(case["asset"], case["kind"]), info, str(alert["id"]), reason)
    work.apply()


# when a silence has just ended, what it muted is looked at in the same run, before anything is sent
MODULE = of_timers("unmute", frozenset({"unmute", "must_close"}), handle)._replace(
    purposes=frozenset({"unmute", "must_close", "quiet"})
)
