"""The clocks of one order in the database: they move, and its timers, its own columns and the facts of the ledger follow.

To stop a clock or to meet it needs no calendar, so the desk can; to let one go on does, so that takes the lookups.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from citybrain.kernel.model import Unit
from citybrain.store import clocks as store
from citybrain.store import timers
from citybrain.store.db import Row, Tx
from dispatch import clocks, ledger
from dispatch.clock_rows import of_row, row_of, told
from dispatch.clocks import SHARES, SUPERVISOR, Clock
from dispatch.limits import CLOCKS, MAKE_SAFE, REPAIR
from dispatch.opening import Lookups

WAKE = "wake"
"""timer: a pause or suspension ends by itself"""
PURPOSES = frozenset({*(timer for shares in SHARES.values() for timer in shares), SUPERVISOR[0], WAKE})
"""all timers of the clocks"""
SAFE_NOTICES = ("safe_50", "safe_overdue")
"""notices that mean nothing any more when it is safe"""
REMINDERS = ("reminder_50", "reminder_80", "safe_50")
"""notices that mean nothing while a clock stands"""


class OrderClocks:
    """Both clocks of an order. The caller holds its case, moves them, and calls `write` once."""

    def __init__(self, tx: Tx, order: Row) -> None:
        self.tx, self.order = tx, order
        self._was: dict[str, Clock] = {row["clock"]: of_row(row) for row in store.of_order(tx, str(order["id"]))}
        self._now: dict[str, Clock] = dict(self._was)
        self._told: dict[str, list[str]] = {}
        self._times: dict[str, datetime] = {}
        self._filing: str | None = None

    def __getitem__(self, name: str) -> Clock:
        return self._now[name]

    def within(self, states: Iterable[str]) -> list[str]:
        """The clocks in one of these states."""
        wanted = set(states)
        return [name for name in CLOCKS if name in self._now and self._now[name].state in wanted]

    def pause(self, names: Iterable[str], now: datetime, *, until: datetime | None = None, event: str = "pause") -> None:
        """They stand still from now. Raises StateError; `clocks.Overdue`."""
        for name in names:
            self._now[name] = clocks.pause(self._now[name], now, until=until, event=event)

    def stand_still(self, now: datetime) -> None:
        """Nobody has the order at the moment: what runs and is not overdue stands."""
        self.pause([name for name in self.within({"running"}) if self._now[name].due_at > now], now)

    def meet(self, names: Iterable[str], now: datetime) -> None:
        """Done. Clocks that are over already stay as they are."""
        for name in set(names) & set(self.within({"running", "paused", "suspended", "overdue"})):
            self._now[name] = clocks.meet(self._now[name], now)

    def stop(self) -> None:
        """The order ends without it."""
        for name in self.within({"running", "paused", "suspended", "overdue"}):
            self._now[name] = clocks.stop(self._now[name])

    def expire(self, name: str) -> None:
        """The limit has passed."""
        self._now[name] = clocks.expire(self._now[name])

    def resume(self, look: Lookups, names: Iterable[str], now: datetime) -> None:
        """They go on with what was left."""
        calendar = look.calendar(look.unit(self.order["unit"]))
        for name in names:
            self._set(name, clocks.resume(self._now[name], now, calendar), look)

    def extend(self, look: Lookups, now: datetime) -> None:
        """The repair gets one more original limit. Raises StateError and its kinds."""
        calendar = look.calendar(look.unit(self.order["unit"]))
        self._set(REPAIR, clocks.extend(self._now[REPAIR], now, calendar), look)

    def reject(self, look: Lookups, now: datetime) -> None:
        """The repair was said to be done, and is not."""
        calendar = look.calendar(look.unit(self.order["unit"]))
        self._set(REPAIR, clocks.reject(self._now[REPAIR], now, calendar), look)

    def restart(
        self, look: Lookups, unit: Unit | None, filing: str, severity: str | None, street: str | None, now: datetime
    ) -> None:
        """Both from the beginning, for a unit that may count by another calendar."""
        calendar = look.calendar(unit)
        for name in CLOCKS:
            limit = look.limit(filing, name, severity, street)
            self._set(name, clocks.restart(self._now[name], limit, now, calendar), look, unit)
            self._told[name] = told(self._now[name], calendar)
        self._filing = filing

    def tighten(self, look: Lookups, filing: str, severity: str | None, street: str | None, now: datetime) -> list[str]:
        """A graver fault: its limits from now on, where they end earlier. Which clocks that were."""
        calendar = look.calendar(look.unit(self.order["unit"]))
        changed = []
        for name in self.within({"running", "paused", "suspended", "overdue"}):
            limit = look.limit(filing, name, severity, street)
            shorter = clocks.tighten(self._now[name], limit, now, calendar)
            if shorter is not None:
                self._set(name, shorter, look)
                self._told[name] = told(shorter, calendar)
                changed.append(name)
        if REPAIR in changed:
            self._filing = filing
        return changed

    def promise(self, look: Lookups, other: OrderClocks) -> list[str]:
        """Two orders become one: each clock ends when the first of both would have. Which of this order's changed."""
        changed = []
        for name in self.within({"running"}):
            theirs = other[name] if name in other.within({"running", "overdue"}) else None
            if theirs is not None and theirs.due_at < self._now[name].due_at:
                coming = tuple(timer for timer in theirs.coming if timer in self._now[name].coming)
                self._set(name, clocks.take_over(self._now[name], theirs, coming), look)
                changed.append(name)
        if REPAIR in changed:
            self._filing = other.order["filing_item"]
        return changed

    def write(self, now: datetime) -> list[dict[str, Any]]:
        """Write what changed, and move the timers; the facts of both for the ledger."""
        order_id, case_id = str(self.order["id"]), str(self.order["case_id"])
        for name, clock in self._now.items():
            if clock == self._was.get(name):
                continue
            store.save(self.tx, {**row_of(clock), "order_id": order_id, "explanation": self._told.get(name)})
            self._drop(case_id, name, clock, now)
            if name == REPAIR:
                self._sync(order_id, clock)
        wakes = [clock.until for clock in self._now.values() if clock.until is not None]
        if wakes:
            self._times[WAKE] = min(wakes)
        elif any(clock.until is not None for clock in self._was.values()):
            timers.drop(self.tx, [case_id], [WAKE])
        timers.set_many(self.tx, case_id, self._times)
        self._was, self._times = dict(self._now), {}
        return self.facts()

    def facts(self) -> list[dict[str, Any]]:
        """Both clocks for the ledger."""
        return [clocks.facts(self._now[name]) for name in CLOCKS if name in self._now]

    def _set(self, name: str, clock: Clock, look: Lookups, unit: Unit | None = None) -> None:
        self._now[name] = clock
        self._times |= clocks.times(clock, look.calendar(unit or look.unit(self.order["unit"])))

    def _drop(self, case_id: str, name: str, clock: Clock, now: datetime) -> None:
        """Timers that have no meaning any more. Those that are due and not worked off yet have their turn, unless the limit is
        another one; those of a repair that is said to be done stay, since the sensor may disagree."""
        own = [*SHARES[name], *([SUPERVISOR[0]] if name == REPAIR else [])]
        if clock.begun_at != self._was[name].begun_at:
            timers.drop(self.tx, [case_id], own)
        elif clock.state in {"paused", "suspended", "running"}:
            store.drop_later(self.tx, case_id, own, now)
        elif name == MAKE_SAFE and clock.state not in {"overdue"}:
            timers.drop(self.tx, [case_id], own)

    def _sync(self, order_id: str, clock: Clock) -> None:
        store.sync(
            self.tx,
            order_id,
            limit_value=clock.value,
            limit_unit=clock.unit,
            clock_from=clock.begun_at,
            due_at=clock.due_at,
            overdue_at=clock.overdue_at,
            filing_item=self._filing,
            explanation=self._told.get(REPAIR),
        )


def clock_of(tx: Tx, order: Row, name: str) -> Clock:
    """One clock of an order."""
    return OrderClocks(tx, order)[name]


def tighten(
    tx: Tx, look: Lookups, order: Row, filing: str, *, severity: str | None, street: str | None, now: datetime,
    actor: str = "dispatch", reason: str = "graver_condition_joined",
) -> bool:  # fmt: skip
    """A graver fault joined an order: what would end earlier by its limits counts by them from now. False: nothing would."""
    both = OrderClocks(tx, order)
    if not (changed := both.tighten(look, filing, severity, street, now)):
        return False
    item = filing if REPAIR in changed else order["filing_item"]
    facts = {"filing_item": item, "clocks": both.write(now)}
    ends = ", ".join(f"{name} due {both[name].due_at.isoformat()}" for name in changed)
    ledger.append(
        tx, str(order["id"]), "tightened", order["state"], at=now, actor=actor, reason=reason,
        detail=f"{order['filing_item']} -> {filing}, {ends}", facts=facts,
    )  # fmt: skip
    return True
