"""What stands in the database at the end, in a form that two runs can be compared by."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from citybrain.store.db import Database

_QUERIES = {
    "alerts": """SELECT id::text, asset, kind, condition, severity, phase, onset_at, end_at, raised_at, changed_at, reason,
                        detail, evidence, rulebook, past, withdrawn, flapping, case_id::text FROM alerts ORDER BY id""",
    "alert_events": """SELECT a.asset, a.condition, e.alert_id::text, e.change, e.at, e.reason, e.detail, e.evidence
                       FROM alert_events e JOIN alerts a ON a.id = e.alert_id ORDER BY a.asset, e.at, e.alert_id, e.seq""",
    "cases": """SELECT id::text, asset, kind, cause, condition, severity, state, opened_at, closed_at, outcome, children,
                       filing_item FROM cases ORDER BY id""",
    "orders": """SELECT id::text, case_id::text, unit, state, filing_item, limit_value, limit_unit, dispatched_at, clock_from,
                        due_at, closed_at, reworks, reason, trail, explanation, trace FROM orders ORDER BY id""",
    "order_events": """SELECT case_id::text, order_id::text, event, from_state, to_state, at, actor, reason, detail, facts,
                              encode(hash, 'hex') AS hash FROM order_events ORDER BY case_id, seq""",
    "timers": "SELECT id, case_id::text, purpose, next_at FROM timers ORDER BY id",
    "outbox": "SELECT id::text, channel, target, purpose, order_id::text, body FROM outbox ORDER BY id",
}

Told = Mapping[str, list[dict[str, Any]]]


def told(db: Database) -> Told:
    """Every row of what is told, by table."""
    with db.transaction() as tx:
        return {table: tx.all(query) for table, query in _QUERIES.items()}


def difference(one: Told, other: Told) -> str:
    """The first row in which they differ, of each table; "" when they are equal."""
    found = []
    for table in _QUERIES:
        if one[table] == other[table]:
            continue
        left, right = one[table], other[table]
        pair = next(((a, b) for a, b in zip(left, right, strict=False) if a != b), (None, None))
        keys = [key for key in pair[0] or () if pair[1] and pair[0][key] != pair[1][key]] if pair[0] else []
        what = "; ".join(f"{key}: {pair[0][key]!r} / {pair[1][key]!r}" for key in keys) if pair[0] and pair[1] else ""
        found.append(f"{table}: {len(left)} / {len(right)} rows; {what or pair}")
    return "\n".join(found)
