"""Orders and cases that begin: drafted in memory, written by a few statements for many."""

from __future__ import annotations

import logging
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from citybrain.kernel.ids import derived_id
from citybrain.kernel.model import Asset, Unit
from citybrain.store import cases, clocks, escalations, ledger, orders, outbox, timers
from citybrain.store.db import Tx
from dispatch.alike import Alike, used
from dispatch.board import OpenCase
from dispatch.first_notice import first_notice
from dispatch.ledger import Drafted
from dispatch.opening import Lookups, OpenedOrder
from dispatch.orders import NEW
from dispatch.places import spots

log = logging.getLogger(__name__)


@dataclass(slots=True)
class Draft:
    """New cases and orders, written by a few statements instead of ten for each."""

    cases: list[dict[str, Any]] = field(default_factory=list)
    opened: list[OpenedOrder] = field(default_factory=list)
    _orders: list[dict[str, Any]] = field(default_factory=list)
    _entries: Drafted = field(default_factory=Drafted)
    _notices: list[dict[str, Any]] = field(default_factory=list)
    _timers: dict[str, dict[str, datetime]] = field(default_factory=dict)
    _begun: list[dict[str, str]] = field(default_factory=list)
    _escalations: list[dict[str, Any]] = field(default_factory=list)
    _alike: Alike = field(default_factory=Alike)

    def case(self, case: OpenCase, *, opened_at: datetime, reason: str, district: str | None = None) -> None:
        """A new case, and why there is one."""
        self.cases.append(
            {
                "id": case.id,
                "asset": case.asset,
                "kind": case.kind,
                "cause": case.cause,
                "condition": case.condition,
                "severity": case.severity,
                "state": case.state,
                "opened_at": opened_at,
                "filing_item": case.filing,
                "group_key": case.group_key,
                "parents": list(case.parents),
                "raised_at": case.raised_at,
                "lat": case.lat,
                "lon": case.lon,
                "spot": None if case.lat is None or case.lon is None else min(spots(case.cause, case.lat, case.lon)),
            }
        )
        event = "waits" if case.state == "gathering" else "opened"
        facts = {**facts_of(case), "filing_item": case.filing, "district": district}
        self._entries.case(case.id, event, at=opened_at, actor="dispatch", reason=reason, facts=facts)

    def timer(self, case_id: str, purpose: str, at: datetime) -> None:
        """A timer of a case."""
        self._timers.setdefault(case_id, {})[purpose] = at

    def order(
        self, look: Lookups, case: OpenCase, asset: Asset, filing: str, *, alert_id: str, reason: str, now: datetime,
        trace: str = "",
    ) -> OpenedOrder:  # fmt: skip
        """The order of a case: one in its life, so its id comes from the case. Both clocks start now, at dispatch.

        `trace` is the trace id of the message that raised the alert.
        """
        answer = look.answer(asset, case.condition, now)
        unit, item = answer.unit, look.item(filing)
        begun = self._alike.clocks(look, unit, filing, case.severity, asset.street_class, now)
        order_id = derived_id("order", case.id)
        facts = {
            **facts_of(case),
            "filing_item": filing,
            "district": asset.district,
            "unit": unit.id,
            "clocks": begun.facts,
        }
        state = self._entries.order(
            case.id, order_id, "dispatch", NEW, at=now, actor="dispatch", reason=reason, detail=f"to {unit.id}", facts=facts
        )
        repair = begun.repair
        self._orders.append(
            {
                "id": order_id,
                "case_id": case.id,
                "unit": unit.id,
                "state": state,
                "filing_item": filing,
                "limit_value": repair.value,
                "limit_unit": repair.unit,
                "dispatched_at": now,
                "due_at": repair.due_at,
                "reason": reason,
                "trail": self._alike.trail(answer.trail),
                "explanation": begun.explanation,
                "checklist": self._alike.checklist(look, filing),
                "safe_by_arrival": look.books.profile.rules.safe_by_arrival,
                "close_en": item.close_en if item else "",
                "close_zh": item.close_zh if item else "",
                "trace": {"trace_id": trace} if trace else {},
            }
        )
        self._first_notice(look, case, unit, order_id, state, reason=reason, now=now)
        self._begun.append({"case_id": case.id, "order_id": order_id, "alike": begun.key})
        opened = OpenedOrder(order_id, case.id, alert_id, case.asset, case.condition, unit.id, repair.due_at, now, trace)
        self.opened.append(opened)
        return opened

    def _first_notice(
        self, look: Lookups, case: OpenCase, unit: Unit, order_id: str, state: str, *, reason: str, now: datetime
    ) -> None:
        """Tell who is on duty by the policy, else the unit; a step with nobody is skipped at once."""
        info = look.info(case.condition)
        first = first_notice(look.people, order_id, state, unit=unit, info=info, severity=case.severity, reason=reason, now=now)
        for alarm in first.alarms:
            log.error("order %s: %s; the step is skipped", order_id, alarm)
        for note in first.notes:
            self._entries.order(
                case.id, order_id, note.event, state, at=now, actor="dispatch", reason=note.reason, detail=note.detail,
                facts=note.facts,
            )  # fmt: skip
        self._notices += first.rows
        self._escalations += [first.begun] if first.begun else []
        for purpose, at in first.timers.items():
            self.timer(case.id, purpose, at)

    def flush(self, tx: Tx) -> None:
        """Write everything drafted so far."""
        cases.add(tx, self.cases)
        orders.add(tx, self._orders, used(self._orders, self._alike.texts, "trail", "explanation", "checklist"))
        shapes = [self._alike.begun[key] for key in {row["alike"] for row in self._begun}]
        clocks.add(tx, self._begun, {shape.key: shape.rows for shape in shapes})
        timers.set_alike(tx, self._begun, {shape.key: shape.times for shape in shapes})
        timers.set_all(tx, self._timers)
        outbox.add(tx, self._notices)
        escalations.begin_many(tx, self._escalations)
        ledger.add_many(tx, self._entries.chain(tx))
        self._escalations = []
        self.cases, self._orders, self._notices, self._timers, self._begun = [], [], [], {}, []


def facts_of(case: OpenCase) -> dict[str, Any]:
    """What the ledger says of a case when it begins, and when its order goes out."""
    return {
        "asset": case.asset, "kind": case.kind, "cause": case.cause, "condition": case.condition, "severity": case.severity,
    }  # fmt: skip
