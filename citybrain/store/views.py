"""What the screens read: alerts, cases, orders, assets and quarantine, in pages. Nothing here writes."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from citybrain.kernel.errors import NotFound
from citybrain.store.db import Row, Tx
from citybrain.store.sql import load

_SQL = load("views")

Position = tuple[datetime, UUID]
"""Where a page of alerts or cases ended: time and id of its last row."""


def alerts(
    tx: Tx,
    *,
    limit: int,
    asset: str | None = None,
    condition: str | None = None,
    severity: str | None = None,
    phase: str | None = None,
    live: bool = False,
    after: Position | None = None,
) -> list[Row]:
    """Alerts that match every given filter, newest onset first. `live`: neither resolved, withdrawn nor history."""
    at, last = after or (None, None)
    return tx.all(
        _SQL["alerts_live" if live else "alerts"],
        asset=asset,
        condition=condition,
        severity=severity,
        phase=phase,
        after_at=at,
        after_id=last,
        limit=limit,
    )


def alert(tx: Tx, alert_id: UUID) -> Row:
    """One alert with its `events`. Raises NotFound."""
    row = _found(tx.one(_SQL["alert"], id=alert_id), "alert", alert_id)
    return {**row, "events": tx.all(_SQL["alert_events"], id=alert_id)}


def cases(
    tx: Tx,
    *,
    limit: int,
    asset: str | None = None,
    cause: str | None = None,
    state: str | None = None,
    after: Position | None = None,
) -> list[Row]:
    """Cases that match every given filter, newest first."""
    at, last = after or (None, None)
    return tx.all(_SQL["cases"], asset=asset, cause=cause, state=state, after_at=at, after_id=last, limit=limit)


def case(tx: Tx, case_id: UUID) -> Row:
    """One case with its `alerts` (at most 500) and `orders`. Raises NotFound."""
    row = _found(tx.one(_SQL["case"], id=case_id), "case", case_id)
    return {**row, "alerts": tx.all(_SQL["case_alerts"], id=case_id), "orders": orders(tx, limit=500, case=case_id)}


def orders(
    tx: Tx,
    *,
    limit: int,
    asset: str | None = None,
    unit: str | None = None,
    state: str | None = None,
    case: UUID | None = None,
    open_only: bool = False,
    overdue: bool = False,
    after: int | None = None,
) -> list[Row]:
    """Work orders that match every given filter, newest number first. `after` is the number a page ended with."""
    return tx.all(
        _SQL["orders"],
        asset=asset,
        unit=unit,
        state=state,
        case=case,
        open=open_only,
        overdue=overdue,
        after_number=after,
        limit=limit,
    )


def order(tx: Tx, order_id: UUID) -> Row:
    """One work order with its `events`, trail and explanation. Raises NotFound."""
    row = _found(tx.one(_SQL["order"], id=order_id), "order", order_id)
    return {**row, "events": tx.all(_SQL["order_events"], id=order_id)}


def order_id(tx: Tx, name: str) -> UUID:
    """The id of a work order from its id or its number. Raises NotFound."""
    if name.isdecimal() and len(name) < 19:
        return UUID(str(_found(tx.one(_SQL["order_by_number"], number=int(name)), "order", name)["id"]))
    try:
        return UUID(name)
    except ValueError:
        raise NotFound(f"no order {name!r}: give the id or the number of an order") from None


def asset(tx: Tx, asset_id: str, *, readings: int = 20) -> Row:
    """One asset with its `devices`, live `alerts`, open `orders` and newest `readings`. Raises NotFound."""
    row = _found(tx.one(_SQL["asset"], id=asset_id), "asset", asset_id)
    return {
        **row,
        "devices": tx.all(_SQL["asset_devices"], id=asset_id),
        "alerts": alerts(tx, limit=100, asset=asset_id, live=True),
        "orders": orders(tx, limit=100, asset=asset_id, open_only=True),
        "readings": tx.all(_SQL["asset_readings"], id=asset_id, limit=readings),
    }


def units(tx: Tx) -> list[Row]:
    """Every unit: id, names, time zone, calendar."""
    return tx.all(_SQL["units"])


def quarantine(tx: Tx, *, limit: int, reason: str | None = None, after: int | None = None) -> list[Row]:
    """Messages that were put aside, newest first. `after` is the id a page ended with."""
    return tx.all(_SQL["quarantine"], reason=reason, after_id=after, limit=limit)


def _found(row: Row | None, noun: str, name: object) -> Row:
    if row is None:
        raise NotFound(f"no {noun} {str(name)!r}")
    return row
