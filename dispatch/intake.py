"""Alert events to alerts, cases and orders, in the transaction of the batch that caused them.

    1. record   the history of the alerts; what was known already is a replay and stops here
    2. hold     the cases that the new events touch or could touch (see `citybrain.store.cases`), before any alert is written:
                whoever holds a case may write its alerts, so who wrote an alert first and waited then would make a ring
    3. save     the alerts as they are now
    4. decide   `dispatch.cases` says where each new alert goes; new cases and orders are drafted in memory
    5. apply    cases, orders, ledger, timers and notices, written together
    6. follow   what the other changes mean for cases that were there: verification, rework, withdrawal

A raised alert opens its order even when the same batch resolves it again: how readings fall into batches changes nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

from citybrain.kernel.conditions import ConditionInfo
from citybrain.kernel.events import AlertChange, AlertEvent, AlertPhase
from citybrain.kernel.model import Kind
from citybrain.kernel.register import Register
from citybrain.store import alerts, cases, orders
from citybrain.store.db import Row, Tx
from dispatch import quiet
from dispatch.board import Board
from dispatch.books import Books
from dispatch.cases import may_stand_beside
from dispatch.causes import cause_of, group_key, parent_of, parents
from dispatch.followup import follow
from dispatch.grouping import open_case
from dispatch.opening import Lookups, OpenedOrder
from dispatch.people import roster
from dispatch.places import spots
from dispatch.placing import Placing

__all__ = ["OpenedOrder", "take"]

_SENSOR_OUTCOMES = frozenset({"verified", "cleared_by_sensor", "cleared"})
"""Cases that ended because the sensor said so; if it changes its mind about that episode, there is work again."""

_BACK = frozenset({AlertChange.AMENDED, AlertChange.REFIRED})
_PLACING = _BACK | {AlertChange.RAISED}


def take(
    tx: Tx, events: Sequence[AlertEvent], *, infos: Mapping[str, ConditionInfo], register: Register, books: Books,
    now: datetime, traces: Mapping[str, str] | None = None,
) -> list[OpenedOrder]:  # fmt: skip
    """Take alert events in; the orders that were opened. Taking the same events again changes nothing.

    `now` is city time: the clock of an order starts here. `traces`: alert -> trace id of the message behind it; the order that
    it opens has it as well, at once or later.
    """
    fresh = alerts.record(tx, events)
    if not fresh:
        return []
    look = Lookups(infos, register, books, roster.current(tx))
    last = {event.id: event for event in fresh}
    candidates = _candidates(fresh, last)
    members = alerts.memberships(tx, list(last))
    ids = _homes(members)
    likely = [event for event in candidates if _may_need_place(event, members.get(event.id))]
    held = _hold(tx, look, likely, ids)
    superseded = alerts.save(tx, fresh, traces)
    # between reading and holding, the cycle may have moved an alert from its waiting case to its parent's, or closed its case
    members = alerts.memberships(tx, list(last))
    new = [event for event in candidates if _needs_place(event, last[event.id], members.get(event.id))]
    held_for = {event.id for event in likely}
    unlikely = [event for event in new if event.id not in held_for]
    if unlikely or (_homes(members) | superseded) - ids:
        held += _hold(tx, look, unlikely, _homes(members) | superseded)
    rows = {str(row["id"]): row for row in held}
    board = Board.of(open_case(row) for row in rows.values())
    home = {alert: str(row["case_id"]) for alert, row in members.items() if str(row["case_id"]) in board.cases}
    look.learn_places(event.asset for event in new)
    work = Placing(tx, look, board, orders.open_of(tx, sorted(rows)), home, now, traces)
    for event in new:
        work.place(event)
    work.apply()
    follow(tx, look, list(last.values()), fresh, home=work.home, board=board, rows=rows, orders_=work.orders, now=now)
    quiet.after(tx, look, last.values(), home=work.home, board=board, now=now)
    return work.opened


def _candidates(events: Iterable[AlertEvent], last: Mapping[str, AlertEvent]) -> list[AlertEvent]:
    """For each alert the event that may place it: that it was raised, else its last."""
    raised = {event.id: event for event in events if event.change == AlertChange.RAISED}
    return [raised.get(alert, event) for alert, event in last.items()]


def _homes(members: Mapping[str, Row]) -> set[str]:
    return {str(row["case_id"]) for row in members.values() if row["case_id"]}


def _may_need_place(event: AlertEvent, member: Row | None) -> bool:
    """Before the alert is written: could `_needs_place` say so afterwards?"""
    if member is not None and member["case_id"] is not None and member["case_state"] != "closed":
        return False
    return event.change != AlertChange.ADDED and (event.change in _PLACING or event.phase != AlertPhase.RESOLVED)


def _needs_place(event: AlertEvent, last: AlertEvent, member: Row | None) -> bool:
    if member is None or member["past"] or member["withdrawn"]:
        return False
    if member["case_id"] is not None and member["case_state"] != "closed":
        return False
    if event.change == AlertChange.RAISED:
        return True
    if last.phase == AlertPhase.RESOLVED:
        return False
    # what people cancelled stays cancelled for the rest of the episode
    changed_its_mind = event.change in _BACK and member["case_outcome"] in _SENSOR_OUTCOMES
    return member["case_id"] is None or changed_its_mind


def _hold(tx: Tx, look: Lookups, new: Sequence[AlertEvent], ids: set[str]) -> list[Row]:
    """Hold every case that the decisions may need: of the alerts, of their assets, of what these hang on
    or stand beside, and what waits."""
    assets: set[str] = set()
    openings: set[str] = set()
    keys: set[str] = set()
    above: set[str] = set()
    near: set[str] = set()
    around = look.around
    for event in new:
        info, asset = look.info(event.condition, event.kind, event.severity), look.asset(event.asset, event.kind)
        openings.add(asset.id)
        assets |= {asset.id, *parents(asset, around)}
        if asset.kind in {Kind.CABINET, Kind.GATEWAY}:
            above.add(asset.id)
        together = around.waits(info, asset)
        key = group_key(together, asset) if together else None
        if asset.catchment and look.books.storm.concerns(asset.kind, info.cause):
            # in a storm its case opens on the catchment, which is among the parents that are held
            openings.add(asset.catchment)
        if together is not None and key is not None:
            parent = parent_of(asset, together.group_by, look.register.assets).id
            openings.add(parent)
            assets.add(parent)
            above.add(parent)
            keys.add(key)
        if asset.lat is not None and asset.lon is not None and may_stand_beside(info, asset, around):
            # two neighbours share the cell of each: one of them waits for the other
            near |= spots(cause_of(info, asset), asset.lat, asset.lon, around.grouping.same_place.within_m)
    cases.claim_openings(tx, openings | near)
    return cases.lock(tx, ids=ids, assets=assets, keys=keys, parents=above, spots=near)
