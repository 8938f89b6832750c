"""The clocks of orders and what is asked of them, in the database. Whoever writes here holds the order's case."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from psycopg.types.json import Jsonb

from citybrain.store.db import Row, Tx
from citybrain.store.sql import load

_SQL = load("clocks")


def add(tx: Tx, rows: Sequence[Mapping[str, Any]], shapes: Mapping[str, Sequence[Mapping[str, Any]]]) -> None:
    """The clocks of new orders. Rows of `order_id` and `alike`, the key of their clocks among `shapes`."""
    if rows:
        made = [{**clock, "alike": key} for key, both in shapes.items() for clock in both]
        tx.run(_SQL["add"], rows=Jsonb(list(rows)), shapes=Jsonb(made))


def of_order(tx: Tx, order_id: str) -> list[Row]:
    """Both clocks of an order."""
    return tx.all(_SQL["of_order"], order_id=order_id)


def save(tx: Tx, row: Mapping[str, Any]) -> None:
    """A clock as it is now. `explanation` None keeps what was told."""
    explanation = row.get("explanation")
    tx.run(
        _SQL["save"],
        **{**row, "coming": list(row["coming"]), "explanation": None if explanation is None else Jsonb(explanation)},
    )


def sync(
    tx: Tx, order_id: str, *, limit_value: float, limit_unit: str, clock_from: datetime, due_at: datetime,
    overdue_at: datetime | None, filing_item: str | None = None, explanation: Sequence[str] | None = None,
) -> None:  # fmt: skip
    """The order's own columns follow its repair clock."""
    tx.run(
        _SQL["sync"],
        id=order_id,
        limit_value=limit_value,
        limit_unit=limit_unit,
        clock_from=clock_from,
        due_at=due_at,
        overdue_at=overdue_at,
        filing_item=filing_item,
        explanation=None if explanation is None else Jsonb(list(explanation)),
    )


def drop_later(tx: Tx, case_id: str, purposes: Sequence[str], now: datetime) -> None:
    """Forget timers of a case that are not due yet; those that are due stand, and have their turn."""
    tx.run(_SQL["drop_later"], case_id=case_id, purposes=list(purposes), now=now)


def set_checklist(tx: Tx, order_id: str, checklist: Sequence[Mapping[str, Any]]) -> None:
    """The checklist of an order, with what was done."""
    tx.run(_SQL["set_checklist"], id=order_id, checklist=Jsonb(list(checklist)))


def closing(tx: Tx, order_id: str) -> Row:
    """When an order counts as put right: close_en, close_zh, and its checklist."""
    return tx.one(_SQL["closing"], id=order_id) or {"close_en": "", "close_zh": "", "checklist": []}


def checklist(tx: Tx, order_id: str) -> list[dict[str, Any]]:
    """The checklist of an order."""
    row = tx.one(_SQL["checklist"], id=order_id)
    return list(row["checklist"]) if row else []


def withdraw(tx: Tx, order_id: str, purposes: Sequence[str], *, reason: str, at: datetime) -> int:
    """Notices that wait and make no sense any more are dropped, each with a line in the ledger of deliveries; how many."""
    return tx.run(_SQL["withdraw"], order_id=order_id, purposes=list(purposes), reason=reason, at=at)


def followers(tx: Tx, order_id: str) -> list[str]:
    """Every target that was told, or is about to be told, something about an order."""
    return [row["target"] for row in tx.all(_SQL["followers"], order_id=order_id)]


def newer_case(tx: Tx, case_id: str) -> str | None:
    """Another open case of the same asset and cause."""
    row = tx.one(_SQL["newer_case"], case_id=case_id)
    return str(row["id"]) if row else None


def reopen(tx: Tx, case_id: str, order_id: str, *, at: datetime) -> None:
    """A closed case and its order are open again. Violates `cases_one_open` when another case stands in their place."""
    tx.run(_SQL["reopen_case"], case_id=case_id)
    tx.run(_SQL["reopen_order"], order_id=order_id, at=at)


def ask(tx: Tx, row: Mapping[str, Any]) -> bool:
    """A request. False: it is there already. A second open one of an order violates `clock_requests_one_open`."""
    return tx.run(_SQL["ask"], **row) > 0


def open_request(tx: Tx, order_id: str) -> Row | None:
    """The request of an order that waits for an answer."""
    return tx.one(_SQL["open_request"], order_id=order_id)


def requests_of(tx: Tx, order_id: str) -> list[Row]:
    """All requests of an order, oldest first."""
    return tx.all(_SQL["requests_of"], order_id=order_id)


def request(tx: Tx, request_id: str) -> Row | None:
    """One request."""
    return tx.one(_SQL["request"], id=request_id)


def approve(tx: Tx, request_id: str, *, by: str, at: datetime, last: bool) -> None:
    """One more approval; `last`: the one that was missing. Who asked or approved before violates a constraint."""
    tx.run(_SQL["approve"], id=request_id, by=by, at=at, last=last)


def refuse(tx: Tx, request_id: str, *, by: str, reason: str, at: datetime) -> None:
    """Refused."""
    tx.run(_SQL["refuse"], id=request_id, by=by, reason=reason, at=at)


def lapse(tx: Tx, order_id: str, *, reason: str, at: datetime) -> int:
    """The open request of an order asks for nothing any more; how many there were."""
    return tx.run(_SQL["lapse"], order_id=order_id, reason=reason, at=at)


def asset_of(tx: Tx, case_id: str) -> str | None:
    """The asset of a case; it never changes, so nobody need hold the case."""
    row = tx.one(_SQL["asset_of"], case_id=case_id)
    return str(row["asset"]) if row else None


def told_now(tx: Tx, order_id: str, purpose: str, at: datetime) -> set[str]:
    """Targets for whom a notice of a purpose was written at a time."""
    return {row["target"] for row in tx.all(_SQL["told_now"], order_id=order_id, purpose=purpose, at=at)}
