"""PURE. A clock as a row of the database and back, and how its limit is told."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from citybrain.kernel.calendar import WorkCalendar
from dispatch.clocks import Clock
from dispatch.deadlines import due

_US = timedelta(microseconds=1)


def of_row(row: Mapping[str, Any]) -> Clock:
    """A clock from its row."""
    return Clock(
        row["clock"], row["state"], row["limit_value"], row["limit_unit"], row["begun_at"], row["since"], row["spent_us"] * _US,
        row["total_us"] * _US, row["due_at"], tuple(row["coming"]), row["quiet"], row["extended"], row["met_at"],
        row["overdue_at"], row["until"], row["stood_at"],
    )  # fmt: skip


def row_of(clock: Clock) -> dict[str, Any]:
    """The row of a clock, without its order and its explanation."""
    return {
        "clock": clock.name, "state": clock.state, "limit_value": clock.value, "limit_unit": clock.unit,
        "begun_at": clock.begun_at, "since": clock.since, "spent_us": clock.spent // _US, "total_us": clock.total // _US,
        "due_at": clock.due_at, "coming": clock.coming, "quiet": clock.quiet, "extended": clock.extended,
        "met_at": clock.met_at, "overdue_at": clock.overdue_at, "until": clock.until,
        "stood_at": clock.stood_at,
    }  # fmt: skip


def told(clock: Clock, calendar: WorkCalendar) -> list[str]:
    """How the limit of a clock that begins was calculated, as it is told and kept."""
    return list(due(clock.begun_at, clock.value, clock.unit, calendar).steps)
