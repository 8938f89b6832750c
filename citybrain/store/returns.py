"""Orders that were given back, and what they say about the register. Who writes about an order holds its case."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from citybrain.store.db import Row, Tx
from citybrain.store.sql import load

_SQL = load("returns")


class Accuracy(NamedTuple):
    """First-dispatch accuracy (准确派遣率) of a unit, or of all (`unit` ""): of the orders it got first, those not its own."""

    unit: str
    orders: int
    misdirected: int

    @property
    def share(self) -> float | None:
        """From 0 to 1; None without orders."""
        return 1 - self.misdirected / self.orders if self.orders else None


def add(
    tx: Tx, order_id: str, number: int, *, unit: str, code: str, note: str, evidence: str, actor: str, at: datetime
) -> None:
    """A unit gave an order back, for the `number`-th time."""
    tx.run(
        _SQL["add"], order_id=order_id, number=number, unit=unit, code=code, note=note, evidence=evidence, actor=actor, at=at
    )


def sent(tx: Tx, order_id: str, unit: str, why: str) -> None:
    """The order that was given back went to a unit."""
    tx.run(_SQL["sent"], order_id=order_id, unit=unit, why=why)


def of_order(tx: Tx, order_id: str) -> list[Row]:
    """The returns of an order, in order."""
    return tx.all(_SQL["of_order"], order_id=order_id)


def by_code(tx: Tx) -> dict[tuple[str, str], int]:
    """(code, unit that gave it back) -> how often."""
    return {(row["code"], row["unit"]): row["n"] for row in tx.all(_SQL["by_code"])}


def accuracy(tx: Tx, codes: Sequence[str], *, since: datetime | None = None, until: datetime | None = None) -> list[Accuracy]:
    """First-dispatch accuracy by the unit that got the orders first. `codes` are those that say: sent to the wrong unit."""
    rows = tx.all(_SQL["accuracy"], codes=list(codes), since=since, until=until)
    return [Accuracy(row["unit"], row["orders"], row["misdirected"]) for row in rows]


def totals(tx: Tx, codes: Sequence[str]) -> Accuracy:
    """First-dispatch accuracy of all orders."""
    row = tx.one(_SQL["totals"], codes=list(codes)) or {"orders": 0, "misdirected": 0}
    return Accuracy("", row["orders"], row["misdirected"])


def misdirected_from(tx: Tx, order_id: str, codes: Sequence[str]) -> str | None:
    """The unit that gave an order back first as not its own."""
    row = tx.one(_SQL["misdirected"], order_id=order_id, codes=list(codes))
    return row["unit"] if row else None


def repaired_by_another(tx: Tx, order_id: str, codes: Sequence[str]) -> Row | None:
    """from_unit, to_unit and asset of an order that one unit gave back as not its own and another kept, whom the register
    does not name."""
    return tx.one(_SQL["repaired"], order_id=order_id, codes=list(codes))


def offer(
    tx: Tx, proposal_id: str, *, asset: str, from_unit: str, to_unit: str, order_id: str, evidence: str, at: datetime
) -> bool:
    """Offer a change of the register; False when the same one is open already."""
    return tx.run(
        _SQL["offer"], id=proposal_id, asset=asset, from_unit=from_unit, to_unit=to_unit, order_id=order_id, evidence=evidence,
        at=at,
    ) > 0  # fmt: skip


def proposals(tx: Tx, *, state: str | None = None, limit: int = 100) -> list[Row]:
    """Proposals, newest first."""
    return tx.all(_SQL["proposals"], state=state, limit=limit)


def proposal(tx: Tx, number: int) -> Row | None:
    """One proposal, held until the end of the transaction."""
    return tx.one(_SQL["proposal"], number=number)


def decide(tx: Tx, number: int, state: str, *, actor: str, reason: str, at: datetime) -> bool:
    """A proposal is `accepted` or `refused`; False when it was decided before."""
    return tx.run(_SQL["decide"], number=number, state=state, actor=actor, reason=reason, at=at) > 0


def open_proposals(tx: Tx) -> int:
    """How many proposals wait for somebody."""
    row = tx.one(_SQL["open"])
    return int(row["n"]) if row else 0
