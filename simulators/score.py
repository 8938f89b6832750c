"""What was noticed against what was true: detected, missed, false, delay; and whether each fault got exactly one order.

PURE. An alert belongs to a fault when its condition and asset are the fault's (or among its legitimate sides) and it was raised
after the fault began and began before the fault's end and aftermath. A withdrawn alert is neither a detection nor false.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from simulators.truth import Fault

ENDED = frozenset({"cancelled"})
"""States of orders that never were."""


class AlertRow(NamedTuple):
    """One episode as the city brain tells it. Times are ms since the epoch, UTC."""

    id: str
    asset: str
    condition: str
    severity: str
    onset_ms: int
    raised_ms: int
    end_ms: int | None = None
    withdrawn: bool = False


class OrderRow(NamedTuple):
    """One work order with its case. `children` are the assets that a parent's case took in."""

    id: str
    asset: str
    condition: str
    cause: str
    opened_ms: int
    closed_ms: int | None
    state: str
    children: tuple[str, ...] = ()


class NameScore(NamedTuple):
    """The score of one kind of fault, or of one condition. Delays in seconds from the beginning of the fault to the alert."""

    injected: int
    detected: int
    missed: int
    late: int
    delay_p50_s: float | None
    delay_p95_s: float | None


@dataclass(frozen=True, slots=True)
class Score:
    """The comparison. Missed are only faults whose time to be noticed has passed and that still lasted then."""

    injected: int
    detected: tuple[str, ...]
    missed: tuple[str, ...]
    late: tuple[str, ...]
    """Detected, but after their bound."""
    pending: tuple[str, ...]
    """Not noticed yet, and not due."""
    false: tuple[AlertRow, ...]
    false_critical: tuple[AlertRow, ...]
    by_fault: dict[str, NameScore] = field(default_factory=dict)
    by_condition: dict[str, NameScore] = field(default_factory=dict)
    """By the condition that noticed first; `injected` and `detected` are equal here."""
    orders_duplicate: tuple[str, ...] = ()
    orders_false: tuple[str, ...] = ()
    orders_side: tuple[str, ...] = ()
    """For a legitimate consequence of a fault."""
    orders_missing: tuple[str, ...] = ()
    """Detected faults that should have an order and have none."""

    @property
    def recall(self) -> float:
        """Share of the due faults that were detected; 1 when none is due."""
        due = len(self.detected) + len(self.missed)
        return len(self.detected) / due if due else 1.0

    def summary(self) -> dict[str, Any]:
        """The figures for a JSON report."""
        return {
            "faults_injected": self.injected,
            "faults_detected": len(self.detected),
            "faults_missed": len(self.missed),
            "faults_late": len(self.late),
            "faults_pending": len(self.pending),
            "false_alerts": len(self.false),
            "false_critical_alerts": len(self.false_critical),
            "orders_duplicate": len(self.orders_duplicate),
            "orders_false": len(self.orders_false),
            "orders_side": len(self.orders_side),
            "orders_missing": len(self.orders_missing),
            "missed": list(self.missed),
            "false": [f"{alert.condition} {alert.asset}" for alert in self.false[:50]],
            "by_fault": {name: one._asdict() for name, one in sorted(self.by_fault.items())},
            "by_condition": {name: one._asdict() for name, one in sorted(self.by_condition.items())},
        }


def percentile(values: Sequence[float], share: float) -> float | None:
    """The nearest-rank percentile (share in 0..1) of some values; None of none."""
    if not values:
        return None
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, max(0, math.ceil(share * len(ordered)) - 1))]


class _Index:
    """Faults by the assets that they touch."""

    def __init__(self, truth: Iterable[Fault]) -> None:
        self._mine: dict[str, list[Fault]] = defaultdict(list)
        self._side: dict[str, list[Fault]] = defaultdict(list)
        for fault in truth:
            for asset in {fault.asset, *fault.assets}:
                self._mine[asset].append(fault)
            for asset in fault.side_assets:
                self._side[asset].append(fault)

    def causes(self, asset: str, condition: str, from_ms: int, raised_ms: int) -> list[Fault]:
        """The faults that this condition on this asset detects."""
        return [fault for fault in self._mine[asset] if condition in fault.conditions and _meets(fault, from_ms, raised_ms)]

    def sides(self, asset: str, condition: str, from_ms: int, raised_ms: int) -> list[Fault]:
        """The faults of which this condition on this asset is a legitimate consequence."""
        touched = (*self._mine[asset], *self._side[asset])
        return [fault for fault in touched if condition in fault.sides and _meets(fault, from_ms, raised_ms)]


def _meets(fault: Fault, from_ms: int, raised_ms: int) -> bool:
    return raised_ms >= fault.from_ms and (fault.to_ms is None or from_ms <= fault.to_ms + fault.aftermath_ms)


def score(truth: Iterable[Fault], alerts: Iterable[AlertRow], orders: Iterable[OrderRow], now_ms: int) -> Score:
    """Compare what was raised and ordered until `now_ms` (ms since the epoch) with the truth. Order of the inputs is free."""
    faults = sorted((fault for fault in truth if fault.from_ms <= now_ms), key=lambda fault: (fault.from_ms, fault.id))
    index = _Index(faults)
    first: dict[str, AlertRow] = {}
    false: list[AlertRow] = []
    for alert in sorted(alerts, key=lambda alert: (alert.raised_ms, alert.id)):
        if alert.withdrawn or alert.raised_ms > now_ms:
            continue
        causes = index.causes(alert.asset, alert.condition, alert.onset_ms, alert.raised_ms)
        for fault in causes:
            first.setdefault(fault.id, alert)
        if not causes and not index.sides(alert.asset, alert.condition, alert.onset_ms, alert.raised_ms):
            false.append(alert)
    real = [fault for fault in faults if fault.real]
    missed = tuple(fault.id for fault in real if fault.id not in first and _is_due(fault, now_ms))
    ordered = _orders(index, list(orders))
    return Score(
        injected=len(real),
        detected=tuple(fault.id for fault in real if fault.id in first),
        missed=missed,
        late=tuple(fault.id for fault in real if fault.id in first and first[fault.id].raised_ms > fault.detect_by_ms),
        pending=tuple(fault.id for fault in real if fault.id not in first and fault.id not in missed),
        false=tuple(false),
        false_critical=tuple(alert for alert in false if alert.severity == "critical"),
        by_fault=_by_fault(real, first, set(missed)),
        by_condition=_by_condition(real, first),
        orders_duplicate=ordered.duplicate,
        orders_false=ordered.false,
        orders_side=ordered.side,
        orders_missing=tuple(
            fault.id for fault in real if fault.id in first and fault.expects_order and fault.id not in ordered.served
        ),
    )


def _is_due(fault: Fault, now_ms: int) -> bool:
    return fault.detect_by_ms <= now_ms and (fault.to_ms is None or fault.to_ms >= fault.detect_by_ms)


def _by_fault(real: Sequence[Fault], first: dict[str, AlertRow], missed: set[str]) -> dict[str, NameScore]:
    groups: dict[str, list[Fault]] = defaultdict(list)
    for fault in real:
        groups[fault.name].append(fault)
    found = {}
    for name, faults in groups.items():
        seen = [fault for fault in faults if fault.id in first]
        late = sum(first[fault.id].raised_ms > fault.detect_by_ms for fault in seen)
        lost = sum(fault.id in missed for fault in faults)
        found[name] = _name_score(len(faults), lost, late, [_delay_s(fault, first) for fault in seen])
    return found


def _by_condition(real: Sequence[Fault], first: dict[str, AlertRow]) -> dict[str, NameScore]:
    groups: dict[str, list[Fault]] = defaultdict(list)
    for fault in real:
        if fault.id in first:
            groups[first[fault.id].condition].append(fault)
    found = {}
    for condition, faults in groups.items():
        late = sum(first[fault.id].raised_ms > fault.detect_by_ms for fault in faults)
        found[condition] = _name_score(len(faults), 0, late, [_delay_s(fault, first) for fault in faults])
    return found


def _delay_s(fault: Fault, first: dict[str, AlertRow]) -> float:
    return (first[fault.id].raised_ms - fault.from_ms) / 1000


def _name_score(injected: int, missed: int, late: int, delays: list[float]) -> NameScore:
    return NameScore(injected, len(delays), missed, late, percentile(delays, 0.5), percentile(delays, 0.95))


class _Orders(NamedTuple):
    duplicate: tuple[str, ...]
    false: tuple[str, ...]
    side: tuple[str, ...]
    served: frozenset[str]


def _orders(index: _Index, orders: list[OrderRow]) -> _Orders:
    """Duplicate is an order whose asset and cause have one open already, or a further one for a fault that has one, or one on
    a child (a lamp of a dead feeder, a device of a dead gateway) beside its parent's."""
    duplicate, false, side = list[str](), list[str](), list[str]()
    served: set[str] = set()
    open_until: dict[tuple[str, str], float] = {}
    for order in sorted(orders, key=lambda order: (order.opened_ms, order.id)):
        if order.state in ENDED:
            continue
        key = (order.asset, order.cause)
        twice = order.opened_ms < open_until.get(key, 0)
        open_until[key] = max(open_until.get(key, 0), float("inf") if order.closed_ms is None else order.closed_ms)
        touched = (order.asset, *order.children)
        causes = [f for asset in touched for f in index.causes(asset, order.condition, order.opened_ms, order.opened_ms)]
        sides = [f for asset in touched for f in index.sides(asset, order.condition, order.opened_ms, order.opened_ms)]
        fresh = [fault for fault in causes if fault.id not in served]
        served.update(fault.id for fault in fresh)
        on_child = not causes and any(order.asset in fault.side_assets and fault.real for fault in sides)
        if twice or on_child or (causes and not fresh):
            duplicate.append(order.id)
        elif not causes:
            (side if sides else false).append(order.id)
    return _Orders(tuple(duplicate), tuple(false), tuple(side), frozenset(served))
