"""PURE. Signs that figures are made instead of repairs. Each is a question to a unit, with the orders to ask about.

All tests are one-sided binomial ones and exact; `p` is the chance of so many, or more, without any reason.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from types import MappingProxyType
from typing import NamedTuple

from dispatch.scores.figures import holds, view_of
from dispatch.scores.history import CaseHistory, OrderHistory
from dispatch.scores.predicates import came_back, is_late, settled_at
from dispatch.scores.rules import Rules, Sign

DAY_AND_NIGHT = frozenset({"urgent_minute", "urgent_hour", "natural_day"})
_EXAMPLES = 5

REASONS: Mapping[str, str] = MappingProxyType(
    {
        "bunched_before_limit": "Fixed is said just before the limit, far more often than a little earlier.",
        "bunched_against_others": "Fixed is said just before the limit, far more often than other units do.",
        "back_soon": "The same fault comes back after its repairs far more often than after those of others.",
        "sensor_disagrees": "Fixed is said while the sensor shows the fault, far more often than by others.",
        "pauses_before_limit": "Pauses are asked for just before the limit, far more often than by chance.",
        "pauses_often": "Clocks are paused far more often than by others.",
    }
)
"""name of a sign -> what it says"""


class Suspicion(NamedTuple):
    """A sign about one unit."""

    reason: str
    unit: str
    n: int
    of: int
    expected: float
    """share by chance"""
    p: float
    orders: tuple[str, ...]
    """some of them, the first ones"""


class _Hit(NamedTuple):
    order: str
    hit: bool


def signs(
    cases: Iterable[CaseHistory], rules: Rules, *, asof: datetime, begin: datetime | None = None, end: datetime | None = None
) -> list[Suspicion]:
    """All signs of the orders that settled within [begin, end), the surest first. Excluded cases are no sign of anything."""
    view = view_of(rules, asof)
    units: dict[str, list[CaseHistory]] = {}
    for case in cases:
        at = settled_at(case, asof)
        outside = at is None or (begin is not None and at < begin) or (end is not None and at >= end)
        if outside or case.order is None or any(holds([one.predicate], case, view) for one in rules.excluded):
            continue
        units.setdefault(case.order.unit or "-", []).append(case)

    def hits(ask: Callable[[CaseHistory, OrderHistory], bool | None]) -> dict[str, list[_Hit]]:
        found: dict[str, list[_Hit]] = {}
        for unit, row in units.items():
            asked = [(case.order.id, ask(case, case.order)) for case in row if case.order]
            found[unit] = [_Hit(order, answer) for order, answer in asked if answer is not None]
        return found

    book = rules.gaming
    found = [
        *_near(hits(lambda c, o: _last(o, book.bunched_closes.share, asof)), book.bunched_closes),
        *_others(
            "bunched_against_others", hits(lambda c, o: _at_work(o, book.bunched_closes.share, asof)), book.bunched_closes
        ),
        *_others("back_soon", hits(lambda c, o: came_back(c, view) if o.closes else None), book.back_soon),
        *_others("sensor_disagrees", hits(lambda c, o: bool(o.reworks) if o.fixed else None), book.sensor_disagrees),
        *_others("pauses_often", hits(lambda c, o: any(s.kind == "paused" for s in o.stops)), book.paused_share),
        *_others("pauses_before_limit", _pauses(units, book.pauses.share), book.pauses, least=book.pauses.share),
    ]
    return sorted(found, key=lambda one: (one.p, one.reason, one.unit))


def position(begin: datetime | None, at: datetime, due: datetime | None) -> float | None:
    """Where between the beginning and the end of a limit a moment lies, 0 to 1; None when outside, or when nothing is known."""
    if begin is None or due is None or due <= begin or not begin <= at <= due:
        return None
    return (at - begin) / (due - begin)


def tail(n: int, of: int, p: float) -> float:
    """The chance of `n` or more of `of` when each has the chance `p`."""
    if n <= 0:
        return 1.0
    if p >= 1:
        return 1.0
    if p <= 0:
        return 0.0
    logs = [
        math.lgamma(of + 1) - math.lgamma(k + 1) - math.lgamma(of - k + 1) + k * math.log(p) + (of - k) * math.log1p(-p)
        for k in range(n, of + 1)
    ]
    top = max(logs)
    return min(1.0, math.exp(top) * math.fsum(math.exp(one - top) for one in logs))


def _where(order: OrderHistory, asof: datetime) -> float | None:
    if order.done_at is None or not order.fixed or is_late(order, asof):
        return None
    return position(order.limit_from, order.done_at, order.due_at)


def _last(order: OrderHistory, share: float, asof: datetime) -> bool | None:
    """True: in the last part of its limit; False: in the part before that; None: elsewhere, or a limit of working time."""
    at = _where(order, asof)
    if at is None or at < 1 - 2 * share or order.limit_unit not in DAY_AND_NIGHT:
        return None
    return at >= 1 - share


def _at_work(order: OrderHistory, share: float, asof: datetime) -> bool | None:
    at = _where(order, asof)
    return None if at is None or order.limit_unit in DAY_AND_NIGHT else at >= 1 - share


def _pauses(units: Mapping[str, Sequence[CaseHistory]], share: float) -> dict[str, list[_Hit]]:
    found: dict[str, list[_Hit]] = {}
    for unit, row in units.items():
        stops = [(case.order.id, stop) for case in row if case.order for stop in case.order.stops if stop.kind == "paused"]
        places = [(order, position(stop.limit_from, stop.begin, stop.due_at)) for order, stop in stops]
        found[unit] = [_Hit(order, at >= 1 - share) for order, at in places if at is not None]
    return found


def _near(hits: Mapping[str, Sequence[_Hit]], sign: Sign) -> Iterable[Suspicion]:
    """Against the unit's own work just before: as many in the last part as in the one before it."""
    for unit, row in hits.items():
        yield from _told("bunched_before_limit", unit, row, 0.5, sign)


def _others(reason: str, hits: Mapping[str, Sequence[_Hit]], sign: Sign, least: float = 0.0) -> Iterable[Suspicion]:
    """Against all other units; with nobody to compare with, only against `least`."""
    total, every = sum(one.hit for row in hits.values() for one in row), sum(len(row) for row in hits.values())
    for unit, row in hits.items():
        others = every - len(row)
        if not others and not least:
            continue
        # one more hit and one more miss with the others: what nobody else did yet is not impossible
        share = (total - sum(one.hit for one in row) + 1) / (others + 2) if others else least
        yield from _told(reason, unit, row, max(share, least), sign)


def _told(reason: str, unit: str, row: Sequence[_Hit], expected: float, sign: Sign) -> Iterable[Suspicion]:
    n = sum(one.hit for one in row)
    if len(row) < sign.at_least:
        return
    p = tail(n, len(row), expected)
    if p < sign.p:
        yield Suspicion(reason, unit, n, len(row), expected, p, tuple(one.order for one in row if one.hit)[:_EXAMPLES])
