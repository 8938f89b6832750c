"""PURE: the terminal view of what a watcher knows. A severity is a colour AND a shape, so that nobody depends on colour."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from rich.console import Group, RenderableType
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from citybrain.kernel.conditions import ConditionInfo
from citybrain.text import code_text, text
from console.watching import Line, Row, Watching, gravest_first, moment, urgent_first
from dispatch.orders import FINAL

SEVERITY: Mapping[str, tuple[str, str]] = {
    "critical": ("◆", "bold red"),
    "major": ("▲", "bold yellow"),
    "minor": ("●", "cyan"),
    "warning": ("○", "blue"),
}
"""severity -> shape and colour"""

STATE: Mapping[str, tuple[str, str]] = {
    "dispatched": ("→", "yellow"),
    "acknowledged": ("✓", "cyan"),
    "on_site": ("⚒", "cyan"),
    "fixed": ("?", "magenta"),
    "verified": ("✔", "green"),
    "closed": ("■", "green"),
    "returned": ("↩", "red"),
    "arbitration": ("⚖", "red"),
    "rework": ("↻", "red"),
    "cancelled": ("✕", "dim"),
}
"""state of an order -> shape and colour"""


@dataclass(frozen=True, slots=True)
class View:
    """All that is drawn. `now` is the time of the city; `facts` are further figures for the head line, in order."""

    watching: Watching
    now: datetime
    infos: Mapping[str, ConditionInfo] = field(default_factory=dict)
    units: Mapping[str, str] = field(default_factory=dict)
    """unit id -> name in the wanted language"""
    language: str = "en"
    zone: str = "UTC"
    rows: int = 24
    """Lines of the terminal that may be used."""
    facts: Sequence[tuple[str, str]] = ()


def span(delta: timedelta) -> str:
    """A time span for people: `1h 05m`, `12m`, `3d 4h`; a minus stands for what is over."""
    total = int(delta.total_seconds())
    sign, minutes = ("-" if total < 0 else ""), abs(total) // 60
    days, hours, rest = minutes // 1440, minutes // 60 % 24, minutes % 60
    if days:
        return f"{sign}{days}d {hours}h"
    if hours:
        return f"{sign}{hours}h {rest:02d}m"
    return f"{sign}{rest}m"


def clean(value: object) -> str:
    """Text of a device or a unit for the terminal: control characters (which could move its cursor) become dots."""
    return "".join(char if char.isprintable() else "·" for char in str(value))


def _cell(value: object) -> Text:
    # a Text and not a str: brackets in a str would be taken for markup
    return Text(clean(value))


def title(row: Row, view: View) -> str:
    """The condition of a row in words."""
    given = row.get("title")
    if isinstance(given, Mapping):
        return str(given.get(view.language) or row["condition"])
    info = view.infos.get(row["condition"])
    return info.title(view.language) if info else str(row["condition"])


def unit_names(units: Iterable[Row], language: str) -> dict[str, str]:
    """Unit id -> name in a language; in English where it has no other."""
    return {row["id"]: (row.get("name_zh") if language == "zh" else "") or row["name"] for row in units}


def unit_name(row: Row, view: View) -> str:
    """The name of the unit of an order."""
    return view.units.get(row["unit"]) or str(row["unit"])


def _local(at: datetime, view: View) -> str:
    return at.astimezone(ZoneInfo(view.zone)).strftime("%m-%d %H:%M")


def mark(table: Mapping[str, tuple[str, str]], key: str, word: str = "") -> Text:
    """A word with the shape and the colour of its kind (`SEVERITY` or `STATE`)."""
    shape, colour = table.get(key, ("·", ""))
    return Text(f"{shape} {word}".rstrip(), style=colour, no_wrap=True)


def time_left(row: Row, view: View) -> Text:
    """Time until the limit of an order; a filled square and `overdue` when there is none left."""
    left = moment(row["due_at"]) - view.now
    if left < timedelta(0):
        return Text(f"■ {text('console.overdue_by', view.language, span=span(-left))}", style="bold red", no_wrap=True)
    began = moment(row["dispatched_at"])
    half = (moment(row["due_at"]) - began) / 2
    return Text(span(left), style="yellow" if left < half else "green", no_wrap=True)


def _word(area: str, key: str, view: View) -> str:
    return code_text(f"console.{area}_", key, view.language)


def why(row: Row, view: View) -> str:
    """Why an alert stands as it does: in English the sentence with its numbers, else the reason in words."""
    if view.language == "en":
        return str(row.get("detail") or row.get("reason") or "")
    return code_text("reasons.", str(row.get("reason") or ""), view.language)


def orders_table(view: View, rows: int) -> RenderableType:
    """The open orders, the most urgent first."""
    found = urgent_first(view.watching.orders.values())
    table = Table(expand=True, box=None, pad_edge=False, header_style="bold")
    for name in ("order", "where", "what", "unit", "state", "since", "left"):
        table.add_column(text(f"console.head_{name}", view.language), no_wrap=True, overflow="ellipsis")
    for row in found[:rows]:
        children = f" +{row['children']}" if row.get("children") else ""
        table.add_row(
            Text.assemble(mark(SEVERITY, row["severity"]), f" #{row['number']}"),
            _cell(f"{row['asset']}{children}"),
            _cell(title(row, view)),
            _cell(unit_name(row, view)),
            mark(STATE, row["state"], _word("state", row["state"], view)),
            span(view.now - moment(row["dispatched_at"])),
            time_left(row, view),
        )
    if not found:
        return Text(text("console.no_orders", view.language), style="dim")
    return table


def alerts_table(view: View, rows: int) -> RenderableType:
    """The live alerts, the gravest first."""
    found = gravest_first(view.watching.alerts.values())
    table = Table(expand=True, box=None, pad_edge=False, header_style="bold")
    for name in ("severity", "where", "what", "phase", "since", "why"):
        table.add_column(text(f"console.head_{name}", view.language), no_wrap=True, overflow="ellipsis")
    for row in found[:rows]:
        table.add_row(
            mark(SEVERITY, row["severity"], _word("severity", row["severity"], view)),
            _cell(row["asset"]),
            _cell(title(row, view)),
            _cell(_word("phase", row["phase"], view) + (" ≈" if row.get("flapping") else "")),
            span(view.now - moment(row["onset_at"])),
            _cell(why(row, view)),
        )
    if not found:
        return Text(text("console.no_alerts", view.language), style="dim")
    return table


def line_text(line: Line, view: View) -> Text:
    """One event as one line."""
    row = line.row
    head = f"{_local(line.at, view)} "
    if line.topic == "alert":
        what = _word("change", line.what, view)
        return Text.assemble(
            (head, "dim"), mark(SEVERITY, row["severity"]), clean(f" {row['asset']}  {title(row, view)}: {what}"), no_wrap=True
        )
    what = _word("event", line.what, view)
    return Text.assemble(
        (head, "dim"),
        mark(STATE, row.get("to_state") or row["state"]),
        clean(f" #{row['number']} {row['asset']}  {unit_name(row, view)}: {what}"),
        clean(f"  {code_text('orders.reason_', row['reason'], view.language)}") if row.get("reason") else "",
        no_wrap=True,
    )


def plain(line: Line, view: View) -> str:
    """One event as one line without colours: fields are separated by two blanks, for pipes."""
    row: Mapping[str, Any] = line.row
    at = line.at.astimezone(ZoneInfo(view.zone)).isoformat(timespec="seconds")
    if line.topic == "alert":
        parts = [at, "ALERT", line.what, row["severity"], row["asset"], row["condition"], title(row, view), str(row["detail"])]
    else:
        # the state that the event led to; the row's own state is that of now, which in a history is a later one
        state = row.get("to_state") or row["state"]
        left = "-" if state in FINAL else span(moment(row["due_at"]) - view.now)
        parts = [at, "ORDER", line.what, row["severity"], row["asset"], f"#{row['number']}", row["unit"], state]
        parts += [text("console.left", view.language, span=left), str(row["reason"])]
    return "  ".join(clean(part) for part in parts if part)


def render(view: View) -> RenderableType:
    """The whole view: figures, orders, alerts, the newest events."""
    watching = view.watching
    overdue = sum(moment(row["due_at"]) < view.now for row in watching.orders.values())
    head = Text.assemble(
        (f" {_local(view.now, view)} ", "reverse"),
        f"  {text('console.count_alerts', view.language, n=len(watching.alerts))}",
        f"  {text('console.count_orders', view.language, n=len(watching.orders))}",
        (f"  {text('console.count_overdue', view.language, n=overdue)}", "bold red" if overdue else ""),
        f"  {text('console.count_closed', view.language, n=watching.closed)}",
        *(f"  {name} {value}" for name, value in view.facts),
        no_wrap=True,
        overflow="ellipsis",
    )
    # what is not for the head line, the frames and the column heads; a quarter at least is for the newest events
    room = max(3, view.rows - 9)
    lines = max(1, room // 4)
    orders = min(max(1, len(watching.orders)), max(1, (room - lines) * 2 // 3))
    alerts = min(max(1, len(watching.alerts)), max(1, room - lines - orders))
    orders = min(max(1, len(watching.orders)), max(1, room - lines - alerts))
    newest = list(watching.lines)[-max(1, room - orders - alerts) :]
    return Group(
        head,
        Panel(orders_table(view, orders), title=text("console.title_orders", view.language), title_align="left"),
        Panel(alerts_table(view, alerts), title=text("console.title_alerts", view.language), title_align="left"),
        *(line_text(line, view) for line in newest),
    )
