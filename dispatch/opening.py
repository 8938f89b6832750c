"""Opening orders: the limit, the unit with its trail, the clock, the first notice — drafted in memory, written together."""

from __future__ import annotations

import logging
from collections.abc import Hashable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple

from citybrain.kernel.calendar import WorkCalendar
from citybrain.kernel.conditions import ConditionInfo
from citybrain.kernel.errors import ConfigError, NotFound
from citybrain.kernel.ids import derived_id
from citybrain.kernel.model import Asset, Unit
from citybrain.kernel.register import Register
from citybrain.store import cases, escalations, orders, outbox, timers
from citybrain.store import clocks as clocks_store
from citybrain.store.db import Tx
from dispatch import clocks
from dispatch.areas import index_of
from dispatch.board import OpenCase
from dispatch.books import Books
from dispatch.causes import Surroundings
from dispatch.clock_rows import row_of, told
from dispatch.clocks import Clock
from dispatch.first_notice import first_notice
from dispatch.ledger import Drafted
from dispatch.limits import CLOCKS, REPAIR, Item, Limit
from dispatch.network import network_of
from dispatch.orders import NEW
from dispatch.people.model import People
from dispatch.places import spots
from dispatch.responsibility import UNASSIGNED, Answer, Step, find_unit, place_of

log = logging.getLogger(__name__)

UNKNOWN_LIMIT = Limit(1.0, "work_day", "none", quiet=True)
"""For a filing item that the table of limits does not have (check-config refuses it): better a common limit than no order."""


@dataclass(frozen=True, slots=True)
class Lookups:
    """What decisions look up."""

    infos: Mapping[str, ConditionInfo]
    register: Register
    books: Books
    people: People = field(default_factory=People)
    _answers: dict[Hashable, Answer] = field(default_factory=dict, compare=False, repr=False)
    _named: list[frozenset[str]] = field(default_factory=list, compare=False, repr=False)

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

    def learn_places(self, assets: Iterable[str]) -> None:
        """Look up at once in which areas these assets lie."""
        known = (self.register.assets.get(one) for one in assets)
        places = [(one.lat, one.lon) for one in known if one is not None and one.lat is not None and one.lon is not None]
        if places and self.register.areas:
            index_of(self.register).learn(places)

    def answer(self, asset: Asset, condition: str, now: datetime) -> Answer:
        """Who repairs an asset, and why. Assets of which the rules say the same share one search."""
        if asset.unit or asset.id in self.register.ownerships:
            return find_unit(asset, condition, self.register, now)
        more = (condition, now, asset.kind, asset.attributes.get("contract"), place_of(asset, self.register))
        alike = (*more, _named(asset.feeder, self.feeders), _named(asset.cabinet, self.feeders))
        exact = (*more, asset.feeder, asset.cabinet)
        found = self._answers.get(alike) or self._answers.get(exact)
        if found is None:
            found = find_unit(asset, condition, self.register, now)
            # a trail that names the feeder or cabinet of the asset is its own
            own = any(step.reason in {"other_feeder", "other_cabinet"} and step.rule != "*" for step in found.trail)
            self._answers[exact if own else alike] = found
        return found

    @property
    def feeders(self) -> frozenset[str]:
        """The feeders and cabinets that some rule of responsibility names."""
        if not self._named:
            rules = self.register.responsibilities
            self._named.append(frozenset(name for rule in rules for name in (rule.feeder, rule.cabinet) if name))
        return self._named[0]

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

    def item(self, filing: str) -> Item | None:
        """A filing item; None for one that the profile does not have."""
        return self.books.profile.items.get(filing)

    def checklist(self, item: Item | None) -> list[dict[str, Any]]:
        """What is gone through before an order is reported fixed; nothing is required where the profile only shows it."""
        forced = self.books.profile.rules.checklist == "required"
        return [{**check._asdict(), "required": check.required and forced} for check in item.checklist] if item else []

    def clocks(self, unit: Unit | None, filing: str, severity: str, street: str | None, now: datetime) -> tuple[Clock, ...]:
        """Both clocks of an order that begins now."""
        calendar = self.calendar(unit)
        return tuple(clocks.begin(name, self.limit(filing, name, severity, street), now, calendar) for name in CLOCKS)

    def calendar(self, unit: Unit | None) -> WorkCalendar:
        """The working calendar of a unit in its time zone; the default one in UTC when it names what does not exist."""
        if unit is not None:
            try:
                return self.books.calendars.for_unit(unit)
            except ConfigError as error:
                log.error("unit %s: %s; the default calendar in UTC stands in", unit.id, error)
        return self.books.calendars.of("default", "UTC")


def _named(name: str | None, known: frozenset[str]) -> str | None:
    """A feeder or cabinet as the rules see it: those that none of them names are alike."""
    return name if name is None or name in known else "\x00"


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
    _clocks: list[dict[str, Any]] = field(default_factory=list)
    _escalations: list[dict[str, Any]] = field(default_factory=list)
    _told: dict[Any, list[str]] = field(default_factory=dict)
    """limits that begin in the same moment are told alike"""

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
        unit = answer.unit
        begun = look.clocks(unit, filing, case.severity, asset.street_class, now)
        repair, item = begun[CLOCKS.index(REPAIR)], look.item(filing)
        order_id = derived_id("order", case.id)
        facts = {
            **facts_of(case),
            "filing_item": filing,
            "district": asset.district,
            "unit": unit.id,
            "clocks": [clocks.facts(clock) for clock in begun],
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
                "limit_value": repair.value,
                "limit_unit": repair.unit,
                "dispatched_at": now,
                "due_at": repair.due_at,
                "reason": reason,
                "trail": trail(answer.trail),
                "explanation": self._tell(repair, look.calendar(unit)),
                "checklist": look.checklist(item),
                "safe_by_arrival": look.books.profile.rules.safe_by_arrival,
                "close_en": item.close_en if item else "",
                "close_zh": item.close_zh if item else "",
                "trace": {"trace_id": trace} if trace else {},
            }
        )
        self._first_notice(look, case, unit, order_id, state, reason=reason, now=now)
        for clock in begun:
            explanation = [] if clock.name == REPAIR else self._tell(clock, look.calendar(unit))
            self._clocks.append({**row_of(clock), "order_id": order_id, "explanation": explanation})
            self._timers.setdefault(case.id, {}).update(clocks.times(clock, look.calendar(unit)))
        opened = OpenedOrder(order_id, case.id, alert_id, case.asset, case.condition, unit.id, repair.due_at, now, trace)
        self.opened.append(opened)
        return opened

    def _tell(self, clock: Clock, calendar: WorkCalendar) -> list[str]:
        key = (id(calendar), clock.value, clock.unit, clock.begun_at)
        if key not in self._told:
            self._told[key] = told(clock, calendar)
        return self._told[key]

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
        orders.add(tx, self._orders)
        clocks_store.add(tx, self._clocks)
        self._entries.write(tx)
        timers.set_all(tx, self._timers)
        outbox.add(tx, self._notices)
        escalations.begin_many(tx, self._escalations)
        self._escalations = []
        self.cases, self._orders, self._notices, self._timers, self._clocks = [], [], [], {}, []


def trail(steps: Iterable[Step]) -> list[dict[str, Any]]:
    """The trail of a unit as plain data."""
    return [step._asdict() for step in steps]


def facts_of(case: OpenCase) -> dict[str, Any]:
    """What the ledger says of a case when it begins, and when its order goes out."""
    return {
        "asset": case.asset, "kind": case.kind, "cause": case.cause, "condition": case.condition, "severity": case.severity,
    }  # fmt: skip
