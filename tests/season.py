"""The slow oracle of deadlines: a wall clock that is walked from minute to minute, and what must be said when.

It knows nothing of the program's calendars, holidays or arithmetic: holidays and moved days are written out here from the
public lists.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from dispatch.limits import Limit

DAYS = 90
_MINUTE = timedelta(minutes=1)
_US = timedelta(microseconds=1)


def _days(text: str) -> frozenset[date]:
    """Days, and first/last of several."""
    found: set[date] = set()
    for part in text.split():
        first, _, last = part.partition("/")
        last = last or first
        day = date.fromisoformat(first)
        while day <= date.fromisoformat(last):
            found.add(day)
            day += timedelta(days=1)
    return frozenset(found)


@dataclass(frozen=True)
class City:
    """What the oracle is told of a city, by hand."""

    profile: str
    calendar: str
    zone: str
    begins: datetime
    hours: tuple[tuple[int, int], ...]
    """working time, minutes of the day from and to"""
    day_minutes: int
    off: frozenset[date]
    moved: frozenset[date]


CITIES = (
    City(
        "cn", "default", "Asia/Shanghai", datetime(2026, 1, 20, tzinfo=UTC), ((480, 720), (840, 1080)), 480,
        # General Office of the State Council, arrangement of holidays 2026
        _days("2026-01-01/2026-01-03 2026-02-15/2026-02-23 2026-04-04/2026-04-06 2026-05-01/2026-05-05 2026-06-19/2026-06-21"
              " 2026-09-25/2026-09-27 2026-10-01/2026-10-07"),
        _days("2026-01-04 2026-02-14 2026-02-28 2026-05-09 2026-09-20 2026-10-10"),
    ),
    City(
        "uk", "uk", "Europe/London", datetime(2026, 2, 20, tzinfo=UTC), ((510, 750), (780, 990)), 450,
        # gov.uk, bank holidays of England
        _days("2026-04-03 2026-04-06 2026-05-04 2026-05-25 2026-08-31 2026-12-25 2026-12-28 2027-01-01"),
        frozenset(),
    ),
)  # fmt: skip


class Walk:
    """The wall clock of a city, walked once from minute to minute: how much working time lies before each of them."""

    def __init__(self, city: City) -> None:
        self.begin = city.begins - timedelta(days=3)
        zone = ZoneInfo(city.zone)
        before = [0]
        moment = self.begin
        for _ in range((DAYS + 300) * 1440):
            local = moment.astimezone(zone)
            day = local.date()
            works = day in city.moved or (local.weekday() < 5 and day not in city.off)
            minute = local.hour * 60 + local.minute
            before.append(before[-1] + (works and any(first <= minute < last for first, last in city.hours)))
            moment += _MINUTE
        self.before = before

    def counted(self, moment: datetime) -> int:
        """Working time before a moment, in microseconds."""
        since = (moment - self.begin) // _US
        minute, rest = divmod(since, 60_000_000)
        running = self.before[minute + 1] - self.before[minute]
        return self.before[minute] * 60_000_000 + running * rest

    def after(self, moment: datetime, length: int) -> datetime:
        """When so many microseconds of working time have passed since a moment."""
        target = self.counted(moment) + length
        whole, rest = divmod(target, 60_000_000)
        # the minute in which it is reached; a whole one is reached at the end of the minute that fills it
        if length and not rest:
            minute = bisect_left(self.before, whole)
            return self.begin + minute * _MINUTE
        minute = bisect_right(self.before, whole) - 1
        return max(moment, self.begin + minute * _MINUTE + rest * _US)


class Told:
    """An order as the oracle sees it: what its clock has counted, and what must be said when."""

    def __init__(self, walk: Walk, city: City, limit: Limit, start: datetime, shares: dict[str, float]) -> None:
        self.walk, self.city = walk, city
        self.used, self.had = 0, set[str]()
        self.shares = shares
        self.heard: list[tuple[str, datetime]] = []
        self.begin(limit, start)

    def begin(self, limit: Limit, at: datetime) -> None:
        """A limit that counts from now."""
        self.working = limit.unit in {"work_hour", "work_day"}
        per = {
            "urgent_minute": 1, "urgent_hour": 60, "natural_day": 1440, "work_hour": 60, "work_day": self.city.day_minutes,
        }[limit.unit]  # fmt: skip
        self.one = round(limit.value * per * 60_000_000)
        self.whole, self.used, self.at, self.runs = self.one, 0, at, True

    def at_share(self, share: float) -> datetime:
        """When a share of the limit is reached."""
        wanted = max(0, round(self.whole * share) - self.used)
        return self.walk.after(self.at, wanted) if self.working else self.at + wanted * _US

    def until(self, moment: datetime) -> None:
        """Time passes: what is due by then is said once."""
        if not self.runs:
            return
        for timer, share in self.shares.items():
            if timer not in self.had and (due := self.at_share(share)) <= moment:
                self.had.add(timer)
                self.heard.append((timer, due))

    def stop(self, moment: datetime) -> None:
        """The clock stands."""
        passed = self.walk.counted(moment) - self.walk.counted(self.at) if self.working else (moment - self.at) // _US
        self.used, self.runs = self.used + passed, False

    def go(self, moment: datetime) -> None:
        """And goes on."""
        self.at, self.runs = moment, True
