"""What the further changes of alerts mean for the cases they belong to."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from citybrain.kernel.events import AlertChange, AlertEvent, AlertPhase
from citybrain.kernel.times import from_ms
from citybrain.store import alerts, timers
from citybrain.store.db import Row, Tx
from dispatch import closing
from dispatch.board import Board
from dispatch.opening import Lookups

_BAD_AGAIN = frozenset({AlertChange.RAISED, AlertChange.REFIRED})


def follow(
    tx: Tx, look: Lookups, last: Sequence[AlertEvent], events: Sequence[AlertEvent], *, home: Mapping[str, str], board: Board,
    rows: Mapping[str, Row], orders_: Mapping[str, Row], now: datetime,
) -> None:  # fmt: skip
    """Start verifications, send back what is bad again, cancel what never happened.

    `last` is the last event of each alert, `events` all of them, `home` the open case of an alert; the caller holds the cases.
    """
    ended = _withdrawn(tx, look, last, home=home, rows=rows, orders_=orders_, now=now)
    verify: dict[str, datetime] = {}
    for event in last:
        case = board.cases.get(home.get(event.id, ""))
        # a waiting case needs no verification: its wait decides
        if case is None or case.id in ended or case.state != "open" or event.phase != AlertPhase.RESOLVED:
            continue
        info = look.info(event.condition, event.kind)
        ready = from_ms(event.at_ms) + timedelta(seconds=info.verify_s)
        verify[case.id] = min(ready, verify.get(case.id, ready))
    for case_id, at in verify.items():
        # the first moment at which there may be something to see; whoever looks too early sets the next
        timers.sooner(tx, case_id, "verify", at)
    _bad_again(tx, look, events, ended, home=home, board=board, orders_=orders_, now=now)


def _bad_again(
    tx: Tx, look: Lookups, events: Sequence[AlertEvent], ended: set[str], *, home: Mapping[str, str], board: Board,
    orders_: Mapping[str, Row], now: datetime,
) -> None:  # fmt: skip
    """`fixed` was said, and the sensor just showed the fault anew: no need to wait for the time of verification."""
    sent_back: set[str] = set()
    for event in events:
        case = board.cases.get(home.get(event.id, ""))
        if case is None or case.id in ended | sent_back or event.change not in _BAD_AGAIN or event.asset != case.asset:
            continue
        order = orders_.get(case.id)
        if order is not None and order["state"] == "fixed":
            sent_back.add(case.id)
            unit = look.unit(order["unit"])
            closing.rework(tx, look, order, reason="bad_again", now=now, unit=unit, info=look.info(case.condition))


def _withdrawn(
    tx: Tx, look: Lookups, last: Sequence[AlertEvent], *, home: Mapping[str, str], rows: Mapping[str, Row],
    orders_: Mapping[str, Row], now: datetime,
) -> set[str]:  # fmt: skip
    """Cases of which nothing is left after late readings: their orders are cancelled, with that reason."""
    touched = {home[event.id]: event for event in last if event.change == AlertChange.WITHDRAWN and event.id in home}
    ended: set[str] = set()
    for case_id, left in alerts.of_cases(tx, sorted(touched)).items():
        event = touched[case_id]
        if not left:
            order = orders_.get(case_id)
            unit = look.unit(order["unit"]) if order else None
            info = look.info(event.condition, event.kind)
            closing.end(
                tx, rows[case_id], order, ["cancel"], outcome="withdrawn", reason="withdrawn", actor="rules", now=now,
                unit=unit, info=info, detail=event.reason,
            )  # fmt: skip
            ended.add(case_id)
        elif all(row["phase"] == AlertPhase.RESOLVED for row in left):
            timers.set_many(tx, case_id, {"verify": now})
    return ended
