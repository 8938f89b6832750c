"""Quarantine: messages that could not be read."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query

from citybrain.kernel.errors import InputError
from citybrain.store import views
from console import paging, present
from console.models import Quarantined
from console.problems import responses
from console.routes.common import READ, Shared
from ingest.quarantine import REASONS

router = APIRouter(prefix="/api/quarantine", tags=["quarantine"], dependencies=READ)


@router.get("", summary="List quarantined messages", responses=responses(401, 422, 503))
def list_quarantine(
    console: Shared,
    reason: Annotated[str | None, Query(description="Only with this reason code.")] = None,
    cursor: paging.After = None,
    limit: paging.Limit = 50,
) -> paging.Page[Quarantined]:
    """Messages that could not be read, newest first."""
    if reason is not None and reason not in REASONS:
        raise InputError(f"query.reason: {reason[:64]!r} is none of {', '.join(REASONS)}")
    after = paging.number("quarantine", cursor)
    with console.db.transaction() as tx:
        rows = views.quarantine(tx, limit=limit, reason=reason, after=after)
    following = paging.encode("quarantine", rows[-1]["id"]) if len(rows) == limit else None
    return paging.Page(items=[present.quarantined(row) for row in rows], next=following, now=console.clock.now())
