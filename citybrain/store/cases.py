"""Cases in the database. A case row is the lock of everything that belongs to it: its order, timers and alerts.

Who changes any of these holds the case. The pipeline waits for cases, always in the order of their ids and after it has
claimed the keys under which it may open new ones; people wait for one case; the cycle never waits (it skips what is held
and comes again). So there is no ring of waiting.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from psycopg.types.json import Jsonb

from citybrain.store.db import Row, Tx
from citybrain.store.sql import load

_SQL = load("cases")
_KEYS = 256
"""Openings are claimed by hash, so that a storm cannot use up the server's table of locks."""


def _slots(keys: Iterable[str]) -> list[int]:
    return sorted({zlib.crc32(key.encode()) % _KEYS for key in keys})


def claim_openings(tx: Tx, assets: Iterable[str]) -> None:
    """Wait until nobody else opens cases on these assets; holds until the end of the transaction."""
    if slots := _slots(assets):
        tx.one(_SQL["claim_openings"], keys=slots)


def try_openings(tx: Tx, assets: Iterable[str]) -> bool:
    """The same without waiting; False when somebody else does."""
    row = tx.one(_SQL["try_openings"], keys=_slots(assets))
    return bool(row and row["ok"])


def lock(
    tx: Tx, *, ids: Iterable[str] = (), assets: Iterable[str] = (), keys: Iterable[str] = (), parents: Iterable[str] = (),
    spots: Iterable[str] = (), wait: bool = True,
) -> list[Row]:  # fmt: skip
    """Hold open cases: with these ids, on these assets, waiting for a group with one of `keys`, waiting below `parents`, or at
    `spots` (a cause and a cell of the grid).

    `wait` False leaves out those that somebody else holds.
    """
    return tx.all(
        _SQL["lock" if wait else "lock_free"],
        ids=sorted(set(ids)),
        assets=sorted(set(assets)),
        keys=sorted(set(keys)),
        parents=sorted(set(parents)),
        spots=sorted(set(spots)),
    )


def hold(tx: Tx, case_id: str) -> Row | None:
    """Hold one case in whatever state; waits."""
    return tx.one(_SQL["hold"], id=case_id)


def add(tx: Tx, rows: Sequence[dict[str, Any]]) -> None:
    """New cases. A second open one of the same asset and cause violates `cases_one_open`."""
    if rows:
        tx.run(_SQL["add"], rows=Jsonb(list(rows)))


def open_(tx: Tx, case_id: str, *, filing_item: str | None, condition: str) -> None:
    """A waiting case, or one for information, becomes one with work to do."""
    tx.run(_SQL["open"], id=case_id, filing_item=filing_item, condition=condition)


def raise_severity(tx: Tx, case_id: str, severity: str) -> None:
    """A graver alert joined."""
    tx.run(_SQL["raise_severity"], id=case_id, severity=severity)


def close(tx: Tx, case_ids: Sequence[str], *, outcome: str, at: datetime) -> int:
    """Close cases; how many were open."""
    return tx.run(_SQL["close"], ids=list(case_ids), outcome=outcome, at=at) if case_ids else 0


def facts(tx: Tx, case_id: str) -> dict[str, Any]:
    """What is known of a group; empty before anything is."""
    row = tx.one(_SQL["facts"], id=case_id)
    return dict(row["facts"]) if row else {}


def set_facts(tx: Tx, case_id: str, facts: Mapping[str, Any]) -> None:
    """What is known of a group: the rule that formed it, the span of a cut cable, how many fell of how many."""
    tx.run(_SQL["set_facts"], id=case_id, facts=Jsonb(dict(facts)))


def count_children(tx: Tx, case_ids: Iterable[str]) -> None:
    """Count again how many other assets fell with the asset of each case."""
    if ids := sorted(set(case_ids)):
        tx.run(_SQL["count_children"], ids=ids)
