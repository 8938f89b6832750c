"""What a replay, a bench or a kill test counts at its end."""

from __future__ import annotations

from citybrain.store.db import Row, Tx
from citybrain.store.sql import load

_SQL = load("report")


def episodes(tx: Tx) -> list[Row]:
    """Every episode that stands: asset, condition, severity, onset, end, past."""
    return tx.all(_SQL["episodes"])


def quarantined(tx: Tx) -> dict[str, int]:
    """Messages in quarantine by reason."""
    return {row["reason"]: row["n"] for row in tx.all(_SQL["quarantine"])}


def orders_opened(tx: Tx) -> int:
    """Work orders that were ever opened."""
    row = tx.one(_SQL["orders"])
    return int(row["n"]) if row else 0


def orders_doubled(tx: Tx) -> int:
    """Assets and causes that have more than one open order (must be 0)."""
    row = tx.one(_SQL["twice"])
    return int(row["n"]) if row else 0


def durable_ms(tx: Tx, first: int, step: int) -> list[tuple[int, float]]:
    """(sequence number, real ms of the commit) of every `step`-th stored reading from `first` on."""
    return [(row["seq"], row["committed_ms"]) for row in tx.all(_SQL["durable_ms"], first=first, step=step)]


def order_ms(tx: Tx) -> dict[str, list[float]]:
    """Real ms of the commit of each order, by asset of its case."""
    found: dict[str, list[float]] = {}
    for row in tx.all(_SQL["order_ms"]):
        found.setdefault(row["asset"], []).append(row["committed_ms"])
    return found


def stored_seqs(tx: Tx) -> dict[int, int]:
    """How often each sequence number is stored."""
    return {row["seq"]: row["n"] for row in tx.all(_SQL["stored_seqs"])}
