"""The stream of what happened to alerts and orders, in a form that can be resumed anywhere without losing an event."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from citybrain.kernel.errors import InputError
from citybrain.store.db import Row, Tx
from citybrain.store.sql import load

_SQL = load("feed")
_ALL = 2**63 - 1


class FeedPosition(NamedTuple):
    """How far a reader has come: the last alert event and the last order event it has seen. Text form `a12.o7`."""

    alerts: int = 0
    orders: int = 0

    def __str__(self) -> str:
        return f"a{self.alerts}.o{self.orders}"

    @classmethod
    def parse(cls, text: str) -> FeedPosition:
        """The position of its text. Raises InputError."""
        left, dot, right = text.strip().partition(".")
        if dot and left[:1] == "a" and right[:1] == "o" and left[1:].isdecimal() and right[1:].isdecimal() and len(text) < 48:
            found = cls(int(left[1:]), int(right[1:]))
            if max(found) <= _ALL:
                return found
        raise InputError(f"Last-Event-ID: {text!r} is not a position of this stream; it looks like a12.o7")


class FeedEvent(NamedTuple):
    """One event. `position` is where a reader stands after it; `topic` is "alert" or "order"."""

    position: FeedPosition
    topic: str
    row: Row


def end(tx: Tx) -> FeedPosition:
    """The newest position that every reader may see."""
    row = tx.one(_SQL["stream_end"]) or {}
    return FeedPosition(row.get("alert_seq", 0), row.get("order_seq", 0))


def stream_since(tx: Tx, after: FeedPosition, *, until: FeedPosition | None = None, limit: int = 500) -> list[FeedEvent]:
    """Events after a position (and not beyond `until`) in the order of their transactions; [] when there are none.

    Events that an open transaction may still precede are held back until it ends, so a reader that resumes at the position
    of the last event it saw never misses one. `limit` bounds the events of each topic: ask again until nothing comes.
    """
    upto = until or FeedPosition(_ALL, _ALL)
    alerts = tx.all(_SQL["stream_alerts"], after=after.alerts, until=upto.alerts, limit=limit)
    orders = tx.all(_SQL["stream_orders"], after=after.orders, until=upto.orders, limit=limit)
    return merge(after, alerts, orders, limit)


def merge(after: FeedPosition, alerts: Sequence[Row], orders: Sequence[Row], limit: int) -> list[FeedEvent]:
    """PURE: two lists as one. Each keeps its own order (positions depend on it); between them the older transaction goes
    first, and within one transaction the earlier time. What may come before the rest of a full list waits for the next page.
    """
    found: list[FeedEvent] = []
    position, a, o = after, 0, 0
    while a < len(alerts) or o < len(orders):
        if (a == limit and o < len(orders)) or (o == limit and a < len(alerts)):
            break
        if o >= len(orders) or (a < len(alerts) and _age(alerts[a]) <= _age(orders[o])):
            position, topic, row = FeedPosition(alerts[a]["seq"], position.orders), "alert", alerts[a]
            a += 1
        else:
            position, topic, row = FeedPosition(position.alerts, orders[o]["seq"]), "order", orders[o]
            o += 1
        found.append(FeedEvent(position, topic, {key: value for key, value in row.items() if key != "age"}))
    return found


def _age(row: Row) -> tuple[int, datetime]:
    return -row["age"], row["at"]
