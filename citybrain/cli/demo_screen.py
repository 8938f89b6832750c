"""How a demo is shown: the live view on a terminal, lines elsewhere; its figures at the end."""

from __future__ import annotations

import signal
import sys
from collections.abc import Callable
from datetime import timedelta
from types import FrameType
from typing import Any

from rich.console import Console
from rich.live import Live
from rich.table import Table

from citybrain.runtime.demo.play import Moment, Play, Show
from citybrain.runtime.demo.scene import Scene
from citybrain.store.db import Database
from citybrain.text import code_text, text
from console.follow import DatabaseFollower
from console.view import View, render, span, unit_names
from console.watching import Watching

LINE_S = 5.0
"""a progress line so often where there is no terminal (real seconds)"""
ZONE = "Asia/Shanghai"
"""where the made-up city lies"""


def stop_by_signal(play: Play) -> None:
    """Let Ctrl-C and SIGTERM end the play in order."""

    def stop(number: int, _frame: FrameType | None) -> None:
        # the second time it is meant: no waiting for a city that is just starting or being counted
        signal.signal(number, signal.default_int_handler)
        play.stop()

    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, stop)


class Shown:
    """Shows the demo: the live view on a terminal, otherwise a line now and then. `where` says, once it runs, where it is."""

    def __init__(self, play: Play, screen: Console, words: str, where: Callable[[Scene], str]) -> None:
        self._play, self._screen, self._words, self._where = play, screen, words, where
        self._live: Live | None = None
        self._next_line = 0.0

    def __enter__(self) -> Shown:
        return self

    def __exit__(self, *_exc: object) -> None:
        if self._live is not None:
            self._live.stop()

    def begin(self, db: Database, scene: Scene) -> Show:
        """Everything runs: how each moment is shown from now on."""
        self._screen.print(self._where(scene), soft_wrap=True, highlight=False)
        if not self._screen.is_terminal:
            return self._line
        follower, watching = DatabaseFollower(db, scene.clock), Watching()
        snapshot = follower.begin()
        watching.begin(snapshot.alerts, snapshot.orders)
        units = unit_names(snapshot.units.values(), self._words)
        live = self._live = Live(console=self._screen, screen=True, auto_refresh=False)
        live.start()

        def draw(moment: Moment) -> None:
            for event in follower.events(0):
                watching.apply(event.topic, event.row)
            view = View(
                watching,
                moment.now,
                infos=self._play.infos,
                units=units,
                language=self._words,
                zone=ZONE,
                rows=self._screen.height,
                facts=[
                    ("×", f"{moment.speed:g}"),
                    (text("demo.messages", self._words), f"{moment.published}"),
                    (text("demo.faults", self._words), f"{moment.faults}"),
                ],
            )
            live.update(render(view), refresh=True)

        return draw

    def _line(self, moment: Moment) -> None:
        if moment.elapsed_s < self._next_line:
            return
        self._next_line = moment.elapsed_s + LINE_S
        counts = moment.gauges
        self._screen.print(
            text(
                "demo.progress",
                self._words,
                seconds=f"{moment.elapsed_s:.0f}",
                now=moment.now.isoformat(sep=" ", timespec="minutes")[:16],
                published=moment.published,
                stored=counts.counters.get("stored", 0),
                faults=moment.faults,
                alerts=sum(counts.alerts.values()),
                open=sum(number for state, number in counts.orders.items() if state not in {"closed", "cancelled"}),
                closed=counts.orders.get("closed", 0),
                overdue=counts.overdue_open,
            ),
            highlight=False,
            soft_wrap=True,
        )
        sys.stdout.flush()


_FIGURES = (
    "readings_published",
    "readings_stored",
    "readings_lost",
    "duplicates_ignored",
    "faults_injected",
    "faults_detected",
    "faults_missed",
    "faults_pending",
    "false_alerts",
    "false_critical_alerts",
    "orders_opened",
    "orders_closed",
    "orders_duplicate",
    "orders_overdue",
    "orders_escalated",
    "cases",
    "children_grouped",
    "messages_sent",
    "on_time_rate",
    "forecast_orders",
)


def print_summary(result: dict[str, Any], screen: Console, words: str) -> None:
    """The figures and what became of each kind of fault."""
    table = Table(show_header=False, box=None, title=text("demo.summary", words, hours=result["hours"]), title_justify="left")
    table.add_column()
    table.add_column(justify="right")
    for name in _FIGURES:
        value = result[name]
        table.add_row(text(f"demo.{name}", words), "–" if value is None else str(value))
    delay = result["publish_to_order_ms"]
    if delay["p50"] is not None:
        table.add_row(text("demo.publish_to_order_ms", words), f"{delay['p50']:.0f} / {delay['p99']:.0f} ms")
    screen.print(table)
    faults = Table(box=None, header_style="bold", title=text("demo.by_fault", words), title_justify="left")
    for name in ("fault", "injected", "detected", "missed", "delay"):
        faults.add_column(text(f"demo.head_{name}", words), justify="left" if name == "fault" else "right")
    for name, one in result["by_fault"].items():
        delay_s = one["delay_p50_s"]
        shown = "" if delay_s is None else span(timedelta(seconds=delay_s))
        faults.add_row(
            code_text("demo.fault_", name, words), str(one["injected"]), str(one["detected"]), str(one["missed"]), shown
        )
    screen.print(faults)
    if not result["quiet"]:
        screen.print(text("demo.not_quiet", words))
