"""Ninety days with 4,000 cases a day, two cities: every deadline and every reminder against a slow oracle.

The oracle knows nothing of the program's calendars, holidays or arithmetic. It walks the wall clock of the city from minute to
minute, once, and counts which of them are working time; holidays and moved days are written out below from the public lists.
Orders are paused and go on, are extended, tightened and handed over at random, in event time. Of every order each reminder must
come once, at its minute and second, or not at all where the oracle says so.
"""

from __future__ import annotations

import random
from bisect import bisect_left, bisect_right
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from citybrain.kernel.calendar import WorkCalendar
from dispatch import clocks
from dispatch.calendars import load_calendars
from dispatch.clocks import Clock
from dispatch.limits import MAKE_SAFE, REPAIR, Limit
from dispatch.profiles import load_profile

DAYS, PER_DAY = 90, 4000
_MINUTE = timedelta(minutes=1)
_US = timedelta(microseconds=1)
_LONGEST = timedelta(days=90)
"""no order is played with for longer, so that the walk reaches its end"""


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


class Played:
    """The same order in the program: its clock, and timers that fire when they are due and not before."""

    def __init__(self, name: str, limit: Limit, start: datetime, calendar: WorkCalendar) -> None:
        self.calendar = calendar
        self.heard: list[tuple[str, datetime]] = []
        self.clock: Clock = clocks.begin(name, limit, start, calendar)
        self.timers = clocks.times(self.clock, calendar)

    def until(self, moment: datetime) -> None:
        for timer in [timer for timer, at in self.timers.items() if at <= moment]:
            self.heard.append((timer, self.timers.pop(timer)))

    def put(self, clock: Clock) -> None:
        self.clock, self.timers = clock, clocks.times(clock, self.calendar)


def moments(city: City, seed: int) -> Iterator[tuple[int, datetime]]:
    """4,000 starts a day, at any microsecond."""
    luck = random.Random(seed)
    for day in range(DAYS):
        for _ in range(PER_DAY):
            yield day, city.begins + timedelta(days=day, microseconds=luck.randrange(86_400_000_000))


def play(
    luck: random.Random, walk: Walk, city: City, calendar: WorkCalendar, limits: list[Limit], name: str, limit: Limit,
    start: datetime,
) -> tuple[Told, Played]:  # fmt: skip
    """One clock through pauses, extensions, graver faults and other units; both sides, which must agree at every step."""
    shares = {timer: share for timer, share in clocks.SHARES[name].items() if share == 1 or not limit.quiet}
    told, played = Told(walk, city, limit, start, shares), Played(name, limit, start, calendar)
    now, extended = start, False
    for _ in range(luck.choice((0, 0, 0, 1, 2, 4))):
        now += timedelta(microseconds=luck.randrange(1, max(2, (played.clock.due_at - start) // _US)))
        told.until(now)
        played.until(now)
        if now >= told.at_share(1) or now - start > _LONGEST:
            break
        match luck.choice(("pause", "extend", "tighten", "hand over")):
            case "pause":
                played.put(clocks.pause(played.clock, now))
                told.stop(now)
                now += timedelta(microseconds=luck.randrange(1, 10 * 86_400_000_000))
                told.until(now)
                played.until(now)
                played.put(clocks.resume(played.clock, now, calendar))
                told.go(now)
            case "extend" if not extended:
                extended = True
                played.put(clocks.extend(played.clock, now, calendar))
                told.whole += told.one
            case "tighten":
                graver = luck.choice(limits)
                shorter = clocks.tighten(played.clock, graver, now, calendar)
                other = Told(walk, city, graver, now, {})
                assert (shorter is not None) == (other.at_share(1) < told.at_share(1))
                if shorter is not None and not (limit.quiet or graver.quiet):
                    extended = False
                    played.put(shorter)
                    told.begin(graver, now)
            case "hand over":
                extended = False
                played.put(clocks.restart(played.clock, limit, now, calendar))
                told.begin(limit, now)
                told.had = set()
        assert played.clock.due_at == told.at_share(1), (name, limit, start, now)
    end = max(now, played.clock.due_at)
    told.until(end)
    played.until(end)
    return told, played


@pytest.mark.parametrize("city", CITIES, ids=lambda city: city.profile)
def test_every_deadline_of_a_season_is_exact_and_nothing_is_said_early_late_or_twice(city: City) -> None:
    walk = Walk(city)
    calendar = load_calendars(None).of(city.calendar, city.zone)
    book = load_profile(city.profile)
    rows = {name: [limit for item in book for limit in item.rows(name)] for name in (MAKE_SAFE, REPAIR)}
    luck = random.Random(f"season of {city.profile}")
    seen = 0
    for number, (_, start) in enumerate(moments(city, 2026)):
        # every order has both clocks; the history of one of them is played through, the other is left alone
        for name in (MAKE_SAFE, REPAIR):
            limit = luck.choice(rows[name])
            if (number % 2 == 0) == (name == REPAIR):
                told, played = play(luck, walk, city, calendar, rows[name], name, limit, start)
                assert sorted(played.heard) == sorted(told.heard), (name, limit, start)
                assert len({timer for timer, _ in played.heard}) <= len(played.heard)
            else:
                alone = Told(walk, city, limit, start, {})
                assert clocks.begin(name, limit, start, calendar).due_at == alone.at_share(1), (limit, start)
        seen += 1
    assert seen == DAYS * PER_DAY
