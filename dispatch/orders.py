"""PURE. The work order as a table: what may happen in which state, and what comes of it.

    dispatched -> acknowledged -> on_site -> fixed -> verified -> closed

`verified` and `closed` belong to the sensor: nobody can close an order by hand. A unit may skip steps (nobody is made to
press three buttons in the rain), so `ack`, `arrive` and `fix` are allowed from every earlier state.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import MappingProxyType

from citybrain.kernel.errors import StateError

NEW = "new"
"""Before the first event; never stored."""

FINAL = frozenset({"closed", "cancelled"})
"""An order that is over; only people may reopen a closed one."""

_WORK = {
    "arrive": "on_site", "make_safe": "on_site", "fix": "fixed", "verify": "verified", "return": "returned",
    "cancel": "cancelled",
}  # fmt: skip

TABLE: Mapping[str, Mapping[str, str]] = MappingProxyType(
    {
        NEW: {"dispatch": "dispatched"},
        "dispatched": {"ack": "acknowledged", **_WORK},
        "acknowledged": dict(_WORK),
        "on_site": {event: state for event, state in _WORK.items() if event != "arrive"},
        # said, not yet shown by the sensor
        "fixed": {"verify": "verified", "rework": "rework", "cancel": "cancelled"},
        "rework": {"ack": "acknowledged", **_WORK},
        # nobody's at the moment; the sensor may still see it go away
        "returned": {"redispatch": "dispatched", "dispute": "arbitration", "verify": "verified", "cancel": "cancelled"},
        # two units do not want it: the district decides
        "arbitration": {"redispatch": "dispatched", "verify": "verified", "cancel": "cancelled"},
        "verified": {"close": "closed", "rework": "rework", "reopen": "dispatched"},
        # not fixed, or bad again: the same order goes on
        "closed": {"reopen": "dispatched"},
        "cancelled": {},
    }
)
"""state -> event -> next state"""

STATES = tuple(state for state in TABLE if state != NEW)
EVENTS = tuple(sorted({event for moves in TABLE.values() for event in moves}))

PEOPLE = ("ack", "arrive", "make_safe", "fix", "return", "cancel")
"""The events that people may cause; the others are the program's."""

WITH_REASON = frozenset({"return", "cancel"})
"""Events that nobody may cause without saying why."""

NOTES = (
    "reminded",
    "overdue",
    "escalated",
    "nobody_to_tell",
    "notice_failed",
    "tightened",
    "asked",
    "approved",
    "refused",
    "lapsed",
    "pause",
    "suspend",
    "extend",
    "resume",
)
"""Entries of the ledger that leave the state as it is."""


def move(state: str, event: str) -> str:
    """The state after `event`. Raises StateError (with state and event in its message) when the table does not allow it."""
    try:
        return TABLE[state][event]
    except KeyError:
        raise StateError("order", state, event) from None


def allowed(state: str) -> tuple[str, ...]:
    """The events that people may cause in a state, in the order of the work."""
    return tuple(event for event in PEOPLE if event in TABLE.get(state, {}))


def replay(events: Iterable[str]) -> str:
    """The state that a history of events (notes among them) leads to. Raises StateError at the first that is not allowed."""
    state = NEW
    for event in events:
        if event not in NOTES:
            state = move(state, event)
    return state
