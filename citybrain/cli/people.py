"""`citybrain people`: who there is, from a file."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from citybrain import clock, yamlfile
from citybrain.cli.common import Actor, DataDir, Output, OutputOption, acting, emit, emit_one, get_settings, open_db, run_clock
from citybrain.kernel.contacts import safe
from citybrain.store import register as register_store
from citybrain.text import text
from dispatch.people import roster
from dispatch.responsibility import UNASSIGNED

app = typer.Typer(
    help="People, teams, schedules and policies, from a file.\n\nExample: citybrain people import people.yml --dry-run",
    no_args_is_help=True,
    rich_markup_mode=None,
)


@app.command("import")
def import_people(
    file: Annotated[Path, typer.Argument(help="A people.yml.", exists=True, dir_okay=False, readable=True)],
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only report; change nothing.")] = False,
    actor: Actor = None,
    data_dir: DataDir = None,
    output: OutputOption = Output.TABLE,
) -> None:
    """Take over a people.yml, whole or not at all; the same again changes nothing. Overrides and leave stay.

    A program that runs goes by it at once. Exits with 1 when the file has faults.

    Example: citybrain people import people.yml
    """
    settings = get_settings(data_dir)
    say, found = settings.language, yamlfile.read(file)
    now = clock.parse(run_clock(settings)).now()
    with open_db(settings) as db:
        with db.transaction() as tx:
            units = frozenset(register_store.load_rules(tx).units) | {UNASSIGNED.id}
        report, faults = db.attempt(
            lambda tx: roster.import_file(
                tx, found, actor=acting(actor), now=now, units=units, dry_run=dry_run
            )
        )  # fmt: skip
    if faults or report is None:
        if output is Output.JSON:
            emit([{"file": f.file, "line": f.line, "key": f.key, "fault": f.message} for f in faults], output)
        else:
            for fault in faults:
                typer.echo(str(fault))
            typer.echo(text("people.faults", say, n=len(faults)))
        raise typer.Exit(1)
    if output is Output.JSON:
        emit_one(report._asdict() | {"dry_run": dry_run}, output)
        return
    key = "unchanged" if not report.changed else "dry_run" if dry_run else "imported"
    typer.echo(text(f"people.{key}", say, **{"version": report.version, **report.counts}))
    if report.retired:
        typer.echo(text("people.retired", say, names=", ".join(report.retired)))


@app.command("list")
def list_people(data_dir: DataDir = None, output: OutputOption = Output.TABLE) -> None:
    """Everybody, with teams and how they are reached (without what may be a key).

    Example: citybrain people list -o json
    """
    settings = get_settings(data_dir)
    with open_db(settings) as db, db.transaction() as tx:
        people = roster.current(tx)
    rows = [
        {
            "person": one.id,
            "name": one.title(settings.language),
            "active": one.active,
            "teams": ", ".join(
                team.id for _, team in sorted(people.teams.items()) if one.id in {item.person for item in team.members}
            ),
            "contacts": ", ".join(safe(contact.target) for contact in one.contacts),
        }
        for _, one in sorted(people.people.items())
    ]
    if rows or output is Output.JSON:
        emit(rows, output, columns=("person", "name", "active", "teams", "contacts"), language=settings.language)
    else:
        typer.echo(text("people.not_known", settings.language))
