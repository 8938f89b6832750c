"""PURE. What may be asked of a case: the words that formulas are made of."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import NamedTuple

from dispatch.returns import MISDIRECTED
from dispatch.scores.history import CaseHistory, OrderHistory


class View(NamedTuple):
    """What a question is asked with: the moment of asking, and the numbers of the rules."""

    asof: datetime
    accept_s: float
    again_s: float
    repeat_s: float
    alike: int


Predicate = Callable[[CaseHistory, View], bool]

_SEEN = frozenset({"verified", "cleared_by_sensor", "cleared"})
_NOBODYS = frozenset({"returned", "arbitration"})


def _order(case: CaseHistory) -> OrderHistory:
    return case.order or OrderHistory("")


def _misdirected(order: OrderHistory) -> bool:
    """The unit that got it first gave it back as not its own, and another one has it now."""
    first = order.returns[0] if order.returns else None
    return first is not None and first.code in MISDIRECTED and first.unit != order.unit


def is_late(order: OrderHistory, asof: datetime) -> bool:
    """Not done by the end of its limit. A clock that stands is not late, and what was done while it stood was done in time."""
    if order.due_at is None or order.standing:
        return False
    if order.clock in {"met", "met_late"} and order.done_at is not None:
        return order.clock == "met_late"
    if order.cancelled_at is not None and order.done_at is None:
        return order.cancelled_at > order.due_at
    return (order.done_at or asof) > order.due_at


def settled_at(case: CaseHistory, asof: datetime) -> datetime | None:
    """When the order is held to account: when it was done, or when its limit passed, whichever was first."""
    order = _order(case)
    if is_late(order, asof):
        return order.due_at
    if order.closed_at is not None:
        return order.done_at or order.closed_at
    return order.cancelled_at


def came_back(case: CaseHistory, view: View) -> bool:
    """The same fault again within the time after the close."""
    order = _order(case)
    back = [at for at in (case.again_at, *order.reopened) if at is not None]
    closes = [*order.closes, *([case.closed_at] if case.closed_at else [])]
    within = timedelta(seconds=view.again_s)
    return any(timedelta(0) <= at - close <= within for at in back for close in closes)


def _within(later: datetime | None, earlier: datetime | None, seconds: float) -> bool:
    return later is not None and earlier is not None and later - earlier <= timedelta(seconds=seconds)


PREDICATES: Mapping[str, tuple[str, Predicate]] = MappingProxyType(
    {
        "reported": ("a case began", lambda c, v: True),
        "filed": ("it got an order (立案)", lambda c, v: c.order is not None),
        "filed_in_time": (
            "its order was dispatched within `accept_s` of the beginning",
            lambda c, v: _within(_order(c).dispatched_at, c.opened_at, v.accept_s),
        ),
        "grouped": ("a case of its group took it up: that one counts", lambda c, v: c.outcome in {"grouped", "storm_grouped"}),
        "merged": ("people merged it into another one: that one counts", lambda c, v: c.outcome == "merged"),
        "withdrawn": ("late readings showed that it did not happen", lambda c, v: c.outcome == "withdrawn"),
        "cancelled": ("its order was cancelled", lambda c, v: _order(c).state == "cancelled"),
        "appealed": ("an appeal of the unit was approved (申诉)", lambda c, v: c.appeal == "approved"),
        "planned": ("planned work of a forecast, no fault", lambda c, v: (c.filing_item or "").startswith("PL-")),
        "suspended": ("its clock stands by a suspension (挂账)", lambda c, v: _order(c).standing == "suspended"),
        "paused_once": ("its clock was paused at least once", lambda c, v: any(s.kind == "paused" for s in _order(c).stops)),
        "extended": ("its limit was extended", lambda c, v: _order(c).extended),
        "handled": ("the unit said fixed, or the sensor showed it (处置)", lambda c, v: _order(c).done_at is not None),
        "closed": ("its order is closed (结案)", lambda c, v: _order(c).state == "closed"),
        "ended": ("its order is closed or cancelled (办结)", lambda c, v: _order(c).state in {"closed", "cancelled"}),
        "late": ("it was not done by the end of its limit", lambda c, v: is_late(_order(c), v.asof)),
        "settled": (
            "it is closed or cancelled, or its limit has passed without it being done (应结案)",
            lambda c, v: settled_at(c, v.asof) is not None,
        ),
        "has_unit": (
            "some unit has it: it is not returned, and not in arbitration",
            lambda c, v: _order(c).state not in _NOBODYS,
        ),
        "right_unit_first": (
            f"the unit that got it first did not give it back as {' or '.join(MISDIRECTED)}, or has it all the same (准确派遣)",
            lambda c, v: c.order is not None and not _misdirected(_order(c)),
        ),
        "reworked": ("the sensor sent it back at least once (返工)", lambda c, v: bool(_order(c).reworks)),
        "returned": ("a unit returned it at least once (回退)", lambda c, v: bool(_order(c).returns)),
        "supervised": ("it went up to a supervisor (督办)", lambda c, v: _order(c).supervised),
        "safe_known": ("it has a make-safe clock", lambda c, v: _order(c).safe_due_at is not None),
        "safe_in_time": (
            "it was made safe, or somebody arrived, within the make-safe limit",
            lambda c, v: _safe_in_time(_order(c)),
        ),
        "seen_fixed": ("a sensor showed that the fault is gone", lambda c, v: c.outcome in _SEEN),
        "came_back": ("the same fault came again within `again_s` of the close", came_back),
        "repeated": (
            "it began within `repeat_s` of the close of a case of the same asset and cause (重复)",
            lambda c, v: _within(c.opened_at, c.before_at, v.repeat_s),
        ),
        "frequent": (
            "it is at least the `alike`th of its asset and cause within `alike_days`",
            lambda c, v: c.alike >= v.alike,
        ),
    }
)
"""name -> (what it says, the question)"""


def _safe_in_time(order: OrderHistory) -> bool:
    at = order.safe_at or order.arrived_at
    return at is not None and order.safe_due_at is not None and at <= order.safe_due_at


MOMENTS: Mapping[str, tuple[str, Callable[[CaseHistory, View], datetime | None]]] = MappingProxyType(
    {
        "opened": ("when the case began", lambda c, v: c.opened_at),
        "dispatched": ("when its order was dispatched", lambda c, v: _order(c).dispatched_at),
        "settled": ("when it was done or its limit passed, whichever was first", lambda c, v: settled_at(c, v.asof)),
        "closed": ("when its order was closed", lambda c, v: _order(c).closed_at),
    }
)
"""name -> (what it says, the moment by which a case belongs to a period and a month)"""

MEASURES: Mapping[str, tuple[str, Callable[[CaseHistory, View], float | None]]] = MappingProxyType(
    {
        "accept_s": ("seconds from the beginning to the dispatch", lambda c, v: _seconds(c.opened_at, _order(c).dispatched_at)),
        "acknowledge_s": (
            "seconds from the dispatch to the first sign of the unit",
            lambda c, v: _seconds(_order(c).dispatched_at, _order(c).acknowledged_at),
        ),
        "handle_s": (
            "seconds from the dispatch until it was done",
            lambda c, v: _seconds(_order(c).dispatched_at, _order(c).done_at),
        ),
        "lateness_s": ("seconds that it was or is late", lambda c, v: _lateness(_order(c), v.asof)),
    }
)
"""name -> (what it says, the value of a case, if it has one)"""


def _seconds(begin: datetime | None, end: datetime | None) -> float | None:
    return (end - begin).total_seconds() if begin and end else None


def _lateness(order: OrderHistory, asof: datetime) -> float | None:
    if order.due_at is None or not is_late(order, asof):
        return None
    return ((order.done_at or order.cancelled_at or asof) - order.due_at).total_seconds()
