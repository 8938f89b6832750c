"""How far the policies of orders have come, and when duty changes hands. Who writes about an order holds its case."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from citybrain.store.db import Row, Tx
from citybrain.store.sql import load

_SQL = load("escalations")


def begin(tx: Tx, order_id: str, policy: str, step: int, *, at: datetime, told_at: datetime | None) -> None:
    """A policy begins, or begins anew; `step` was told (-1: none was)."""
    tx.run(_SQL["begin"], order_id=order_id, policy=policy, step=step, at=at, told_at=told_at)


def begin_many(tx: Tx, rows: list[Row]) -> None:
    """The same for new orders: order_id, policy, step, at, told_at."""
    tx.many(_SQL["begin"], rows)


def of_order(tx: Tx, order_id: str) -> Row | None:
    """How far the policy of an order has come; None when it has none."""
    return tx.one(_SQL["of_order"], order_id=order_id)


def told(tx: Tx, order_id: str, step: int, round_: int, at: datetime) -> None:
    """A step was told."""
    tx.run(_SQL["told"], order_id=order_id, step=step, round=round_, at=at)


def reminded(tx: Tx, order_id: str) -> None:
    """Who was told last was told again."""
    tx.run(_SQL["reminded"], order_id=order_id)


def end(tx: Tx, order_id: str, reason: str, at: datetime) -> bool:
    """Nobody else is told; False when that was so."""
    return tx.run(_SQL["end"], order_id=order_id, reason=reason, at=at) > 0


def about(tx: Tx, order_id: str) -> Row | None:
    """What an escalation must know of an order, the severity of its case among it."""
    return tx.one(_SQL["about"], order_id=order_id)


def sent_at(tx: Tx, order_id: str, at: datetime) -> datetime | None:
    """When an order was sent out for the last time before `at`: what the time to acknowledge counts from."""
    row = tx.one(_SQL["taken"], order_id=order_id, at=at)
    return row["sent_at"] if row else None


def handovers_due(tx: Tx, now: datetime) -> list[Row]:
    """Schedules whose duty may have changed, held until the end of the transaction."""
    return tx.all(_SQL["handovers_due"], now=now)


def handed_over(tx: Tx, schedule: str, on_duty: Sequence[str], next_at: datetime) -> None:
    """Who is on duty was told; look again at a time."""
    tx.run(_SQL["handed_over"], schedule=schedule, on_duty=list(on_duty), next_at=next_at)


def open_orders(tx: Tx, unit: str) -> tuple[int, int]:
    """Orders of a unit ("": of all) that are not done, and those of them that nobody has taken."""
    row = tx.one(_SQL["open_orders"], unit=unit) or {"open": 0, "untaken": 0}
    return int(row["open"]), int(row["untaken"])
