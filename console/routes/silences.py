"""Silences, windows, planned works and approved openings: read them, silence an alert, end them."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Annotated, Any

from fastapi import APIRouter, Path, Query

from citybrain.store import silences as store
from citybrain.store.db import Row
from console.models import Silence, SilenceEnd, SilenceNew
from console.problems import responses
from console.routes.common import READ, WRITE, Shared
from dispatch import silencing

router = APIRouter(prefix="/api/silences", tags=["silences"])

Name = Annotated[str, Path(description="Number or id; of works also their reference.", max_length=100)]


@router.get("", summary="List silences", dependencies=READ, responses=responses(401, 422, 503))
def list_silences(
    console: Shared,
    ended: Annotated[bool, Query(description="Those that are over too.")] = False,
    limit: Annotated[int, Query(ge=1, le=1000, description="At most so many.")] = 200,
) -> list[Silence]:
    """Silences, windows, planned works and approved openings, those that end first first."""
    now = console.clock.now()
    with console.db.transaction() as tx:
        rows = store.listed(tx, limit=limit, ended=ended)
    return [_shown(row, now) for row in rows]


@router.post("", summary="Silence", status_code=201, dependencies=WRITE, responses=responses(401, 404, 409, 422, 503))
def add_silence(console: Shared, wanted: SilenceNew) -> Silence:
    """Silence the key of an alert, or what matchers cover, for a while or until the alert is over."""
    now = console.clock.now()

    def work(tx: Any) -> Row:
        matchers = [*wanted.matchers, *(silencing.alert_key(tx, wanted.alert) if wanted.alert else ())]
        added = silencing.silence(
            tx, matchers, author=wanted.author, reason=wanted.reason, begins_at=now, until_resolved=wanted.until_resolved,
            ends_at=now + timedelta(seconds=wanted.for_s) if wanted.for_s is not None else None, now=now,
        )  # fmt: skip
        return store.find(tx, added.id)

    return _shown(console.db.attempt(work), now)


@router.post("/{silence}/expire", summary="End a silence", dependencies=WRITE, responses=responses(401, 404, 409, 422, 503))
def expire_silence(console: Shared, silence: Name, said: SilenceEnd) -> Silence:
    """End a silence, works or an opening now: what it hid and still fires goes out within a cycle."""
    now = console.clock.now()
    row = console.db.attempt(lambda tx: silencing.expire(tx, silence, by=said.actor, reason=said.reason, now=now))
    return _shown(row, now)


def _shown(row: Row, now: datetime) -> Silence:
    end = row["ends_at"]
    left = None if end is None or row["state"] == "ended" else max(0.0, (end - now).total_seconds())
    return Silence.model_validate({"muted": 0, **row, "remaining_s": left})
