"""PURE. Who is told what, and whether it still makes sense when it is sent."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple
from urllib.parse import urlsplit

from citybrain.kernel.contacts import CHANNELS
from citybrain.kernel.ids import derived_id
from citybrain.kernel.model import Unit

LEVELS = ("unit", "lead", "supervisor")
"""The ladder: who is told first, and who when nobody acts."""

_TAKEN = frozenset({"fixed", "verified", "closed", "cancelled"})
UNTAKEN = frozenset({"dispatched", "rework"})
"""States of an order that its unit has not taken yet."""
_UNFINISHED = frozenset({"dispatched", "acknowledged", "on_site", "rework"})

STILL: Mapping[str, frozenset[str]] = {
    "reminder_50": UNTAKEN,
    "reminder_80": _UNFINISHED,
    "limit": _UNFINISHED | {"returned", "arbitration"},
    "supervisor": _UNFINISHED | {"returned", "arbitration"},
    "safe_50": _UNFINISHED,
    "safe_limit": _UNFINISHED | {"returned", "arbitration"},
}
"""timer of a clock (its share stands in `dispatch.clocks`) -> states of the order in which it still means something"""

_SAME_STATE = frozenset({"dispatched", "reminder_50", "reminder_80", "rework", "returned", "arbitration"})
"""Said about a state: dropped as soon as the order is in another one."""
_UNTIL_DONE = frozenset(
    {"overdue", "escalated_lead", "escalated_supervisor", "safe_50", "safe_overdue", "reopened", "asked", "answered", "resumed"}
)
"""Said about work that is not done: dropped when it is (what is said about safety also when it is safe)."""

_UNTIL_TAKEN = frozenset({"escalated_step", "unacknowledged", "nobody_on_duty"})
"""Said by a policy, because nobody has acknowledged: dropped as soon as somebody has, also when it was queued before."""

PURPOSES = (*sorted(_SAME_STATE | _UNTIL_DONE | _UNTIL_TAKEN), "closed", "cancelled")
"""What is said about an order."""
TAKEN = "taken"
"""Timer: somebody has just taken the order."""
PERSONAL = ("handover_in", "handover_out")
"""What is said to a person about their duty."""

PURPOSE_OF_LEVEL: Mapping[str, str] = {"lead": "escalated_lead", "supervisor": "escalated_supervisor"}


class Target(NamedTuple):
    """A contact URL to be told; whose it is (None: a unit's) and the language that is wanted there ("": the city's)."""

    url: str
    person: str | None = None
    language: str = ""


class Telling(NamedTuple):
    """Whom a step reaches. `skipped` are the levels before it with nobody to tell; `level` None: nobody at all."""

    level: str | None
    targets: tuple[str, ...]
    skipped: tuple[str, ...]


def ladder(unit: Unit | None, start: str) -> Telling:
    """The first level from `start` upwards that has somebody: an empty step is skipped at once, not waited for."""
    skipped: list[str] = []
    for level in LEVELS[LEVELS.index(start) :]:
        targets = contacts(unit, level)
        if targets:
            return Telling(level, targets, tuple(skipped))
        skipped.append(level)
    return Telling(None, (), tuple(skipped))


def contacts(unit: Unit | None, level: str) -> tuple[str, ...]:
    """The contacts of one level of a unit."""
    if unit is None:
        return ()
    return {"unit": unit.contacts, "lead": unit.lead, "supervisor": unit.supervisor}[level]


def channel_of(target: str) -> str:
    """The channel of a contact URL; "unknown" when no channel speaks its scheme (it fails visibly when it is sent)."""
    try:
        scheme = urlsplit(target).scheme
    except ValueError:
        return "unknown"
    return CHANNELS.get(scheme, "unknown")


def notice_id(order_id: str, purpose: str, target: str, turn: str) -> str:
    """Id and idempotency key of a notice. `turn` tells repetitions apart (how often returned and reworked)."""
    return derived_id("notice", order_id, purpose, target, turn)


def stale(purpose: str, *, order_state: str, was_state: str | None, unit: str, was_unit: str) -> str | None:
    """Why a notice must not be sent any more, or None. `was_…` is what held when it was written."""
    if purpose in _UNTIL_TAKEN and order_state == "acknowledged":
        return "acknowledged"
    if purpose in _SAME_STATE | _UNTIL_TAKEN and order_state != was_state:
        return "state_changed"
    if purpose in _UNTIL_DONE and order_state in _TAKEN:
        return "state_changed"
    if purpose in _SAME_STATE | _UNTIL_DONE | _UNTIL_TAKEN and unit != was_unit:
        return "unit_changed"
    return None


def still(purpose: str, order_state: str) -> bool:
    """Does a timer of the clock still mean something in this state?"""
    return order_state in STILL[purpose]
