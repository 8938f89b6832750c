"""PURE. When duty is handed over, by the clock on the wall.

A hand-over at 08:00 is at 08:00 in summer and in winter. One at a time that the clock skips is at the moment of the jump; at a
time that comes twice it is the first. Nothing is added up hour by hour: the number of a hand-over comes from its date.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from itertools import pairwise

from citybrain.kernel.calendar import instant
from dispatch.people.model import Hours, Layer, Member

_DAY = timedelta(days=1)


def wall(day: date, minutes: int, tz: tzinfo) -> datetime:
    """The moment (UTC) at which the wall clock shows so many minutes after the beginning of a day."""
    return instant(datetime.combine(day, time(0)) + timedelta(minutes=minutes), tz, last=False)


class Turns:
    """The hand-overs of a rotation, numbered from 0: the first one on or after its first day."""

    def __init__(self, layer: Layer, tz: tzinfo) -> None:
        if layer.starts is None:
            raise ValueError(f"layer {layer.id} has no first day")
        self._tz, self._handoffs = tz, sorted(layer.handoffs)
        weekly = layer.rotation != "daily"
        self._cycle = layer.every * (7 if weekly else 1)
        self._base = layer.starts - timedelta(days=layer.starts.weekday()) if weekly else layer.starts
        behind = (layer.starts - self._base).days * 1440
        self._first = sum(1 for minutes in self._handoffs if minutes < behind)
        if self._first == len(self._handoffs):
            # all of that week's are over: the rotation begins with the next, also one of every second week
            self._base, self._first = self._base + timedelta(days=7), 0

    def at(self, number: int) -> datetime:
        """The moment (UTC) of a hand-over."""
        cycle, place = divmod(number + self._first, len(self._handoffs))
        return wall(self._base + timedelta(days=cycle * self._cycle), self._handoffs[place], self._tz)

    def number(self, at: datetime) -> int:
        """The number of the newest hand-over at a moment; negative before the first."""
        cycle = (at.astimezone(self._tz).date() - self._base).days // self._cycle
        found = (cycle - 1) * len(self._handoffs) - self._first
        # at most the hand-overs of two cycles: the one before may reach over midnight
        while self.at(found + 1) <= at:
            found += 1
        return found


def whose_turn(members: Sequence[Member], turns: Turns, at: datetime) -> int | None:
    """The place in `members` of whose turn it is; None before the first turn, or when nobody is a member then.

    Each hand-over goes to the next who is a member. When a membership begins or ends between, the turns of the others stay:
    who leaves hands over to the next at that moment, who joins is reached in their place of the order.
    """
    last = turns.number(at)
    if last < 0 or not members:
        return None
    start = turns.at(0)
    eras = sorted({edge for member in members for edge in member[1:] if edge is not None and start < edge <= at})
    holder, done = -1, -1  # the number of the last hand-over that `holder` takes account of
    for begin, following in pairwise([start, *eras, None]):
        assert begin is not None
        reached = last if following is None else turns.number(following - timedelta(microseconds=1))
        present = [place for place, member in enumerate(members) if member.holds(begin)]
        if not present:
            done = reached
            continue
        fresh = reached - done
        if holder not in present and not (fresh and turns.at(done + 1) == begin):
            # whose turn it was has left between two hand-overs, or nobody was there: the next takes over now
            holder = present[bisect_right(present, holder) % len(present)]
        if fresh:
            index = bisect_right(present, holder) - 1
            holder = present[(index + fresh) % len(present)]
        done = reached
    present_now = [place for place, member in enumerate(members) if member.holds(at)]
    return holder if holder in present_now else None


def inside(hours: Sequence[Hours], at: datetime, tz: tzinfo) -> bool:
    """Does a moment lie within the hours? Always, when there are none."""
    if not hours:
        return True
    today = at.astimezone(tz).date()
    return any(begin <= at < end for begin, end in windows(hours, today - _DAY, today, tz))


def windows(hours: Sequence[Hours], first: date, last: date, tz: tzinfo) -> Iterator[tuple[datetime, datetime]]:
    """The spans (UTC) of hours that begin on the days from `first` to `last`."""
    for number in range((last - first).days + 1):
        day = first + timedelta(days=number)
        for span in hours:
            if day.weekday() in span.weekdays:
                end = span.end + (1440 if span.end <= span.begin else 0)
                yield wall(day, span.begin, tz), wall(day, end, tz)


def edges(layer: Layer, begin: datetime, end: datetime, tz: tzinfo) -> Iterator[datetime]:
    """Every moment after `begin` and before `end` at which the layer may change by itself."""
    if layer.starts is not None:
        turns = Turns(layer, tz)
        number = max(0, turns.number(begin) + 1)
        while (moment := turns.at(number)) < end:
            yield moment
            number += 1
    first, last = begin.astimezone(tz).date() - _DAY, end.astimezone(tz).date()
    for span in windows(layer.hours, first, last, tz) if layer.hours else ():
        yield from span
    for item in (*layer.members, *layer.entries):
        yield from (edge.astimezone(UTC) for edge in item[1:3] if isinstance(edge, datetime))
