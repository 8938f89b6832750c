"""PURE. The case as the ledger knows it: its moves as a table, and what else is noted about it.

An entry with an order belongs to the order's table (`dispatch.orders`), one without to this one. Both stand in one chain, that
of the case. What each entry says in `facts`, for figures that are recomputed from the ledger alone:

    opened, waits   asset, kind, cause, condition, severity, district, filing_item
    ended           outcome
    dispatch        the same as opened, and unit, clocks: [{clock, value, unit, from, due}]
    redispatch      from, to, clocks      return  code, unit
    pause, resume, extend, suspend        the dues of the clocks, approved_by
    overdue         clock, due            reminded, escalated  to
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from citybrain.kernel.errors import StateError

NEW = "new"
"""Before the first entry; never stored."""

CASE_TABLE: Mapping[str, Mapping[str, str]] = MappingProxyType(
    {
        NEW: {"opened": "open", "waits": "gathering"},
        "gathering": {"sent_out": "open", "ended": "closed"},
        # one for information became work
        "open": {"sent_out": "open", "ended": "closed"},
        "closed": {"reopened": "open"},
    }
)
"""state -> event -> next state; `waits`: for siblings, or for the rest of what is told late"""

BEGINNINGS = frozenset({"opened", "waits", "taken_over"})
"""Entries that say what a case is."""

CASE_NOTES: Mapping[str, str] = MappingProxyType(
    {
        "taken_over": "The case was there before the ledger knew cases; its state at that moment.",
        "grouped": "Waiting cases were taken up by this one; their ids.",
        "located": "Where a feeder is cut: the last live and the first dead pole, and how many hang behind.",
        "grown": "How many assets the cause has put out by now, of how many.",
        "children_wait": "The cause is gone, some of its children still fire; why they wait, and until when.",
        "released": "Children that still fire after their cause was gone got cases of their own; assets and reasons.",
        "raised": "A graver alert joined; severity, condition and filing item now.",
        "merged": "People merged other cases into this one; their ids and the orders that ended.",
        "merged_into": "People merged this case into another one.",
        "split": "People gave some faults of this case cases of their own; assets and cases.",
        "storm_grouped": "The case of a catchment in a storm; district, open cases and what the crews can have.",
        "storm_ranked": "The order in which its drains are worked on, with the points of each.",
        "muted": "A silence covers the case: its notices wait, its limits run; which silence, until when.",
        "unmuted": "The silence is over: what is still true is told.",
        "appeal_asked": "The unit asks that an overdue order is not held against it, with its reason.",
        "appeal_approved": "The appeal was approved: the order does not count in scores; the trace stays.",
        "appeal_refused": "The appeal was refused.",
    }
)
"""Entries that leave the state of the case as it is -> what each says."""


def case_move(state: str, event: str) -> str:
    """The state of a case after `event`. Raises StateError when the table does not allow it."""
    try:
        return CASE_TABLE[state][event]
    except KeyError:
        raise StateError("case", state, event) from None
