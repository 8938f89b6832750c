"""What is arranged on top of people.yml: shifts of imported calendars, overrides and leave in one list."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from citybrain.kernel.errors import InputError, NotFound
from citybrain.store import people as store
from citybrain.store.db import Tx
from dispatch.people import ical, roster
from dispatch.people.model import People


def take_over(
    tx: Tx, data: bytes, schedule: str, layer: str, begin: datetime, end: datetime, *, dry_run: bool = False
) -> ical.Read:
    """The shifts of a calendar instead of those of a layer that begin within a span. With faults nothing is changed.

    Raises NotFound (schedule), InputError (no such layer, not a calendar).
    """
    people = roster.read(tx)
    known = people.schedules.get(schedule)
    if known is None:
        raise NotFound(f"no schedule {schedule!r}; there are: {', '.join(sorted(people.schedules)) or 'none'}")
    fitting = sorted(one.id for one in known.layers if one.rotation == "calendar")
    if layer not in fitting:
        raise InputError(
            f"schedule {schedule!r} has no layer {layer!r} with rotation calendar; there are: {', '.join(fitting) or 'none'}"
        )
    found = ical.read(data, known, people, begin, end)
    if not found.faults and not dry_run:
        store.bump(tx, begin)
        rows = [{"person": one.person, "starts": one.begin, "ends": one.end, "uid": one.uid} for one in found.entries]
        store.replace_entries(tx, schedule, layer, begin, end, rows)
    return found


def listed(people: People, now: datetime) -> list[dict[str, Any]]:
    """Overrides and leave that are not over, soonest first."""
    rows: list[dict[str, Any]] = [
        {"id": one.id, "kind": "override", "schedule": schedule.id, "person": one.person, "instead_of": one.instead_of or "",
         "from": one.begin, "to": one.end, "reason": one.reason}
        for schedule in people.schedules.values()
        for one in schedule.overrides
    ]  # fmt: skip
    rows += [
        {"id": one.id, "kind": "leave", "schedule": "", "person": one.person, "instead_of": "", "from": one.begin,
         "to": one.end, "reason": one.reason}
        for leaves in people.leaves.values()
        for one in leaves
    ]  # fmt: skip
    return sorted((row for row in rows if row["to"] > now), key=lambda row: (row["from"], row["id"]))
