"""What came of a simulated day: everything that the scorer compares with the truth."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

from citybrain.store.db import Row, Tx
from citybrain.store.sql import load

_SQL = load("outcome")


def alerts(tx: Tx) -> list[Row]:
    """Every episode that was raised as it happened (no history)."""
    return tx.all(_SQL["alerts"])


def orders(tx: Tx) -> list[Row]:
    """Every order with its case, the assets of its alerts, and when the first of them was raised."""
    return tx.all(_SQL["orders"])


def firsts(tx: Tx) -> list[Row]:
    """For each order the alert that opened its case, and the real ms of the commit that opened it.

    `committed_ms` is None where the server does not track commit times (`track_commit_timestamp`).
    """
    return tx.all(_SQL["firsts"])


def raised_until(tx: Tx, now: datetime) -> tuple[int, int]:
    """How many alerts were raised until `now`, and how many orders the cases of such alerts have."""
    row = tx.one(_SQL["raised_until"], now=now) or {}
    return row.get("alerts", 0), row.get("orders", 0)


def casework(tx: Tx, since: datetime) -> Row:
    """What came of alerts since a moment: `cases`, `children_grouped`, `messages_sent`; and `forecast_orders`, all of them."""
    return tx.one(_SQL["casework"], since=since) or {}


def reading_keys(tx: Tx, page: int = 20_000) -> Iterator[tuple[str, int, int]]:
    """Asset, observed time in ms and dedupe key of every stored reading, read page by page."""
    last: Row = {"asset": "", "observed_at": datetime.min.replace(tzinfo=UTC), "message": 0}
    while rows := tx.all(_SQL["readings"], **last, limit=page):
        for row in rows:
            yield row["asset"], row["observed_ms"], row["key"]
        last = {name: rows[-1][name] for name in last}
