"""Alerts in the database: episodes, their history, and the case that each belongs to."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from psycopg.types.json import Jsonb

from citybrain.kernel.events import AlertChange, AlertEvent
from citybrain.kernel.times import from_ms
from citybrain.store.db import Row, Tx
from citybrain.store.sql import load

_SQL = load("alerts")
_PAST = {AlertChange.ADDED: True, AlertChange.RAISED: False}
_TELLING = frozenset({AlertChange.RAISED, AlertChange.ADDED, AlertChange.AMENDED})


def record(tx: Tx, events: Sequence[AlertEvent]) -> list[AlertEvent]:
    """Write the history; the events that were not known yet, in their order. A replayed event is the same event."""
    if not events:
        return []
    rows = [
        {
            "alert_id": event.id,
            "change": str(event.change),
            "at": from_ms(event.at_ms),
            "reason": event.reason,
            "detail": event.detail,
            "evidence": [list(item) for item in event.evidence],
            "n": number,
        }
        for number, event in enumerate(events)
    ]
    found = tx.all(_SQL["record"], events=Jsonb(rows))
    new = {(str(row["alert_id"]), row["change"], row["at"], row["reason"], row["detail"]) for row in found}
    fresh = []
    for event in events:
        key = (event.id, str(event.change), from_ms(event.at_ms), event.reason, event.detail)
        if key in new:
            new.discard(key)
            fresh.append(event)
    return fresh


def save(tx: Tx, events: Sequence[AlertEvent], traces: Mapping[str, str] | None = None) -> set[str]:
    """Bring the episodes to what `events` (in their order) say; ids of cases whose episode was superseded.

    `traces`: alert -> trace id of the message that raised it.

    What ended is written before what is live, since an asset has one live episode of a condition at most. A live one that
    nobody ended (after a change of detectors, say) is ended here, with the reason `superseded`.
    """
    last: dict[str, dict[str, Any]] = {}
    told: dict[str, dict[str, Any]] = {}
    for event in events:
        before = last.get(event.id)
        last[event.id] = _row(event, before)
        if event.change in _TELLING:
            past = _PAST.get(AlertChange(event.change), told.get(event.id, {}).get("past"))
            told[event.id] = {key: last[event.id][key] for key in ("id", "reason", "detail", "evidence")}
            told[event.id] |= {"past": past, "trace": (traces or {}).get(event.id, "")}
    live = [row for row in last.values() if row["phase"] != "resolved" and not row["withdrawn"]]
    over = [row for row in last.values() if row["phase"] == "resolved" or row["withdrawn"]]
    touched: set[str] = set()
    saved: list[Row] = []
    for name, row in last.items():
        row["trace"] = told[name]["trace"] if name in told else ""
    if over:
        saved += tx.all(_SQL["save"], alerts=Jsonb(over))
    if live:
        touched = {str(row["case_id"]) for row in tx.all(_SQL["supersede"], alerts=Jsonb(live)) if row["case_id"]}
        saved += tx.all(_SQL["save"], alerts=Jsonb(live))
    # an episode that is new and of one event stands there as it was told
    counts = Counter(event.id for event in events)
    whole = {str(row["id"]) for row in saved if row["new"] and counts[str(row["id"])] == 1}
    if more := [row for key, row in told.items() if key not in whole]:
        tx.run(_SQL["tell"], alerts=Jsonb(more))
    return touched


def _row(event: AlertEvent, before: Mapping[str, Any] | None) -> dict[str, Any]:
    at = from_ms(event.at_ms)
    return {
        "id": event.id,
        "asset": event.asset,
        "kind": event.kind,
        "condition": event.condition,
        "severity": event.severity,
        "phase": str(event.phase),
        "onset_at": from_ms(event.onset_ms),
        "end_at": None if event.end_ms is None else from_ms(event.end_ms),
        "raised_at": before["raised_at"] if before else at,
        "changed_at": at,
        "reason": event.reason,
        "detail": event.detail,
        "evidence": [list(item) for item in event.evidence],
        "rulebook": event.rulebook,
        "past": _PAST.get(AlertChange(event.change), bool(before and before["past"])),
        "withdrawn": event.change == AlertChange.WITHDRAWN,
        "flapping": event.change == AlertChange.FLAPPING or bool(before and before["flapping"]),
    }


def memberships(tx: Tx, ids: Sequence[str]) -> dict[str, Row]:
    """For each alert: `case_id`, `past`, `phase`, `withdrawn`, and `case_state` and `case_outcome` of its case."""
    return {str(row["id"]): row for row in tx.all(_SQL["memberships"], ids=list(ids))} if ids else {}


def assign(tx: Tx, cases: Mapping[str, str]) -> None:
    """Put alerts (keys) into cases (values). The caller holds these cases."""
    if cases:
        tx.run(_SQL["assign"], rows=Jsonb([{"id": alert, "case_id": case} for alert, case in sorted(cases.items())]))


def adopt(tx: Tx, parent: str, cases: Sequence[str]) -> list[str]:
    """The alerts of waiting cases go to the case `parent`; their ids. The caller holds all of these cases."""
    return [str(row["id"]) for row in tx.all(_SQL["adopt"], parent=parent, cases=list(cases))] if cases else []


def of_cases(tx: Tx, cases: Sequence[str]) -> dict[str, list[Row]]:
    """The alerts of each case that did happen (neither withdrawn nor history), oldest first."""
    found: dict[str, list[Row]] = {case: [] for case in cases}
    for row in tx.all(_SQL["of_cases"], cases=list(cases)) if cases else ():
        found[str(row["case_id"])].append(row)
    return found


def note(tx: Tx, at: datetime, change: str, rows: Sequence[tuple[str, str, str]]) -> None:
    """Write into the history of alerts what dispatch did with them: rows of alert id, reason, detail."""
    if rows:
        notes = [{"alert_id": alert, "change": change, "reason": reason, "detail": detail} for alert, reason, detail in rows]
        tx.run(_SQL["note"], at=at, rows=Jsonb(notes))
