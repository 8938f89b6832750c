"""`citybrain deliveries`: who was told what and when, what was held back or dropped, and why."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

import typer

from citybrain import clock
from citybrain.cli.common import DataDir, Output, OutputOption, emit, get_settings, open_db, run_clock
from citybrain.cli.moments import Zone, length, moment, zone_of
from citybrain.kernel.errors import InputError
from citybrain.store import outbox, views
from citybrain.text import code_text
from dispatch.channels import safe_target

app = typer.Typer(
    help="The ledger of deliveries: who was told what and when, and why somebody was not.\n\n"
    "Example: citybrain deliveries list --order 17",
    no_args_is_help=True,
    rich_markup_mode=None,
)

OUTCOMES = ("sent", "retry", "failed", "dropped", "held")
_COLUMNS = ("at", "order", "purpose", "person", "channel", "target", "outcome", "why", "detail")


@app.command("list")
def list_deliveries(
    order: Annotated[str | None, typer.Option(help="Only about this order: its number or id.")] = None,
    person: Annotated[str | None, typer.Option(help="Only to this person.")] = None,
    since: Annotated[str | None, typer.Option(help="Only after this time, or so long ago: 2026-06-12T08:00, 2h, 1d.")] = None,
    outcome: Annotated[str | None, typer.Option(help=f"Only these: {', '.join(OUTCOMES)}.")] = None,
    limit: Annotated[int, typer.Option(help="At most so many, the newest.", min=1, max=10000)] = 200,
    zone: Zone = "",
    data_dir: DataDir = None,
    output: OutputOption = Output.TABLE,
) -> None:
    """List every attempt, hold and drop by person and contact, oldest first. Contacts are shown without their keys.

    Example: citybrain deliveries list --person li --since 1d -o json
    """
    if outcome is not None and outcome not in OUTCOMES:
        raise InputError(f"--outcome {outcome!r}: one of {', '.join(OUTCOMES)}")
    settings = get_settings(data_dir)
    begin = _since(since, clock.parse(run_clock(settings)).now(), zone)
    with open_db(settings) as db, db.transaction() as tx:
        about = str(views.order_id(tx, order)) if order is not None else None
        rows = outbox.told(tx, order_id=about, person=person, since=begin, outcome=outcome, limit=limit)
    say = settings.language
    shown = [{**row, "target": safe_target(row["target"])} for row in rows]
    if output is Output.TABLE:
        for row in shown:
            row["why"] = code_text("deliveries.reason_", row["reason"], say)
            row["outcome"] = code_text("deliveries.outcome_", row["outcome"], say)
    emit(shown, output, columns=_COLUMNS, language=say)


def _since(given: str | None, now: datetime, zone: str) -> datetime | None:
    if given is None:
        return None
    if given[:4].isdigit() and "-" in given:
        return moment("--since", given, zone_of(zone))
    return now - length("--since", given)
