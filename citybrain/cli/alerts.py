"""`citybrain alerts`: what the sensors say."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Annotated, Any
from uuid import UUID

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from citybrain import clock
from citybrain.cli.common import DataDir, Output, OutputOption, emit, emit_one, get_settings, open_db, run_clock
from citybrain.cli.shapes import view_of
from citybrain.kernel.errors import InputError
from citybrain.kernel.events import AlertPhase
from citybrain.kernel.model import Severity
from citybrain.kernel.times import from_ms
from citybrain.store import views
from citybrain.text import code_text, text
from console.silenced import with_silences
from console.view import SEVERITY, clean, mark, span, title, why

app = typer.Typer(
    help="Alerts: episodes of conditions, and the readings behind them.\n\nExample: citybrain alerts list --severity critical",
    no_args_is_help=True,
    rich_markup_mode=None,
)


@app.command("list")
def list_alerts(
    asset: Annotated[str | None, typer.Option(help="Only of this asset.")] = None,
    condition: Annotated[str | None, typer.Option(help="Only of this condition, such as MH-OPEN.")] = None,
    severity: Annotated[str | None, typer.Option(help=f"Only of this severity: {', '.join(Severity)}.")] = None,
    phase: Annotated[str | None, typer.Option(help=f"Only in this phase: {', '.join(AlertPhase)}.")] = None,
    everything: Annotated[bool, typer.Option("--all", help="Those that are over, withdrawn or history too.")] = False,
    limit: Annotated[int, typer.Option(help="At most so many.", min=1, max=10000)] = 100,
    data_dir: DataDir = None,
    output: OutputOption = Output.TABLE,
) -> None:
    """List live alerts (or all), the newest first: what, where, since when, and why.

    Example: citybrain alerts list --severity critical -o json
    """
    _among("--severity", severity, tuple(Severity))
    _among("--phase", phase, tuple(AlertPhase))
    settings = get_settings(data_dir)
    now = clock.parse(run_clock(settings)).now()
    live = not everything and phase != AlertPhase.RESOLVED
    with open_db(settings) as db, db.transaction() as tx:
        rows = views.alerts(tx, limit=limit, asset=asset, condition=condition, severity=severity, phase=phase, live=live)
        view = view_of(tx, settings, now)
        rows = with_silences(tx, rows, view.infos, now)
    if output is Output.JSON:
        emit(rows, output)
        return
    say = view.language
    if not rows:
        Console().print(Text(text("console.no_alerts", say), style="dim"))
        return
    table = Table(box=None, pad_edge=False, header_style="bold")
    for name in ("severity", "where", "what", "phase", "since", "silenced", "why"):
        table.add_column(text(f"console.head_{name}", say), overflow="fold")
    for row in rows:
        table.add_row(
            mark(SEVERITY, row["severity"], text(f"console.severity_{row['severity']}", say)),
            Text(clean(row["asset"])),
            Text(clean(title(row, view))),
            text(f"console.phase_{row['phase']}", say) + (" ≈" if row["flapping"] else ""),
            span(now - row["onset_at"]),
            Text(_silenced(row["silenced_by"], say), style="dim"),
            Text(clean(why(row, view))),
        )
    Console().print(table)


@app.command()
def show(
    alert: Annotated[str, typer.Argument(help="Id of an alert (see alerts list -o json).")],
    data_dir: DataDir = None,
    output: OutputOption = Output.TABLE,
) -> None:
    """Show one alert: its history, the readings that caused it, and the case it belongs to.

    Example: citybrain alerts show 0b9f5a0e-6c1e-5d6f-8a53-1f0a8b1c2d3e
    """
    try:
        alert_id = UUID(alert)
    except ValueError:
        raise InputError(f"{alert!r} is no id of an alert: 'citybrain alerts list -o json' shows them") from None
    settings = get_settings(data_dir)
    with open_db(settings) as db, db.transaction() as tx:
        row = views.alert(tx, alert_id)
    if output is Output.JSON:
        emit_one(row, output)
        return
    say = settings.language
    emit_one({key: value for key, value in row.items() if key not in {"events", "evidence"}}, output, language=say)
    typer.echo(f"\n{text('orders.evidence', say)}")
    evidence = [{"observed_at": from_ms(at), "measure": measure, "value": value} for at, measure, value in row["evidence"]]
    emit(evidence, output, columns=("observed_at", "measure", "value"), language=say)
    typer.echo(f"\n{text('orders.changes', say)}")
    changes = [{**event, "change": code_text("console.change_", event["change"], say)} for event in row["events"]]
    emit(changes, output, columns=("at", "change", "reason", "detail"), language=say)


def _silenced(by: Mapping[str, Any] | None, language: str) -> str:
    """The countdown of the silence over an alert."""
    if by is None:
        return ""
    left = by["remaining_s"]
    until = (
        text("quiet.until_resolved", language)
        if left is None
        else text("quiet.left", language, span=span(timedelta(seconds=left)))
    )
    return f"#{by['number']} {until}"


def _among(option: str, value: str | None, known: tuple[str, ...]) -> None:
    if value is not None and value not in known:
        raise InputError(f"{option} {value!r}: one of {', '.join(known)}")
