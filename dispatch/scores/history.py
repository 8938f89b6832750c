"""PURE. What the entries of a case say of its life, as far as figures need it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple

from dispatch.chain import Entry

REPAIR, MAKE_SAFE = "repair", "make_safe"
_KINDS = {"pause": "paused", "suspend": "suspended"}
_STANDING = frozenset({"paused", "suspended"})
_SUPERVISORS = frozenset({"supervisor", "district", "city"})


class Stop(NamedTuple):
    """A stretch for which a clock stood."""

    kind: str
    """paused, suspended, or returned: nobody had it"""
    begin: datetime
    """when it was asked for"""
    end: datetime | None
    due_at: datetime
    """when the limit would have ended, as it was asked"""
    limit_from: datetime
    reason: str


class GivenBack(NamedTuple):
    """A return."""

    at: datetime
    unit: str | None
    code: str


@dataclass(slots=True)
class OrderHistory:
    """An order. Times are of the entries; None: it did not happen."""

    id: str
    unit: str | None = None
    first_unit: str | None = None
    filing_item: str | None = None
    state: str = "new"
    dispatched_at: datetime | None = None
    """the first time"""
    acknowledged_at: datetime | None = None
    arrived_at: datetime | None = None
    safe_at: datetime | None = None
    safe_due_at: datetime | None = None
    due_at: datetime | None = None
    """of the repair clock, with everything that moved it"""
    limit_from: datetime | None = None
    limit_unit: str = ""
    clock: str = ""
    """state of the repair clock, as its last entry says; "": none does"""
    done_at: datetime | None = None
    """the last report of fixed that was not sent back; without one, when the sensor showed it"""
    fixed: int = 0
    """how often *fixed* was said"""
    reworks: list[datetime] = field(default_factory=list)
    returns: list[GivenBack] = field(default_factory=list)
    units: int = 0
    """how often it went to another unit"""
    closed_at: datetime | None = None
    cancelled_at: datetime | None = None
    cancel_reason: str = ""
    reopened: list[datetime] = field(default_factory=list)
    closes: list[datetime] = field(default_factory=list)
    stops: list[Stop] = field(default_factory=list)
    asked_at: datetime | None = None
    """when a pause or the like was asked for last"""
    extended: bool = False
    supervised: bool = False

    @property
    def standing(self) -> str:
        """The kind of the stop while the clock stands now, else ""."""
        return self.stops[-1].kind if self.stops and self.stops[-1].end is None else ""

    def follow(self, entry: Entry) -> None:
        """Go on by one entry."""
        event, facts = entry.event, entry.facts
        if event == "dispatch":
            self.dispatched_at = entry.at
            self.unit = self.first_unit = facts.get("unit")
            self.filing_item = facts.get("filing_item")
        elif event == "redispatch":
            self.units += facts.get("to") != facts.get("from")
            self.unit = facts.get("to", self.unit)
        elif event == "return":
            self.returns.append(GivenBack(entry.at, facts.get("unit", self.unit), facts.get("code", entry.reason)))
        elif event == "tightened":
            self.filing_item = facts.get("filing_item", self.filing_item)
        elif event == "escalated":
            self.supervised = self.supervised or not _SUPERVISORS.isdisjoint(_names(facts.get("to", ())))
        elif event == "asked":
            self.asked_at = entry.at
        for clock in facts.get("clocks", ()):
            self._clock(entry, clock)
        if entry.from_state != entry.to_state or event == "reopen":
            self._moved(entry)

    def _moved(self, entry: Entry) -> None:
        self.state = entry.to_state
        at = entry.at
        if entry.to_state in {"acknowledged", "on_site", "fixed"}:
            self.acknowledged_at = self.acknowledged_at or at
        if entry.to_state in {"on_site", "fixed"}:
            self.arrived_at = self.arrived_at or at
        match entry.to_state:
            case "fixed":
                self.fixed += 1
                self.done_at = at
            case "rework":
                self.reworks.append(at)
                self.done_at = None
            case "verified":
                self.done_at = self.done_at or at
            case "closed":
                self.closed_at = at
                self.closes.append(at)
            case "cancelled":
                self.cancelled_at, self.cancel_reason = at, entry.reason
            case _:
                pass
        if entry.event == "reopen":
            self.reopened.append(at)
            self.done_at = self.closed_at = None

    def _clock(self, entry: Entry, said: Mapping[str, Any]) -> None:
        due = _time(said.get("due"))
        state = said.get("state", "running")
        if said.get("clock") == MAKE_SAFE:
            self.safe_due_at = due or self.safe_due_at
            if state in {"met", "met_late"} and self.safe_at is None:
                self.safe_at = entry.at
            return
        if due is None:
            return
        self.limit_from = _time(said.get("from")) or self.limit_from
        self.limit_unit = str(said.get("unit", self.limit_unit))
        self.extended = self.extended or entry.event in {"extend", "extended"}
        if state in _STANDING:
            kind = _KINDS.get(entry.event, self.standing or "returned")
            asked = self.asked_at if entry.event in _KINDS and self.asked_at else entry.at
            if not self.standing:
                self.stops.append(Stop(kind, asked, None, due, self.limit_from or entry.at, entry.reason))
            elif self.standing != kind:
                self.stops[-1] = self.stops[-1]._replace(kind=kind)
        elif self.standing:
            self.stops[-1] = self.stops[-1]._replace(end=entry.at)
        self.due_at, self.clock = due, state


@dataclass(slots=True)
class CaseHistory:
    """A case and its order."""

    id: str
    asset: str = ""
    kind: str = ""
    cause: str = ""
    severity: str = ""
    district: str | None = None
    filing_item: str | None = None
    opened_at: datetime | None = None
    closed_at: datetime | None = None
    outcome: str | None = None
    appeal: str = ""
    """asked, approved or refused"""
    order: OrderHistory | None = None
    again_at: datetime | None = None
    """the next beginning of a case of the same asset and cause"""
    before_at: datetime | None = None
    """when the case of the same asset and cause before it was closed"""
    alike: int = 0
    """cases of the same asset and cause that began within the days before it, it among them"""

    def follow(self, entry: Entry) -> None:
        """Go on by one entry."""
        if entry.order_id is not None:
            if self.order is None:
                self.order = OrderHistory(entry.order_id)
            self.order.follow(entry)
            for key in ("filing_item", "severity", "district"):
                if entry.facts.get(key):
                    setattr(self, key, entry.facts[key])
            return
        match entry.event:
            case "opened" | "waits" | "taken_over":
                facts = entry.facts
                self.asset, self.kind, self.cause = (str(facts.get(key, "")) for key in ("asset", "kind", "cause"))
                self.severity, self.district = str(facts.get("severity", "")), facts.get("district")
                self.filing_item = facts.get("filing_item")
                self.opened_at = _time(facts.get("opened_at")) or entry.at
                if entry.to_state == "closed":
                    self.closed_at, self.outcome = entry.at, facts.get("outcome")
            case "sent_out" | "raised":
                self.severity = entry.facts.get("severity", self.severity)
                self.filing_item = entry.facts.get("filing_item", self.filing_item)
            case "ended":
                self.closed_at, self.outcome = entry.at, entry.facts.get("outcome")
            case "reopened":
                self.closed_at = self.outcome = None
            case "appeal_asked" | "appeal_approved" | "appeal_refused":
                self.appeal = entry.event.removeprefix("appeal_")
            case _:
                pass


def histories(entries: Iterable[Entry], alike_days: float = 90.0) -> list[CaseHistory]:
    """The histories of all cases among `entries` (in the order of writing), oldest first."""
    found: dict[str, CaseHistory] = {}
    for entry in entries:
        case = found.get(entry.case_id)
        if case is None:
            case = found[entry.case_id] = CaseHistory(entry.case_id)
        case.follow(entry)
    cases = sorted((case for case in found.values() if case.opened_at), key=lambda case: (case.opened_at, case.id))
    _link(cases, alike_days)
    return cases


def _link(cases: Iterable[CaseHistory], alike_days: float) -> None:
    """Which case of the same asset and cause came before, and which after."""
    places: dict[tuple[str, str], list[CaseHistory]] = {}
    for case in cases:
        places.setdefault((case.asset, case.cause), []).append(case)
    for row in places.values():
        for number, case in enumerate(row):
            assert case.opened_at is not None, "chosen by it"
            since = case.opened_at.timestamp() - alike_days * 86400
            case.alike = sum(one.opened_at.timestamp() >= since for one in row[: number + 1] if one.opened_at)
            case.before_at = row[number - 1].closed_at if number else None
            case.again_at = row[number + 1].opened_at if number + 1 < len(row) else None


def _names(value: Any) -> set[str]:
    """`to` of an escalation: a level, or who was told."""
    return {value} if isinstance(value, str) else {str(one) for one in value}


def _time(value: Any) -> datetime | None:
    return datetime.fromisoformat(value) if isinstance(value, str) else value
