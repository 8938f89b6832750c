"""Cases: what alerts of one physical cause share."""

from __future__ import annotations

from typing import Annotated, Literal
from uuid import UUID

from fastapi import APIRouter, Query

from citybrain.store import views
from console import paging, present
from console.models import Case, CaseDetail
from console.problems import responses
from console.routes.common import READ, Shared

router = APIRouter(prefix="/api/cases", tags=["cases"], dependencies=READ)


@router.get("", summary="List cases", responses=responses(401, 422, 503))
def list_cases(
    console: Shared,
    asset: Annotated[str | None, Query(description="Only of this asset.")] = None,
    cause: Annotated[str | None, Query(description="Only of this cause, such as cover_open.")] = None,
    state: Annotated[Literal["gathering", "open", "closed"] | None, Query(description="Only in this state.")] = None,
    cursor: paging.After = None,
    limit: paging.Limit = 50,
) -> paging.Page[Case]:
    """Cases that match every filter, newest first."""
    after = paging.position("cases", cursor)
    with console.db.transaction() as tx:
        rows = views.cases(tx, limit=limit, asset=asset, cause=cause, state=state, after=after)
    following = paging.encode("cases", rows[-1]["opened_at"], rows[-1]["id"]) if len(rows) == limit else None
    return paging.Page(items=[present.case(row, console.infos) for row in rows], next=following, now=console.clock.now())


@router.get("/{case_id}", summary="Show one case", responses=responses(401, 404, 422, 503))
def show_case(console: Shared, case_id: UUID) -> CaseDetail:
    """One case with its alerts and orders."""
    with console.db.transaction() as tx:
        row = views.case(tx, case_id)
    return present.case_detail(row, console.infos, console.clock.now())
