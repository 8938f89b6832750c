"""Opening orders: the limit, the unit with its trail, the clock, the first notice — drafted in memory, written together."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple

from citybrain.kernel.calendar import WorkCalendar
from citybrain.kernel.conditions import ConditionInfo
from citybrain.kernel.errors import ConfigError, NotFound
from citybrain.kernel.ids import derived_id
from citybrain.kernel.model import Asset, Unit
from citybrain.kernel.register import Register
from citybrain.store import cases, orders, outbox, timers
from citybrain.store.db import Tx
from dispatch import telling
from dispatch.board import OpenCase
from dispatch.books import Books
from dispatch.causes import Surroundings
from dispatch.deadlines import Deadline, due
from dispatch.ledger import Drafted
from dispatch.limits import REPAIR, Limit
from dispatch.network import network_of
from dispatch.notices import clock, ladder
from dispatch.orders import NEW
from dispatch.responsibility import UNASSIGNED, Step, find_unit

log = logging.getLogger(__name__)

UNKNOWN_LIMIT = Limit(1.0, "work_day", "none", quiet=True)
"""For a filing item that the table of limits does not have (check-config refuses it): better a common limit than no order."""


@dataclass(frozen=True, slots=True)
class Lookups:
    """What decisions look up."""

    infos: Mapping[str, ConditionInfo]
    register: Register
    books: Books

    def info(self, condition: str, kind: str = "any", severity: str = "minor") -> ConditionInfo:
        """A condition; one that the rulebook no longer has is information only."""
        known = self.infos.get(condition)
        return known or ConditionInfo(condition, kind, severity, cause=condition.lower(), filing=None, verify_s=3600)

    def asset(self, asset_id: str, kind: str) -> Asset:
        """An asset; one that the register does not have is known by its kind alone."""
        return self.register.assets.get(asset_id) or Asset(id=asset_id, kind=kind, provisional=True)

    @property
    def around(self) -> Surroundings:
        """What decisions about belonging together look up."""
        return Surroundings(self.register.assets, network_of(self.register), self.books.grouping)

    def unit(self, unit_id: str) -> Unit | None:
        """A unit by its id, the built-in one of last resort among them."""
        return self.register.units.get(unit_id) or (UNASSIGNED if unit_id == UNASSIGNED.id else None)

    def limit(self, filing: str, clock: str = REPAIR, severity: str | None = None, street: str | None = None) -> Limit:
        """The limit of a clock for a filing item, a severity and the class of a street."""
        try:
            return self.books.profile.limit(clock, filing, severity, street)
        except NotFound as error:
            log.error("%s; %g %s stands in", error, UNKNOWN_LIMIT.value, UNKNOWN_LIMIT.unit)
            return UNKNOWN_LIMIT

    def calendar(self, unit: Unit | None) -> WorkCalendar:
        """The working calendar of a unit in its time zone; the default one in UTC when it names what does not exist."""
        if unit is not None:
            try:
                return self.books.calendars.for_unit(unit)
            except ConfigError as error:
                log.error("unit %s: %s; the default calendar in UTC stands in", unit.id, error)
        return self.books.calendars.of("default", "UTC")

    def deadline(self, unit: Unit | None, filing: str, start: datetime) -> Deadline:
        """Where the limit of a filing item ends for a unit."""
        limit = self.limit(filing)
        return due(start, limit.value, limit.unit, self.calendar(unit))

    def clock(self, unit: Unit | None, deadline: Deadline) -> dict[str, datetime]:
        """The timers that begin with a limit; that of the supervisor begins at the limit."""
        times = clock(deadline.start, deadline.value, deadline.unit, self.calendar(unit))
        return {purpose: at for purpose, at in times.items() if purpose != "supervisor"}


class OpenedOrder(NamedTuple):
    """An order that was opened: who has to do what by when."""

    order_id: str
    case_id: str
    alert_id: str
    asset: str
    condition: str
    unit: str
    due_at: datetime
    dispatched_at: datetime
    trace: str = ""
    """trace id of the message behind it"""


@dataclass(slots=True)
class Draft:
    """New cases and orders, written by a few statements instead of ten for each."""

    cases: list[dict[str, Any]] = field(default_factory=list)
    opened: list[OpenedOrder] = field(default_factory=list)
    _orders: list[dict[str, Any]] = field(default_factory=list)
    _entries: Drafted = field(default_factory=Drafted)
    _notices: list[dict[str, Any]] = field(default_factory=list)
    _timers: dict[str, dict[str, datetime]] = field(default_factory=dict)

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
        """The order of a case: one in its life, so its id comes from the case. The clock starts now, at dispatch.

        `trace` is the trace id of the message that raised the alert.
        """
        answer = find_unit(asset, case.condition, look.register, now)
        unit = answer.unit
        deadline = look.deadline(unit, filing, now)
        order_id = derived_id("order", case.id)
        facts = {
            **facts_of(case),
            "filing_item": filing,
            "district": asset.district,
            "unit": unit.id,
            "clocks": [clock_facts("repair", deadline)],
        }
        state = self._entries.order(
            case.id, order_id, "dispatch", NEW, at=now, actor="dispatch", reason=reason, detail=f"to {unit.id}", facts=facts
        )
        self._orders.append(
            {
                "id": order_id,
                "case_id": case.id,
                "unit": unit.id,
                "state": state,
                "filing_item": filing,
                "limit_value": deadline.value,
                "limit_unit": deadline.unit,
                "dispatched_at": now,
                "due_at": deadline.due_at,
                "reason": reason,
                "trail": trail(answer.trail),
                "explanation": list(deadline.steps),
                "trace": {"trace_id": trace} if trace else {},
            }
        )
        self._first_notice(look, case, unit, order_id, state, reason=reason, now=now)
        for purpose, at in look.clock(unit, deadline).items():
            self.timer(case.id, purpose, at)
        opened = OpenedOrder(order_id, case.id, alert_id, case.asset, case.condition, unit.id, deadline.due_at, now, trace)
        self.opened.append(opened)
        return opened

    def _first_notice(
        self, look: Lookups, case: OpenCase, unit: Unit, order_id: str, state: str, *, reason: str, now: datetime
    ) -> None:
        """Tell the unit; a unit without contacts is skipped at once and its lead is told."""
        told = ladder(unit, "unit")
        for level in told.skipped:
            log.error("order %s: nobody to tell at level %r of unit %s; the step is skipped", order_id, level, unit.id)
            self._entries.order(
                case.id, order_id, "nobody_to_tell", state, at=now, actor="dispatch", reason="no_contact", detail=level
            )
        if told.level is None:
            return
        about = telling.Subject(order_id, state, unit.id, "0.0")
        purpose = telling.PURPOSE_OF_LEVEL.get(told.level, "dispatched")
        info = look.info(case.condition)
        self._notices += telling.rows(about, purpose, told.targets, unit=unit, info=info, reason=reason, now=now)

    def flush(self, tx: Tx) -> None:
        """Write everything drafted so far."""
        cases.add(tx, self.cases)
        orders.add(tx, self._orders)
        self._entries.write(tx)
        for case_id, times in self._timers.items():
            timers.set_many(tx, case_id, times)
        outbox.add(tx, self._notices)
        self.cases, self._orders, self._notices, self._timers = [], [], [], {}


def trail(steps: Iterable[Step]) -> list[dict[str, Any]]:
    """The trail of a unit as plain data."""
    return [step._asdict() for step in steps]


def facts_of(case: OpenCase) -> dict[str, Any]:
    """What the ledger says of a case when it begins, and when its order goes out."""
    return {
        "asset": case.asset, "kind": case.kind, "cause": case.cause, "condition": case.condition, "severity": case.severity,
    }  # fmt: skip


def clock_facts(clock: str, deadline: Deadline) -> dict[str, Any]:
    """What the ledger says of a clock that begins."""
    return {
        "clock": clock, "value": deadline.value, "unit": deadline.unit, "from": deadline.start, "due": deadline.due_at,
    }  # fmt: skip
