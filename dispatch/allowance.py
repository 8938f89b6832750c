"""PURE. How often somebody may be disturbed, and when: send now, together with others, or wait until a time, and why.

The first message goes at once. What comes within `bundle_s` after a message waits, and then goes as one. An allowance (so many
messages in so many minutes) that is used up makes the next message wait until the oldest falls out; what gathers meanwhile goes
as one as well. In quiet hours only what is critical goes out.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from typing import Literal, NamedTuple
from zoneinfo import ZoneInfo

CRITICAL = "critical"

HELD = ("held_quiet", "held_allowance", "held_bundle")
"""Reasons for which a notice waits."""


class Cap(NamedTuple):
    """At most so many messages within any `span`."""

    messages: int
    span: timedelta


class Quiet(NamedTuple):
    """Hours of a day in which nobody is disturbed, by the clock on the person's wall; they may go over midnight."""

    begin: time
    end: time


@dataclass(frozen=True, slots=True)
class Manners:
    """How one kind of channel may disturb people. All empty: a program that reads, which nothing disturbs."""

    kind: str
    caps: tuple[Cap, ...] = ()
    bundle: timedelta = timedelta(0)
    edit: frozenset[str] = frozenset()
    """Purposes that are written over the message before, where the service can; `all`: every one."""
    quiet: bool = False
    """Quiet hours of people count."""

    @property
    def calm(self) -> bool:
        """Is there anything to count?"""
        return bool(self.caps or self.bundle)

    @property
    def memory(self) -> timedelta:
        """How far back messages count."""
        return max((cap.span for cap in self.caps), default=timedelta(0)) + self.bundle

    def edits(self, purpose: str) -> bool:
        """Is a notice of this purpose written over the message before?"""
        return purpose in self.edit or "all" in self.edit


class Verdict(NamedTuple):
    """What to do with a notice. `hold` has a time (city time); `reason` is one of `REASONS` of the channels."""

    action: Literal["send", "bundle", "hold"]
    reason: str
    until: datetime | None = None
    detail: str = ""


def decide(manners: Manners, recent: Sequence[datetime], now: datetime, *, held: bool) -> Verdict:
    """Send, send with what waits, or wait. `recent`: the times of the messages within `manners.memory`, in order, by the same
    kind of channel to the same person. `held`: the notice has waited before, so what waits with it goes in one message."""
    until, detail = now, ""
    for cap in manners.caps:
        within = [at for at in recent if now - cap.span < at <= now]
        if len(within) >= cap.messages and within[-cap.messages] + cap.span > until:
            until = within[-cap.messages] + cap.span
            detail = f"{cap.messages} in {_span(cap.span)}"
    if until > now:
        return Verdict("hold", "held_allowance", until, detail)
    last = recent[-1] if recent else None
    if last is not None and last <= now < last + manners.bundle:
        return Verdict("hold", "held_bundle", last + manners.bundle, f"within {_span(manners.bundle)} of another message")
    return Verdict("bundle" if held else "send", "sent")


def quiet_until(quiet: Quiet | None, zone: ZoneInfo, now: datetime, severity: str) -> datetime | None:
    """The end of the quiet hours that `now` is in (city time, in UTC), None when a message of this severity may go out.

    Read off the wall: where the clock is put forward over the end, the hours end when the clock jumps.
    """
    if quiet is None or severity == CRITICAL:
        return None
    wall = now.astimezone(zone)
    at, day = wall.timetz().replace(tzinfo=None), wall.date()
    if quiet.begin <= quiet.end:
        inside, ends = quiet.begin <= at < quiet.end, day
    else:
        inside, ends = at >= quiet.begin or at < quiet.end, day + timedelta(days=at >= quiet.begin)
    if not inside:
        return None
    utc = ZoneInfo("UTC")
    end = datetime.combine(ends, quiet.end, zone).astimezone(utc)
    return end if end > now else datetime.combine(ends, quiet.end, zone).replace(fold=1).astimezone(utc)


def whose(person: str | None, target: str) -> str:
    """Who is counted: a person, over all their contacts; where a notice names nobody, the contact itself."""
    return f"person:{person}" if person is not None else f"target:{target}"


def _span(span: timedelta) -> str:
    seconds = int(span.total_seconds())
    return f"{seconds // 60} min" if seconds % 60 == 0 and seconds else f"{seconds} s"
