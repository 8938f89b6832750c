"""Stats: how things stand, as numbers."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query

from citybrain.store.gauges import gauges
from console.models import Stats
from console.problems import responses
from console.routes.common import READ, Shared

router = APIRouter(prefix="/api/stats", tags=["stats"], dependencies=READ)


@router.get("", summary="Counts of everything", responses=responses(401, 422, 503))
def stats(
    console: Shared, exact: Annotated[bool, Query(description="Count the archive row by row (slow when large).")] = False
) -> Stats:
    """Counts of readings, alerts, cases, orders, quarantine and notifications at this moment."""
    now = console.clock.now()
    with console.db.transaction() as tx:
        found = gauges(tx, now, exact_readings=exact)
    by_condition: dict[str, dict[str, int]] = {}
    for (condition, phase), number in found.alerts.items():
        by_condition.setdefault(condition, {})[phase] = number
    return Stats(
        now=now,
        readings=found.readings,
        counters=found.counters,
        orders=found.orders,
        alerts=by_condition,
        cases=found.cases,
        quarantine=found.quarantine,
        outbox=found.outbox,
        overdue_open=found.overdue_open,
        overdue_ever=found.overdue_ever,
        escalated=found.escalated,
        rejudge_waiting=found.rejudge_waiting,
        timer_late_s=found.timer_late_s,
    )
