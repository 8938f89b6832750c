"""Notices as rows of the outbox: who is told about an order, with the steps that reached nobody."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from datetime import datetime
from typing import Any, NamedTuple

from citybrain.kernel.conditions import ConditionInfo
from citybrain.kernel.model import Unit
from citybrain.store import outbox
from citybrain.store.db import Row, Tx
from dispatch import ledger
from dispatch.notices import Telling, channel_of, ladder, notice_id

log = logging.getLogger(__name__)

PURPOSE_OF_LEVEL = {"lead": "escalated_lead", "supervisor": "escalated_supervisor"}


class Subject(NamedTuple):
    """What a notice is about, as far as it does not change. What changes is read when it is sent."""

    order_id: str
    state: str
    unit: str
    turn: str
    """How often the order was returned and reworked: tells repeated notices apart."""


def subject_of(order: Row) -> Subject:
    """The subject that is an order's row."""
    return Subject(str(order["id"]), order["state"], order["unit"], f"{order['returns']}.{order['reworks']}")


def rows(
    about: Subject, purpose: str, targets: tuple[str, ...], *, unit: Unit | None, info: ConditionInfo | None, reason: str,
    now: datetime,
) -> list[dict[str, Any]]:  # fmt: skip
    """One row of the outbox for each target."""
    body: Mapping[str, Any] = {
        "unit": about.unit,
        "unit_name": unit.name if unit else about.unit,
        "unit_name_zh": (unit.name_zh or unit.name) if unit else about.unit,
        "timezone": unit.timezone if unit else "UTC",
        "title_en": info.title_en if info else "",
        "title_zh": info.title_zh if info else "",
        "reason": reason,
    }
    return [
        {
            "id": notice_id(about.order_id, purpose, target, about.turn),
            "channel": channel_of(target),
            "target": target,
            "purpose": purpose,
            "order_id": about.order_id,
            "order_state": about.state,
            "body": body,
            "created_at": now,
        }
        for target in dict.fromkeys(targets)
    ]


def tell_unit(
    tx: Tx, order: Row, purpose: str, *, unit: Unit | None, info: ConditionInfo | None, reason: str, now: datetime
) -> None:
    """Tell the contacts of the unit itself, if it has any."""
    targets = unit.contacts if unit else ()
    outbox.add(tx, rows(subject_of(order), purpose, targets, unit=unit, info=info, reason=reason, now=now))


def climb(
    tx: Tx, order: Row, start: str, *, unit: Unit | None, info: ConditionInfo | None, reason: str, now: datetime
) -> Telling:
    """Tell the first level from `start` upwards that has somebody. Levels with nobody are skipped at once, in the open:
    an alarm in the log and a note in the ledger."""
    told = ladder(unit, start)
    order_id, state = str(order["id"]), order["state"]
    skips(tx, order_id, state, told, now=now)
    if told.level is not None:
        purpose = PURPOSE_OF_LEVEL.get(told.level, "dispatched")
        # who was told at an earlier step, because nobody stood below, is told again at this one
        about = subject_of(order)
        about = about._replace(turn=f"{about.turn}.{reason}")
        outbox.add(tx, rows(about, purpose, told.targets, unit=unit, info=info, reason=reason, now=now))
        if told.level != "unit":
            ledger.append(tx, order_id, "escalated", state, at=now, actor="cycle", reason=reason, detail=f"to the {told.level}")
    return told


def skips(tx: Tx, order_id: str, state: str, told: Telling, *, now: datetime) -> None:
    """Write down the levels that had nobody to tell."""
    for level in told.skipped:
        log.error("order %s: nobody to tell at level %r; the step is skipped", order_id, level)
        ledger.append(tx, order_id, "nobody_to_tell", state, at=now, actor="cycle", reason="no_contact", detail=level)
