"""Alerts: episodes of conditions on assets."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query

from citybrain.kernel.events import AlertPhase
from citybrain.kernel.model import Severity
from citybrain.store import views
from console import paging, present
from console.models import Alert, AlertDetail
from console.problems import responses
from console.routes.common import READ, Shared
from console.silenced import with_silences

router = APIRouter(prefix="/api/alerts", tags=["alerts"], dependencies=READ)


@router.get("", summary="List alerts", responses=responses(401, 422, 503))
def list_alerts(
    console: Shared,
    asset: Annotated[str | None, Query(description="Only of this asset.")] = None,
    condition: Annotated[str | None, Query(description="Only of this condition, such as MH-OPEN.")] = None,
    severity: Annotated[Severity | None, Query(description="Only of this severity.")] = None,
    phase: Annotated[AlertPhase | None, Query(description="Only in this phase.")] = None,
    live: Annotated[bool, Query(description="Only what goes on now.")] = False,
    cursor: paging.After = None,
    limit: paging.Limit = 50,
) -> paging.Page[Alert]:
    """Alerts that match every filter, newest onset first."""
    after, now = paging.position("alerts", cursor), console.clock.now()
    with console.db.transaction() as tx:
        rows = views.alerts(
            tx, limit=limit, asset=asset, condition=condition, severity=severity, phase=phase, live=live, after=after
        )
        rows = with_silences(tx, rows, console.infos, now)
    following = paging.encode("alerts", rows[-1]["onset_at"], rows[-1]["id"]) if len(rows) == limit else None
    return paging.Page(items=[present.alert(row, console.infos) for row in rows], next=following, now=now)


@router.get("/{alert_id}", summary="Show one alert", responses=responses(401, 404, 422, 503))
def show_alert(console: Shared, alert_id: UUID) -> AlertDetail:
    """One alert with its evidence and all its changes."""
    with console.db.transaction() as tx:
        (row,) = with_silences(tx, [views.alert(tx, alert_id)], console.infos, console.clock.now())
    return present.alert_detail(row, console.infos)
