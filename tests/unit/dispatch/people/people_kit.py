"""Three people, a schedule, a team and a policy for the unit tests."""

from __future__ import annotations

from datetime import UTC, date, datetime

from dispatch.people.model import Contact, Layer, Member, People, Person, Policy, PolicyStep, Schedule, Team

NOON = datetime(2026, 6, 12, 4, 0, tzinfo=UTC)
"""Friday, 12:00 in Shanghai."""


def person(name: str, *contacts: str, language: str = "") -> Person:
    """Somebody."""
    return Person(name, name.title(), contacts=tuple(Contact(one) for one in contacts or (f"log:{name}",)), language=language)


FIRST = Layer("first", "daily", (Member("an"), Member("bo")), (480,), 1, date(2026, 6, 10))
"""an on the 10th and 12th, bo on the 11th, from 08:00"""
DUTY = Schedule("duty", "Duty", "Asia/Shanghai", "值班", "u", (FIRST,))
EMPTY = Schedule("empty", "Empty", "UTC", layers=(Layer("l", "calendar", handoffs=()),))
CREW = Team("crew", "Crew", unit="u", members=(Member("bo"), Member("cy", end=NOON)))
POLICY = Policy(
    "grave",
    (
        PolicyStep(0, ("schedule:duty",)),
        PolicyStep(600, ("team:crew", "lead")),
        PolicyStep(600, ("supervisor", "https://hooks.example/s3cret")),
    ),
    "u",
    frozenset({"critical"}),
    repeat_times=1,
    repeat_s=1800,
    remind_s=900,
)


def people(**more: object) -> People:
    """Everybody."""
    fields = {
        "people": {name: person(name) for name in ("an", "bo", "cy")},
        "teams": {"crew": CREW},
        "schedules": {"duty": DUTY, "empty": EMPTY},
        "policies": {"grave": POLICY},
        **more,
    }
    return People(**fields)  # type: ignore[arg-type]  # each test gives what it is about
