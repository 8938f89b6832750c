"""PURE. One step of a policy: who is told, what the ledger notes, and when what comes next."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from citybrain.kernel.conditions import ConditionInfo
from citybrain.kernel.contacts import safe
from citybrain.kernel.model import Unit
from dispatch.addressing import Subject, rows
from dispatch.notices import PURPOSE_OF_LEVEL, ladder
from dispatch.people.model import People, Policy
from dispatch.people.policies import LEVELS, Climb, climb, following, shown

ESCALATE, REPEAT = "escalate", "repeat"
"""Timers: the next step; the same people once more."""
NONE_TOLD = -1
"""In the place of a step: nobody could be told by any of them."""


class Note(NamedTuple):
    """An entry of the ledger that leaves the state as it is."""

    event: str
    reason: str
    detail: str
    facts: Mapping[str, Any]


class Said(NamedTuple):
    """What a step comes to: rows of the outbox, notes of the ledger, timers, and the step that was told."""

    rows: list[dict[str, Any]]
    notes: list[Note]
    timers: dict[str, datetime]
    step: int
    level: str | None
    """`step`, or the level of the ladder that stood in; None: nobody at all was told"""
    skipped: tuple[str, ...]
    """what was skipped, one sentence each, for the log"""


def say(
    people: People, policy: Policy, about: Subject, start: int, round_: int, *, unit: Unit | None, info: ConditionInfo | None,
    severity: str, purpose: str, reason: str, now: datetime,
) -> Said:  # fmt: skip
    """Tell the first step from `start` on that reaches somebody. `purpose` is that of the first notice of all.

    Steps with nobody are skipped at once: each has its note, and the unit's supervisor hears of it. When no step at all
    reaches anybody at the beginning, the ladder of the unit's own contacts stands in.
    """
    found = climb(people, policy, start, unit, now)
    first = start == 0 and round_ == 0
    notes = [_skipped(policy, number, found) for number, _ in found.skipped]
    step = NONE_TOLD if found.step is None else found.step
    about = about._replace(turn=f"{about.turn}.{reason}.{round_}.{step}")
    made: list[dict[str, Any]] = []
    level: str | None = None
    if found.step is not None:
        level = "step"
        what = purpose if first and found.step == 0 else "escalated_step"
        made = rows(
            about, what, found.targets, unit=unit, info=info, reason=reason, now=now, step=found.step, severity=severity
        )
        if what == "escalated_step":
            notes.append(_escalated(policy, found, round_, reason))
    elif first:
        told = ladder(unit, "unit")
        level = told.level
        notes += [Note("nobody_to_tell", "no_contact", name, {"level": name}) for name in told.skipped]
        if told.level is not None:
            what = PURPOSE_OF_LEVEL.get(told.level, purpose)
            made = rows(about, what, told.targets, unit=unit, info=info, reason="nobody_on_duty", now=now, severity=severity)
    if found.skipped and unit is not None:
        told_now = {row["target"] for row in made}
        others = [url for url in unit.supervisor if url not in told_now]
        made += rows(about, "nobody_on_duty", others, unit=unit, info=info, reason="nobody_on_duty", now=now, severity=severity)
    return Said(
        made, notes, _timers(policy, step, round_, now), step, level, tuple(note.detail for note in notes[: len(found.skipped)])
    )


def again(
    people: People, policy: Policy, about: Subject, step: int, count: int, *, unit: Unit | None, info: ConditionInfo | None,
    severity: str, now: datetime,
) -> tuple[list[dict[str, Any]], Climb]:  # fmt: skip
    """Whom a step reaches now is told once more that nobody has acknowledged; `count` times that was said before."""
    found = climb(people, policy, max(step, 0), unit, now)
    about = about._replace(turn=f"{about.turn}.again.{count}")
    made = rows(
        about, "unacknowledged", found.targets, unit=unit, info=info, reason="not_acknowledged", now=now, step=found.step,
        severity=severity,
    )  # fmt: skip
    return made, found


def told(found: Climb) -> list[str]:
    """Who was told, for the ledger: people by name, units by level, contacts without what may be secret."""
    names: dict[str, None] = {}
    for one in found.reached:
        for contact in one.contacts:
            names[contact.person or (one.target if one.target in LEVELS else safe(contact.url))] = None
    return list(names)


def _escalated(policy: Policy, found: Climb, round_: int, reason: str) -> Note:
    facts = {"to": told(found), "step": found.step, "round": round_, "policy": policy.id, "why": found.why}
    return Note("escalated", reason, f"step {(found.step or 0) + 1} of {policy.id}: {found.why}", facts)


def _skipped(policy: Policy, number: int, found: Climb) -> Note:
    reached = dict(found.skipped)[number]
    targets = [{"target": shown(one.target), "reason": one.reason, "why": one.why} for one in reached]
    why = "; ".join(f"{one['target']}: {one['reason']} ({one['why']})" for one in targets)
    facts = {"policy": policy.id, "step": number, "targets": targets}
    return Note("nobody_to_tell", "nobody_on_duty", f"step {number + 1} of {policy.id}: {why}", facts)


def _timers(policy: Policy, step: int, round_: int, now: datetime) -> dict[str, datetime]:
    times = {}
    after = following(policy, len(policy.steps) - 1 if step == NONE_TOLD else step, round_)
    if after is not None:
        times[ESCALATE] = now + timedelta(seconds=after.after_s)
    if policy.remind_s:
        times[REPEAT] = now + timedelta(seconds=policy.remind_s)
    return times
