"""PURE: what a watcher knows: the live alerts, the open orders, the newest lines. Fed with events of the stream."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from citybrain.kernel.model import Severity
from dispatch.orders import FINAL

Row = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Line:
    """One line of the log: what happened, when, to what."""

    at: datetime
    topic: str
    what: str
    """The change of an alert or the event of an order."""
    row: Row


@dataclass(slots=True)
class Watching:
    """The state of a watcher. `lines` keeps the newest only, so that a watcher can run for months."""

    alerts: dict[str, Row] = field(default_factory=dict)
    orders: dict[str, Row] = field(default_factory=dict)
    lines: deque[Line] = field(default_factory=lambda: deque(maxlen=200))
    closed: int = 0
    """Orders that were closed while we watched."""
    seen: int = 0
    """Events seen."""

    def begin(self, alerts: Iterable[Row], orders: Iterable[Row]) -> None:
        """Take the present state: live alerts and open orders (as the API lists them)."""
        self.alerts = {str(row["id"]): row for row in alerts}
        self.orders = {str(row["id"]): row for row in orders}

    def apply(self, topic: str, row: Row) -> Line:
        """Take one event of the stream (topic `alert` or `order`); the line to show for it."""
        self.seen += 1
        if topic == "alert":
            key, over, live, what = str(row["alert"]), _alert_over(row), self.alerts, str(row["change"])
        else:
            key, over, live, what = str(row["order"]), row["state"] in FINAL, self.orders, str(row["event"])
            if over and key in live and row["state"] == "closed":
                self.closed += 1
        if over:
            live.pop(key, None)
        else:
            live[key] = row
        line = Line(moment(row["at"]), topic, what, row)
        self.lines.append(line)
        return line


def _alert_over(row: Row) -> bool:
    return bool(row["phase"] == "resolved" or row["withdrawn"] or row["past"])


def moment(value: datetime | str) -> datetime:
    """A time of a row: a datetime from the database, RFC 3339 text from HTTP."""
    return value if isinstance(value, datetime) else datetime.fromisoformat(value)


GRAVITY = {str(severity): place for place, severity in enumerate(Severity)}
"""severity -> place in a list, gravest first"""


def urgent_first(orders: Iterable[Row]) -> list[Row]:
    """Orders by what must be done first: the earlier limit, then the graver one."""
    return sorted(orders, key=lambda row: (moment(row["due_at"]), GRAVITY.get(row["severity"], 9), row["number"]))


def gravest_first(alerts: Iterable[Row]) -> list[Row]:
    """Alerts by severity, then the newest first."""
    return sorted(alerts, key=lambda row: (GRAVITY.get(row["severity"], 9), -moment(row["onset_at"]).timestamp(), row["asset"]))
