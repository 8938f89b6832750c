"""`citybrain demo`."""

from __future__ import annotations

import os
import signal
import sys
from datetime import timedelta
from pathlib import Path
from types import FrameType
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.live import Live
from rich.table import Table

from citybrain.cli.common import get_settings, writable, write_json
from citybrain.runtime.demo.play import Moment, Play, Show, Wish
from citybrain.runtime.demo.stage import Stage
from citybrain.store.db import Database
from citybrain.text import code_text, text
from console.follow import DatabaseFollower
from console.view import View, render, span, unit_names
from console.watching import Watching

LINE_S = 5.0
"""a progress line so often where there is no terminal"""
_SERVERS = ("CITYBRAIN_DATABASE_URL", "CITYBRAIN_MQTT_URL")
ZONE = "Asia/Shanghai"
"""where the made-up city lies"""


def register(root: typer.Typer) -> None:
    """Add the command."""
    root.command("demo")(demo)


def demo(
    seconds: Annotated[float | None, typer.Option(help="End after so many seconds (default: Ctrl-C ends it).")] = None,
    seed: Annotated[int, typer.Option(help="Another seed is another city and other faults.")] = 7,
    assets: Annotated[int, typer.Option(help="How many covers, lamps, drains… the city has.", min=50, max=1_000_000)] = 2000,
    speed: Annotated[float | None, typer.Option(help="City seconds a second (default: up to 14 hours, else 120).")] = None,
    hours: Annotated[float | None, typer.Option(help="City hours to show, instead of --speed or --seconds.")] = None,
    json_file: Annotated[Path | None, typer.Option("--json", help="Write the summary there.", dir_okay=False)] = None,
    data_dir: Annotated[
        Path | None, typer.Option(help="An empty folder to keep the city in (default: a temporary one).", show_default=False)
    ] = None,
    language: Annotated[str | None, typer.Option(help="en or zh.")] = None,
) -> None:
    """Show a simulated city in which covers are stolen, lamps die and drains block, and how each fault is looked after.

    Nothing is mocked: a real MQTT broker, a real PostgreSQL, real processes; only the devices and the crews are simulated.

    Example: citybrain demo --seconds 60 --seed 7 --assets 2000 --json out.json
    """
    for name in _SERVERS:
        os.environ.pop(name, None)  # a simulated city has no business in a real database or on a real broker
    settings = get_settings(None, language=language)
    writable("--json", json_file)
    play = Play(Wish(assets, seed, seconds, speed, hours, data_dir), settings)
    words = settings.language
    screen = Console()
    pace = play.pace
    screen.print(
        text(
            "demo.begins",
            words,
            assets=assets,
            seed=seed,
            speed=f"{pace.speed:g}",
            end=text("demo.ends_after", words, seconds=f"{pace.seconds:g}", hours=f"{pace.hours or 0:.1f}")
            if pace.seconds
            else text("demo.ends_by_key", words),
        ),
        highlight=False,
    )
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _stopper(play))
    with _Shown(play, screen, words) as shown:
        result = play.run(shown.begin)
    if json_file is not None:
        write_json(result, json_file)
    _print_summary(result, screen, words)


def _stopper(play: Play) -> Any:
    def stop(number: int, _frame: FrameType | None) -> None:
        # the second time it is meant: no waiting for a city that is just starting or being counted
        signal.signal(number, signal.default_int_handler)
        play.stop()

    return stop


class _Shown:
    """Shows the demo: the live view on a terminal, otherwise a line now and then."""

    def __init__(self, play: Play, screen: Console, words: str) -> None:
        self._play, self._screen, self._words = play, screen, words
        self._live: Live | None = None
        self._next_line = 0.0

    def __enter__(self) -> _Shown:
        return self

    def __exit__(self, *_exc: object) -> None:
        if self._live is not None:
            self._live.stop()

    def begin(self, db: Database, stage: Stage) -> Show:
        """Everything runs: how each moment is shown from now on."""
        self._screen.print(
            text("demo.where", self._words, url=stage.url, data_dir=stage.data_dir), soft_wrap=True, highlight=False
        )
        if not self._screen.is_terminal:
            return self._line
        follower, watching = DatabaseFollower(db, stage.clock), Watching()
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
)


def _print_summary(result: dict[str, Any], screen: Console, words: str) -> None:
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
