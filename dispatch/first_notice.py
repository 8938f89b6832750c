"""PURE. Who is told first of a new order: who is on duty by the policy of its unit, else the ladder of the unit's contacts."""

from __future__ import annotations

from datetime import datetime
from typing import Any, NamedTuple

from citybrain.kernel.conditions import ConditionInfo
from citybrain.kernel.model import Unit
from dispatch.addressing import Subject, rows
from dispatch.notices import PURPOSE_OF_LEVEL, ladder
from dispatch.people.model import People
from dispatch.people.policies import policy_for
from dispatch.people.stepping import Note, say


class First(NamedTuple):
    """Rows of the outbox, notes of the ledger, timers, the row of the escalation that begins, and sentences for the log."""

    rows: list[dict[str, Any]]
    notes: list[Note]
    timers: dict[str, datetime]
    begun: dict[str, Any] | None
    alarms: tuple[str, ...]


def first_notice(
    people: People, order_id: str, state: str, *, unit: Unit, info: ConditionInfo, severity: str, reason: str, now: datetime
) -> First:
    """What goes out with a new order. A step or level with nobody is skipped at once."""
    about = Subject(order_id, state, unit.id, "0.0")
    policy = policy_for(people, unit.id, severity)
    if policy is not None:
        said = say(
            people, policy, about, 0, 0, unit=unit, info=info, severity=severity, purpose="dispatched", reason=reason, now=now
        )
        begun = {"order_id": order_id, "policy": policy.id, "step": said.step, "at": now, "told_at": now}
        return First(said.rows, said.notes, said.timers, begun, tuple(f"nobody on duty, {why}" for why in said.skipped))
    told = ladder(unit, "unit")
    notes = [Note("nobody_to_tell", "no_contact", level, {"level": level}) for level in told.skipped]
    alarms = tuple(f"nobody to tell at level {level!r} of unit {unit.id}" for level in told.skipped)
    purpose = PURPOSE_OF_LEVEL.get(told.level or "", "dispatched")
    made = rows(about, purpose, told.targets, unit=unit, info=info, reason=reason, now=now)
    return First(made, notes, {}, None, alarms)
