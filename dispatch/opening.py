"""What an order is opened with: its limits, its unit with the trail, its calendar."""

from __future__ import annotations

import logging
from collections.abc import Hashable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple

from citybrain.kernel.calendar import WorkCalendar
from citybrain.kernel.conditions import ConditionInfo
from citybrain.kernel.errors import ConfigError, NotFound
from citybrain.kernel.model import Asset, Unit
from citybrain.kernel.register import Register
from dispatch import clocks
from dispatch.areas import index_of
from dispatch.books import Books
from dispatch.causes import Surroundings
from dispatch.clocks import Clock
from dispatch.limits import CLOCKS, REPAIR, Item, Limit
from dispatch.network import network_of
from dispatch.people.model import People
from dispatch.responsibility import UNASSIGNED, Answer, find_unit, place_of

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
