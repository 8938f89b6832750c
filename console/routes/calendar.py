"""Duty as calendars that phones and calendar programs subscribe to."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Path, Query, Response

from console.auth import Given, reader
from console.context import Console, console_of
from console.problems import responses
from console.routes.common import Shared, clean
from dispatch.people import ical, roster
from dispatch.people.feed import is_key

router = APIRouter(prefix="/calendar", tags=["people"])

BACK, AHEAD = timedelta(days=14), timedelta(days=180)
"""What a feed holds."""
Kind = Annotated[Literal["schedule", "person"], Path(description="Whose calendar.")]
Name = Annotated[str, Path(description="Id of the schedule or person.", max_length=63)]


def allowed(
    console: Annotated[Console, Depends(console_of)],
    given: Given,
    kind: Kind,
    name: Name,
    key: Annotated[str, Query(description="The key that `citybrain duty ical --url` shows.", max_length=64)] = "",
) -> None:
    """Lets pass who has the key of this calendar, or may read at all."""
    if not (key and is_key(key, console.token, kind, name)):
        reader(console, given)


@router.get(
    "/{kind}/{name}.ics",
    summary="Duty as a calendar",
    dependencies=[Depends(allowed), Depends(clean)],
    response_class=Response,
    responses=responses(401, 404, 422, 503) | {200: {"content": {"text/calendar": {}}}},
)
def duty(console: Shared, kind: Kind, name: Name) -> Response:
    """Who is on duty in a schedule, or when a person is: two weeks back and half a year ahead (iCalendar)."""
    now = console.clock.now()
    with console.db.transaction() as tx:
        people = roster.current(tx)
    content = ical.feed(people, kind, name, now - BACK, now + AHEAD, now=now, language=console.settings.language)
    return Response(content, media_type="text/calendar; charset=utf-8")
