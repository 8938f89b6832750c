"""PURE. What is said when duty changes hands: who goes, who comes, and what they must know."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from citybrain.kernel.ids import derived_id
from citybrain.text import LANGUAGES, text
from dispatch.notices import channel_of
from dispatch.people.duty import next_change, on_duty
from dispatch.people.model import People, Schedule
from dispatch.people.policies import contacts_of

AHEAD = timedelta(days=8)
"""The next change is looked for so far ahead; with none, the schedule is looked at again then. A week has a hand-over."""


class Change(NamedTuple):
    """Who was on duty and is not any more, who is now and was not, and who is now altogether."""

    gone: tuple[str, ...]
    come: tuple[str, ...]
    now: tuple[str, ...]


class Load(NamedTuple):
    """What the unit has to do: orders that are not done, and those of them that nobody has taken."""

    open: int
    untaken: int


def change(schedule: Schedule, was: Sequence[str] | None, now: datetime, people: People) -> Change:
    """What is different since it was told that those of `was` are on duty (None: it never was, so nobody comes or goes)."""
    here = tuple(one.person for one in on_duty(schedule, now, people).people)
    if was is None:
        return Change((), (), here)
    return Change(tuple(one for one in was if one not in here), tuple(one for one in here if one not in was), here)


def look_again(schedule: Schedule, now: datetime, people: People) -> datetime:
    """When the duty may change next."""
    return next_change(schedule, now, now + AHEAD, people) or now + AHEAD


def until(schedule: Schedule, person: str, now: datetime, people: People) -> datetime | None:
    """Until when somebody stays on duty; None: longer than the next changes that are known."""
    moment = now
    for _ in range(50):
        following = next_change(schedule, moment, now + 4 * AHEAD, people)
        if following is None:
            return None
        if person not in {one.person for one in on_duty(schedule, following, people).people}:
            return following
        moment = following
    return None


def notices(schedule: Schedule, found: Change, load: Load, people: People, now: datetime) -> list[dict[str, Any]]:
    """Rows of the outbox for everybody who comes or goes. Who cannot be reached is not in them."""
    made: list[dict[str, Any]] = []
    for purpose, names, others in (
        ("handover_in", found.come, found.gone),
        ("handover_out", found.gone, found.come or found.now),
    ):
        for name in names:
            person = people.people.get(name)
            for contact in contacts_of(person) if person else ():
                words = {language: _words(schedule, name, others, load, people, now, language) for language in LANGUAGES}
                made.append(
                    {
                        "id": derived_id("notice", schedule.id, now.isoformat(), purpose, name, contact.url),
                        "channel": channel_of(contact.url),
                        "target": contact.url,
                        "purpose": purpose,
                        "order_id": None,
                        "order_state": None,
                        "body": {"unit": schedule.unit, "language": contact.language, "schedule": schedule.id, "words": words},
                        "created_at": now,
                        "person": name,
                        "step": None,
                        "severity": None,
                    }
                )
    return made


def _words(
    schedule: Schedule, name: str, others: tuple[str, ...], load: Load, people: People, now: datetime, language: str
) -> Mapping[str, str]:
    def named(person: str) -> str:
        return people.people[person].title(language) if person in people.people else person

    ends = until(schedule, name, now, people)
    nobody = text("people.nobody", language)
    return {
        "schedule": schedule.title(language),
        "person": named(name),
        "others": ", ".join(named(other) for other in others) or nobody,
        "from": _wall(now, schedule.tz),
        "to": _wall(ends, schedule.tz) if ends else text("people.open_end", language),
        "open": str(load.open),
        "untaken": str(load.untaken),
    }


def _wall(at: datetime, tz: ZoneInfo) -> str:
    return at.astimezone(tz).strftime("%Y-%m-%d %H:%M %Z")
