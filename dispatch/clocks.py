"""PURE. A clock of an order: a table of what may happen to it, and where its limit and its reminders lie after that.

An order has two: `make_safe` (somebody is there, nobody can come to harm) and `repair`. A clock counts in its own time, exact
to the microsecond. To stop one takes no calendar: the moment is noted; when it goes on, what was counted until then is `spent`.

    running --pause--> paused --resume--> running --extend--> running --meet--> met
    running --suspend--> suspended --resume--> running --expire--> overdue --meet--> met_late
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Any

from citybrain.kernel.calendar import WorkCalendar
from citybrain.kernel.errors import StateError
from dispatch.deadlines import after, amount, passed
from dispatch.limits import MAKE_SAFE, REPAIR, Limit

_ANY = {"restart": "running", "stop": "stopped"}

TABLE: Mapping[str, Mapping[str, str]] = MappingProxyType(
    {
        "running": {
            "pause": "paused", "suspend": "suspended", "extend": "running", "tighten": "running", "meet": "met",
            "expire": "overdue", **_ANY,
        },
        "paused": {"resume": "running", "suspend": "suspended", "tighten": "paused", "meet": "met", **_ANY},
        "suspended": {"resume": "running", "tighten": "suspended", "meet": "met", **_ANY},
        "overdue": {"meet": "met_late", "tighten": "overdue", **_ANY},
        # said, and the sensor disagrees: as if it had not been said
        "met": {"reject": "running", **_ANY},
        "met_late": {"reject": "overdue", **_ANY},
        "stopped": {"restart": "running"},
    }
)  # fmt: skip
"""state -> event -> next state"""

STATES = tuple(TABLE)
EVENTS = tuple(sorted({event for moves in TABLE.values() for event in moves}))
STANDING = frozenset({"paused", "suspended"})

SHARES: Mapping[str, Mapping[str, float]] = MappingProxyType(
    {
        MAKE_SAFE: {"safe_50": 0.5, "safe_limit": 1.0},
        REPAIR: {"reminder_50": 0.5, "reminder_80": 0.8, "limit": 1.0},
    }
)
"""clock -> timer -> share of the limit after which it fires"""
SUPERVISOR = ("supervisor", 1.5)
"""the timer that begins when the repair is overdue, and its share"""


class Overdue(StateError):
    """The limit has passed: nothing stops or extends the clock any more."""

    def __init__(self, clock: str, event: str, due_at: datetime) -> None:
        super().__init__(f"{clock} clock", "overdue", event)
        self.args = (f"{clock} clock: {event} is not allowed: overdue since {due_at.isoformat()} (reason: overdue)",)
        self.reason = "overdue"


class ExtendedBefore(StateError):
    """A clock is extended once."""

    def __init__(self, clock: str) -> None:
        super().__init__(f"{clock} clock", "running", "extend")
        self.args = (f"{clock} clock: it was extended before, and that is done once (reason: extended_before)",)
        self.reason = "extended_before"


@dataclass(frozen=True, slots=True)
class Clock:
    """One clock of one order."""

    name: str
    state: str
    value: float
    unit: str
    begun_at: datetime
    """where the limit counts from"""
    since: datetime
    """where the present stretch counts from"""
    spent: timedelta
    """counted before `since`, on its own clock"""
    total: timedelta
    """the limit on its own clock; twice that when it was extended"""
    due_at: datetime
    """where it ends; while it stands, where it would have ended"""
    coming: tuple[str, ...]
    """timers that were not had yet"""
    quiet: bool = False
    extended: bool = False
    met_at: datetime | None = None
    overdue_at: datetime | None = None
    until: datetime | None = None
    """a pause or suspension ends by itself then"""
    stood_at: datetime | None = None
    """it stands since then; a clock that was met while it stood keeps this"""

    @property
    def stands(self) -> bool:
        """Paused or suspended."""
        return self.state in STANDING


def move(clock: Clock, event: str) -> str:
    """The state after `event`. Raises StateError when the table does not allow it."""
    try:
        return TABLE[clock.state][event]
    except KeyError:
        raise StateError(f"{clock.name} clock", clock.state, event) from None


def begin(name: str, limit: Limit, now: datetime, calendar: WorkCalendar) -> Clock:
    """A clock that starts now. Nobody is reminded of a quiet one."""
    total = amount(limit.value, limit.unit, calendar)
    due_at = after(now, total, limit.unit, calendar)
    coming = tuple(timer for timer, share in SHARES[name].items() if share == 1 or not limit.quiet)
    return Clock(name, "running", limit.value, limit.unit, now, now, timedelta(0), total, due_at, coming, limit.quiet)


def times(clock: Clock, calendar: WorkCalendar) -> dict[str, datetime]:
    """When the timers that it has not had yet fire; none while it does not run."""
    if clock.state != "running":
        return {}
    return {timer: _at(clock, SHARES[clock.name][timer], calendar) for timer in clock.coming}


def ends(clock: Clock, calendar: WorkCalendar) -> datetime:
    """Where the limit ends, calculated again from the beginning of the present stretch."""
    return after(clock.since, clock.total - clock.spent, clock.unit, calendar)


def supervisor_at(clock: Clock, calendar: WorkCalendar) -> datetime:
    """When an overdue repair is told to the supervisor."""
    return _at(clock, SUPERVISOR[1], calendar)


def _at(clock: Clock, share: float, calendar: WorkCalendar) -> datetime:
    if share == 1:
        return clock.due_at
    return after(clock.since, max(clock.total * share - clock.spent, timedelta(0)), clock.unit, calendar)


def pause(clock: Clock, now: datetime, *, until: datetime | None = None, event: str = "pause") -> Clock:
    """It stands still (`event`: pause or suspend) with what is left. Raises StateError; Overdue when its limit has passed."""
    state = _before_the_limit(clock, event, now)
    return replace(clock, state=state, stood_at=clock.stood_at or now, until=until)


def left(clock: Clock, now: datetime, calendar: WorkCalendar) -> timedelta:
    """What is left on its own clock, below nothing when it is overdue."""
    return clock.total - clock.spent - passed(clock.since, clock.stood_at or now, clock.unit, calendar)


def resume(clock: Clock, now: datetime, calendar: WorkCalendar) -> Clock:
    """It goes on with what is left. Raises StateError."""
    return _goes_on(clock, move(clock, "resume"), now, calendar)


def _goes_on(clock: Clock, state: str, now: datetime, calendar: WorkCalendar) -> Clock:
    """The stretch until it stood is over, another one begins."""
    stood = clock.stood_at or now
    rest = left(clock, now, calendar)
    coming = tuple(timer for timer in clock.coming if _at(clock, SHARES[clock.name][timer], calendar) > stood)
    due_at = after(now, max(rest, timedelta(0)), clock.unit, calendar)
    return replace(
        clock, state=state, since=now, spent=clock.total - rest, due_at=due_at, coming=coming, until=None, stood_at=None,
        met_at=None,
    )  # fmt: skip


def extend(clock: Clock, now: datetime, calendar: WorkCalendar) -> Clock:
    """One more original limit, once. Raises StateError; Overdue; ExtendedBefore."""
    state = _before_the_limit(clock, "extend", now)
    if clock.extended:
        raise ExtendedBefore(clock.name)
    coming = _still_coming(clock, now, calendar)
    total = clock.total + amount(clock.value, clock.unit, calendar)
    due_at = after(clock.since, total - clock.spent, clock.unit, calendar)
    return replace(clock, state=state, total=total, due_at=due_at, coming=coming, extended=True)


def tighten(clock: Clock, limit: Limit, now: datetime, calendar: WorkCalendar) -> Clock | None:
    """The limit of a graver fault, from now on; reminders that were had are not had again. None: it would not end earlier.

    A clock that stands goes on standing, with the shorter limit if that ends earlier than what is left.
    """
    state = move(clock, "tighten")
    fresh = begin(clock.name, limit, now, calendar)
    ends = after(now, left(clock, now, calendar), clock.unit, calendar) if clock.stands else clock.due_at
    if clock.state == "overdue" or fresh.due_at >= ends:
        return None
    had = set() if clock.quiet else set(SHARES[clock.name]) - set(_still_coming(clock, now, calendar))
    coming = tuple(timer for timer in fresh.coming if timer not in had)
    return replace(fresh, state=state, coming=coming, until=clock.until, stood_at=now if clock.stands else None)


def meet(clock: Clock, now: datetime) -> Clock:
    """Done. A limit that passed a moment ago was missed. Raises StateError."""
    if clock.state == "running" and now > clock.due_at:
        clock = expire(clock)
    return replace(clock, state=move(clock, "meet"), met_at=now, until=None)


def reject(clock: Clock, now: datetime, calendar: WorkCalendar) -> Clock:
    """It is not done, although that was said: the clock ran on meanwhile, or goes on now if it stood. Raises StateError."""
    state = move(clock, "reject")
    if clock.stood_at is not None:
        return _goes_on(clock, state, now, calendar)
    # a reminder that was due meanwhile was had; a limit that passed meanwhile counts now
    coming = tuple(
        timer for timer in clock.coming if SHARES[clock.name][timer] == 1 or timer in _still_coming(clock, now, calendar)
    )
    return replace(clock, state=state, met_at=None, coming=coming)


def expire(clock: Clock) -> Clock:
    """The limit has passed. Raises StateError."""
    return replace(clock, state=move(clock, "expire"), overdue_at=clock.due_at, coming=())


def restart(clock: Clock, limit: Limit, now: datetime, calendar: WorkCalendar) -> Clock:
    """From the beginning, now: another unit has it, or it was reopened."""
    move(clock, "restart")
    return begin(clock.name, limit, now, calendar)


def take_over(clock: Clock, other: Clock, coming: tuple[str, ...]) -> Clock:
    """The limit of another order that would end earlier: nothing is won by making two orders one."""
    return replace(
        clock, value=other.value, unit=other.unit, begun_at=other.begun_at, since=other.since, spent=other.spent,
        total=other.total, due_at=other.due_at, extended=clock.extended or other.extended, coming=coming,
    )  # fmt: skip


def stop(clock: Clock) -> Clock:
    """The order is over without it. Raises StateError."""
    return replace(clock, state=move(clock, "stop"), coming=(), until=None, stood_at=None, met_at=None)


def facts(clock: Clock) -> dict[str, Any]:
    """What the ledger says of a clock: enough to follow every step of it again."""
    said: dict[str, Any] = {
        "clock": clock.name, "value": clock.value, "unit": clock.unit, "from": clock.begun_at, "due": clock.due_at,
        "state": clock.state, "since": clock.since, "spent_s": clock.spent.total_seconds(),
        "total_s": clock.total.total_seconds(),
    }  # fmt: skip
    return said | {key: at for key, at in (("until", clock.until), ("stood", clock.stood_at)) if at is not None}


def _before_the_limit(clock: Clock, event: str, now: datetime) -> str:
    if clock.state == "overdue" or (clock.state == "running" and now >= clock.due_at):
        raise Overdue(clock.name, event, clock.due_at)
    return move(clock, event)


def _still_coming(clock: Clock, now: datetime, calendar: WorkCalendar) -> tuple[str, ...]:
    """The timers after now: those before were had, or stand and are had any moment."""
    until = clock.stood_at or now
    return tuple(timer for timer in clock.coming if _at(clock, SHARES[clock.name][timer], calendar) > until)
