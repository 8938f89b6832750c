"""The steps of a policy, written: notices, entries of the ledger, timers. Who calls holds the case of the order."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from citybrain.kernel.conditions import ConditionInfo
from citybrain.kernel.model import Unit
from citybrain.store import escalations, outbox, timers
from citybrain.store.db import Row, Tx
from dispatch import ledger
from dispatch.addressing import subject_of
from dispatch.notices import UNTAKEN, Target
from dispatch.people import roster
from dispatch.people.model import People, Policy
from dispatch.people.policies import climb, following, policy_for
from dispatch.people.stepping import ESCALATE, NONE_TOLD, REPEAT, Said, again, say, told

log = logging.getLogger(__name__)

REVIEW = "policy"
"""Timer: another policy may count from now on."""
TIMERS = (ESCALATE, REPEAT, REVIEW)
"""What acknowledging stops."""


def policy_of(tx: Tx, order: Mapping[str, Any]) -> tuple[People, Policy, str] | None:
    """The policy of an order, with everybody and the severity of its case; None: the ladder of its unit counts."""
    people = roster.current(tx)
    if not people.policies:
        return None
    about = escalations.about(tx, str(order["id"]))
    severity = about["severity"] if about else ""
    policy = policy_for(people, order["unit"], severity)
    return (people, policy, severity) if policy else None


def audience(
    tx: Tx, order: Mapping[str, Any], unit: Unit | None, now: datetime
) -> tuple[tuple[Target, ...], int | None] | None:
    """Who hears what is said to the unit as such: the first step that reaches somebody now. None: no policy, or nobody."""
    known = policy_of(tx, order)
    if known is None:
        return None
    found = climb(known[0], known[1], 0, unit, now)
    return (found.targets, found.step) if found.step is not None else None


def begin(
    tx: Tx, order: Row, *, unit: Unit | None, info: ConditionInfo | None, purpose: str, reason: str, now: datetime
) -> Said | None:
    """The policy of an order begins, or begins anew, with its first step. None: it has none, and nothing was done."""
    order_id, case_id = str(order["id"]), str(order["case_id"])
    known = policy_of(tx, order)
    timers.drop(tx, [case_id], TIMERS)
    if known is None:
        escalations.end(tx, order_id, "no_policy", now)
        return None
    people, policy, severity = known
    said = say(
        people,
        policy,
        subject_of(order),
        0,
        0,
        unit=unit,
        info=info,
        severity=severity,
        purpose=purpose,
        reason=reason,
        now=now,
    )
    escalations.begin(tx, order_id, policy.id, said.step, at=now, told_at=now)
    write(tx, order, said, now)
    return said


def advance(tx: Tx, order: Row, *, unit: Unit | None, info: ConditionInfo | None, now: datetime) -> str:
    """The time for the next step has come; what came of it: `told`, `nobody`, or why there is no further one."""
    order_id = str(order["id"])
    state, known = escalations.of_order(tx, order_id), policy_of(tx, order)
    if state is None or state["ended_at"] is not None:
        return "not_begun"
    if order["state"] not in UNTAKEN:
        return _end(tx, order, order["state"], now)
    if known is None:
        return _end(tx, order, "no_policy", now)
    people, policy, severity = known
    if policy.id != state["policy"]:
        return review(tx, order, unit=unit, info=info, now=now)
    last = len(policy.steps) - 1 if state["step"] == NONE_TOLD else state["step"]
    after = following(policy, last, state["round"])
    if after is None:
        return _end(tx, order, "no_more_steps", now)
    said = say(
        people, policy, subject_of(order), after.step, after.round, unit=unit, info=info, severity=severity,
        purpose="escalated_step", reason="not_acknowledged", now=now,
    )  # fmt: skip
    escalations.told(tx, order_id, said.step, after.round, now)
    write(tx, order, said, now)
    return "told" if said.level else "nobody"


def review(tx: Tx, order: Row, *, unit: Unit | None, info: ConditionInfo | None, now: datetime) -> str:
    """The case is graver than it was, or the policies are others: if another one counts now, it begins with its first step."""
    state, known = escalations.of_order(tx, str(order["id"])), policy_of(tx, order)
    if order["state"] not in UNTAKEN:
        return str(order["state"])
    if known is None or (state is not None and state["policy"] == known[1].id):
        return "same_policy"
    begin(tx, order, unit=unit, info=info, purpose="escalated_step", reason="policy_changed", now=now)
    return "policy_changed"


def remind(tx: Tx, order: Row, *, unit: Unit | None, info: ConditionInfo | None, now: datetime) -> str:
    """Nobody has acknowledged: who is on duty for the step that was told last is told again."""
    order_id = str(order["id"])
    state, known = escalations.of_order(tx, order_id), policy_of(tx, order)
    if state is None or order["state"] not in UNTAKEN or known is None or known[1].id != state["policy"]:
        return "state_changed"
    people, policy, severity = known
    made, found = again(
        people, policy, subject_of(order), state["step"], state["reminded"], unit=unit, info=info, severity=severity, now=now
    )
    outbox.add(tx, made)
    escalations.reminded(tx, order_id)
    facts = {"to": told(found), "policy": policy.id, "step": found.step}
    ledger.append(tx, order_id, "reminded", order["state"], at=now, actor="cycle", reason="not_acknowledged", facts=facts)
    timers.set_many(tx, str(order["case_id"]), {REPEAT: now + timedelta(seconds=policy.remind_s)})
    return "told" if made else "nobody"


def taken(tx: Tx, case_id: str, order_id: str, state: str, now: datetime) -> float | None:
    """Somebody has taken the order: nobody else is told. Seconds since it was sent out, None when that is not known.

    An order that is work again already has its policy begun anew.
    """
    if state not in UNTAKEN:
        timers.drop(tx, [case_id], TIMERS)
        escalations.end(tx, order_id, state, now)
    since = escalations.sent_at(tx, order_id, now)
    return (now - since).total_seconds() if since else None


def write(tx: Tx, order: Row, said: Said, now: datetime) -> None:
    """Notices, notes and timers of a step."""
    order_id = str(order["id"])
    for sentence in said.skipped:
        log.error("order %s: nobody on duty, %s; the step is skipped", order_id, sentence)
    for note in said.notes:
        ledger.append(
            tx, order_id, note.event, order["state"], at=now, actor="cycle", reason=note.reason, detail=note.detail,
            facts=note.facts,
        )  # fmt: skip
    outbox.add(tx, said.rows)
    timers.set_many(tx, str(order["case_id"]), said.timers)


def _end(tx: Tx, order: Row, reason: str, now: datetime) -> str:
    escalations.end(tx, str(order["id"]), reason, now)
    if reason != "no_more_steps":
        timers.drop(tx, [str(order["case_id"])], TIMERS)
    log.info("order %s: escalation over (%s)", order["id"], reason)
    return reason
