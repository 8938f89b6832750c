"""`citybrain migrate`."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeRemainingColumn
from rich.table import Table

from citybrain.cli.common import DataDir, Output, OutputOption, get_settings, write_json
from citybrain.runtime.move.mover import move
from citybrain.runtime.move.origin import origin
from citybrain.runtime.move.telling import Report, Tell, rate
from citybrain.text import code_text, text


def register(root: typer.Typer) -> None:
    """Add the command."""
    root.command("migrate")(migrate)


def migrate(
    to: Annotated[str, typer.Option("--to", help="URL of the cluster's database: a new one, PostgreSQL or TimescaleDB.")],
    source: Annotated[
        str | None,
        typer.Option("--from", help="URL of the city's database, when it is not the embedded one.", show_default=False),
    ] = None,
    data_dir: DataDir = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on with a move that was interrupted.")] = False,
    output: OutputOption = Output.TABLE,
) -> None:
    """Move a city that `citybrain run` kept into the database of a cluster: register, history, open cases, timers, notices.

    `citybrain run` must be stopped, and no service of the cluster may run. With kafka_url (and kafka_prefix) of the cluster,
    whose topics are there. The city is not in its old place afterwards: `citybrain run` refuses to start there.

    Example: citybrain migrate --data-dir ./city --to postgresql://citybrain@db/citybrain
    """
    settings = get_settings(data_dir)
    say = settings.language
    with (
        origin(settings, source, use_data_dir=data_dir is not None) as found,
        _progress(say, shown=output is Output.TABLE) as tell,
    ):
        report = move(found.url, to, settings, found.rulebook, resume=resume, tell=tell)
    if output is Output.JSON:
        write_json(report.plain())
        return
    _show(report, say)


@contextmanager
def _progress(say: str, *, shown: bool) -> Iterator[Tell]:
    """A bar for each table, on the terminal; nothing where there is none."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True, disable=not (shown and sys.stderr.isatty())) as bars:
        tasks: dict[str, TaskID] = {}

        def tell(what: str, rows: int, total: int) -> None:
            if what not in tasks:
                tasks[what] = bars.add_task(code_text("migrate.what_", what, say), total=total or None)
            bars.advance(tasks[what], rows)

        yield tell


def _show(report: Report, say: str) -> None:
    console = Console()
    if report.tables:
        table = Table(header_style="bold")
        for name in ("table", "source", "target", "rate"):
            table.add_column(text(f"migrate.{name}", say), justify="left" if name == "table" else "right")
        for one in report.tables:
            speed = rate(one)
            table.add_row(one.table, f"{one.source:,}", f"{one.target:,}", "" if speed is None else f"{speed:,}")
        console.print(table)
    lines = [text("migrate.done", say, source=report.source, target=report.target, seconds=round(report.seconds, 1))]
    if (rules := report.rules) is not None:
        episodes = ", ".join(f"{n} {code_text('migrate.phase_', phase, say)}" for phase, n in rules.episodes.items())
        lines += [
            text("migrate.rules", say, assets=rules.assets, episodes=episodes or text("migrate.none", say), late=rules.late),
            text(
                "migrate.orders", say, orders=report.open_orders, notices=report.waiting_notices, entries=report.ledger_entries
            ),
            text("migrate.topics" if report.offsets else "migrate.no_topics", say),
        ]
    else:
        lines.append(text("migrate.known", say))
    lines.append(text("migrate.next", say))
    console.print("\n".join(lines), soft_wrap=True, highlight=False, markup=False)
