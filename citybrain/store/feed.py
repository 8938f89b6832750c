"""The stream of what happened to alerts and orders, in a form that can be resumed anywhere without losing an event."""

from __future__ import annotations

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
    """Events after a position (and not beyond `until`), at most `limit` of each topic, put together by their time.

    Events that an open transaction may still precede are held back until it ends, so a reader that resumes at the position
    of the last event it saw never misses one.
    """
    upto = until or FeedPosition(_ALL, _ALL)
    alerts = tx.all(_SQL["stream_alerts"], after=after.alerts, until=upto.alerts, limit=limit)
    orders = tx.all(_SQL["stream_orders"], after=after.orders, until=upto.orders, limit=limit)
    found: list[FeedEvent] = []
    position, a, o = after, 0, 0
    # each list keeps its own order (the positions depend on it); between the lists the earlier time goes first
    while a < len(alerts) or o < len(orders):
        if o >= len(orders) or (a < len(alerts) and alerts[a]["at"] <= orders[o]["at"]):
            position = FeedPosition(alerts[a]["seq"], position.orders)
            found.append(FeedEvent(position, "alert", alerts[a]))
            a += 1
        else:
            position = FeedPosition(position.alerts, orders[o]["seq"])
            found.append(FeedEvent(position, "order", orders[o]))
            o += 1
    return found
