"""`citybrain explain`: why this unit, why this deadline."""

from __future__ import annotations

from typing import Annotated

import typer

from citybrain import clock
from citybrain.cli.common import DataDir, Output, OutputOption, emit, emit_one, get_settings, open_db, run_clock
from citybrain.cli.explain_alert import alert
from citybrain.cli.explain_who import who
from citybrain.cli.shapes import conditions
from citybrain.kernel.errors import NotFound
from citybrain.kernel.model import Unit
from citybrain.store import clocks as clocks_store
from citybrain.store import register as register_store
from citybrain.store import views
from citybrain.store.db import Tx
from citybrain.text import code_text, text
from dispatch import clocks, ledger
from dispatch.calendars import load_calendars
from dispatch.clock_rows import of_row
from dispatch.clock_story import steps_of, story
from dispatch.deadlines import Deadline, due
from dispatch.limits import REPAIR
from dispatch.responsibility import UNASSIGNED, find_unit

app = typer.Typer(
    help="Why this unit, why this deadline.\n\nExample: citybrain explain route SL-000123 --condition SL-OUT",
    no_args_is_help=True,
    rich_markup_mode=None,
)
app.command()(who)
app.command()(alert)


@app.command()
def route(
    asset: Annotated[str, typer.Argument(help="Id of an asset.")],
    condition: Annotated[str | None, typer.Option(help="Id of a condition, such as SL-OUT; none: any.")] = None,
    data_dir: DataDir = None,
    output: OutputOption = Output.TABLE,
) -> None:
    """Which unit repairs an asset: every rule that was tried, and why it did or did not match.

    Example: citybrain explain route SL-000123 --condition SL-OUT
    """
    settings = get_settings(data_dir)
    known = conditions(settings)
    if condition is not None and condition not in known:
        raise NotFound(f"no condition {condition!r}; there are {', '.join(sorted(known))}")
    with open_db(settings) as db, db.transaction() as tx:
        register = register_store.load_rules(tx)
        register.assets = register_store.assets_by_id(tx, [asset])
        register.ownerships = dict(register_store.ownerships_of(tx, [asset]))
    if asset not in register.assets:
        raise NotFound(f"no asset {asset!r} in the register")
    found = register.assets[asset]
    answer = find_unit(found, condition, register, clock.parse(run_clock(settings)).now())
    say = settings.language
    if output is Output.JSON:
        trail = [step._asdict() for step in answer.trail]
        emit_one(
            {"asset": asset, "condition": condition, "unit": answer.unit.id, "name": answer.unit.name, "trail": trail}, output
        )
        return
    name = answer.unit.title(say)
    typer.echo(text("register.route", say, asset=asset, kind=found.kind, unit=answer.unit.id, name=name))
    rows = [
        {
            "level": text(f"routes.level_{step.level}", say),
            "rule": step.rule,
            "matched": text("register.step_matched" if step.matched else "register.step_failed", say),
            "why": code_text("routes.", step.reason, say),
            "detail": step.detail,
            "proof": step.proof,
        }
        for step in answer.trail
    ]
    emit(rows, output, language=say)


@app.command()
def deadline(
    order: Annotated[str, typer.Argument(help="Id or number of a work order.")],
    data_dir: DataDir = None,
    output: OutputOption = Output.TABLE,
) -> None:
    """How the deadlines of a work order came about: both clocks step by step, and the calculation again now.

    Example: citybrain explain deadline 17
    """
    settings = get_settings(data_dir)
    calendars = load_calendars(settings.calendars)
    with open_db(settings) as db, db.transaction() as tx:
        row = views.order(tx, views.order_id(tx, order))
        unit = _unit(tx, row["unit"])
        entries = [entry for entry in ledger.read(tx, str(row["id"])) if entry.order_id == str(row["id"])]
        known = {one["clock"]: of_row(one) for one in clocks_store.of_order(tx, str(row["id"]))}
        told = {one["clock"]: one["explanation"] for one in clocks_store.of_order(tx, str(row["id"]))}
    calendar = calendars.for_unit(unit)
    again: Deadline = due(row["clock_from"], row["limit_value"], row["limit_unit"], calendar)
    due_again = known[REPAIR].due_at if known[REPAIR].stood_at else clocks.ends(known[REPAIR], calendar)
    same = due_again == row["due_at"]
    steps = {name: steps_of(entries, name) for name in known}
    if output is Output.JSON:
        keys = ("id", "number", "unit", "filing_item", "limit_value", "limit_unit", "dispatched_at", "due_at", "trace")
        result = {key: row[key] for key in keys} | {"steps": row["explanation"]}
        result["clocks"] = [
            {
                "clock": name,
                "state": clock.state,
                "due_at": clock.due_at,
                "told": row["explanation"] if name == REPAIR else told[name],
                "steps": list(story(steps[name], calendar, settings.language)),
            }
            for name, clock in sorted(known.items())
        ]
        emit_one(result | {"again": list(again.explain(settings.language)), "due_again": due_again, "same": same}, output)
        return
    say = settings.language
    typer.echo(text("register.deadline_stored", say))
    # the stored sentences are English; where nothing has changed the same are told in the reader's language
    for sentence in again.explain(say) if same else row["explanation"]:
        typer.echo(f"  {sentence}")
    if same:
        typer.echo(text("register.deadline_same", say))
    else:
        typer.echo(text("register.deadline_differs", say))
        for sentence in again.explain(say):
            typer.echo(f"  {sentence}")
    for name in sorted(known):
        typer.echo(f"\n{text(f'deadlines.{name}', say)}")
        for sentence in story(steps[name], calendar, say):
            typer.echo(f"  {sentence}")


def _unit(tx: Tx, unit_id: str) -> Unit:
    unit = register_store.load_rules(tx).units.get(unit_id)
    if unit is None and unit_id != UNASSIGNED.id:
        raise NotFound(f"unit {unit_id!r} of the order is not in the register any more")
    return unit or UNASSIGNED
