"""What the commands about duty share: the people as of now, schedules by name, times as people write them."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from citybrain import clock
from citybrain.cli.common import get_settings, open_db, run_clock
from citybrain.config import Settings
from citybrain.kernel.errors import InputError, NotFound
from dispatch.people import roster
from dispatch.people.model import People, Schedule

TIMES = "a time such as 2026-06-12T08:00, of the schedule's wall unless it has an offset, or now"
ScheduleName = Annotated[str, typer.Option("--schedule", help="Id of a schedule.")]


def when(given: str, tz: Any, now: datetime, option: str) -> datetime:
    """A time as people write it: with an offset, or of a wall clock; "now". Raises InputError."""
    if given == "now":
        return now
    try:
        found = datetime.fromisoformat(given)
    except ValueError as error:
        raise InputError(f"{option} {given!r}: {TIMES}") from error
    return (found if found.tzinfo else found.replace(tzinfo=tz)).astimezone(UTC)


def open_people(data_dir: Path | None) -> tuple[Settings, People, datetime]:
    """Settings, everybody, and the city time of now."""
    settings = get_settings(data_dir)
    with open_db(settings) as db, db.transaction() as tx:
        people = roster.current(tx)
    return settings, people, clock.parse(run_clock(settings)).now()


def schedules_of(people: People, name: str | None) -> list[Schedule]:
    """One schedule by its id, or all. Raises NotFound."""
    if name is None:
        return [one for _, one in sorted(people.schedules.items())]
    if name not in people.schedules:
        raise NotFound(f"no schedule {name!r}; there are: {', '.join(sorted(people.schedules)) or 'none'}")
    return [people.schedules[name]]
