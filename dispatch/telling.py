"""Notices of orders, written: who is told, with the steps that reached nobody.

A unit with a policy is told through its people: who is on duty at that moment, step by step. A unit without one has the ladder
of its own contacts: unit, lead, supervisor.
"""

from __future__ import annotations

import logging
from datetime import datetime

from citybrain.kernel.conditions import ConditionInfo
from citybrain.kernel.model import Unit
from citybrain.store import outbox
from citybrain.store.db import Row, Tx
from dispatch import ledger
from dispatch.addressing import Subject, rows, subject_of
from dispatch.notices import PURPOSE_OF_LEVEL, Target, Telling, ladder
from dispatch.people import escalation

__all__ = ["PURPOSE_OF_LEVEL", "Subject", "climb", "rows", "skips", "subject_of", "tell_unit"]

log = logging.getLogger(__name__)

_ANEW = frozenset({"rework", "reopened"})
"""The order is work again: its policy begins anew."""


def tell_unit(
    tx: Tx, order: Row, purpose: str, *, unit: Unit | None, info: ConditionInfo | None, reason: str, now: datetime
) -> None:
    """Tell the unit itself: who is on duty by its policy, else its contacts, if it has any."""
    if purpose in _ANEW and escalation.begin(tx, order, unit=unit, info=info, purpose=purpose, reason=reason, now=now):
        return
    found = escalation.audience(tx, order, unit, now)
    step = None
    targets: tuple[str | Target, ...] = unit.contacts if unit else ()
    if found is not None:
        targets, step = found
    outbox.add(tx, rows(subject_of(order), purpose, targets, unit=unit, info=info, reason=reason, now=now, step=step))


def climb(
    tx: Tx, order: Row, start: str, *, unit: Unit | None, info: ConditionInfo | None, reason: str, now: datetime
) -> Telling:
    """Tell the first level from `start` upwards that has somebody; at level `unit` the policy begins, if there is one.

    Levels with nobody are skipped at once, in the open: an alarm in the log and a note in the ledger.
    """
    if start == "unit":
        said = escalation.begin(tx, order, unit=unit, info=info, purpose="dispatched", reason=reason, now=now)
        if said is not None:
            return Telling("unit" if said.level == "step" else said.level, tuple(row["target"] for row in said.rows), ())
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
            facts = {"to": [told.level], "step": None, "policy": None, "why": reason}
            ledger.append(
                tx,
                order_id,
                "escalated",
                state,
                at=now,
                actor="cycle",
                reason=reason,
                detail=f"to the {told.level}",
                facts=facts,
            )
    return told


def skips(tx: Tx, order_id: str, state: str, told: Telling, *, now: datetime) -> None:
    """Write down the levels that had nobody to tell."""
    for level in told.skipped:
        log.error("order %s: nobody to tell at level %r; the step is skipped", order_id, level)
        ledger.append(
            tx,
            order_id,
            "nobody_to_tell",
            state,
            at=now,
            actor="cycle",
            reason="no_contact",
            detail=level,
            facts={"level": level},
        )
