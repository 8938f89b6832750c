"""Ninety days with 4,000 cases a day, two cities: every deadline and every reminder against a slow oracle.

The oracle (`tests.season`) walks the wall clock of the city from minute to minute, and shares no code with the program. Orders
are paused and go on, are extended, tightened and handed over at random, in event time. Of every order each reminder must come
once, at its microsecond, or not at all where the oracle says so.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import datetime, timedelta

import pytest

from citybrain.kernel.calendar import WorkCalendar
from dispatch import clocks
from dispatch.calendars import load_calendars
from dispatch.clocks import Clock
from dispatch.limits import MAKE_SAFE, REPAIR, Limit
from dispatch.profiles import load_profile
from tests.season import CITIES, DAYS, City, Told, Walk

PER_DAY = 4000
_US = timedelta(microseconds=1)
_LONGEST = timedelta(days=90)
"""no order is played with for longer, so that the walk reaches its end"""


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
