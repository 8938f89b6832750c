"""`citybrain responsibility`: what nobody is responsible for."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Annotated

import typer

from citybrain import clock
from citybrain.cli.common import DataDir, Output, OutputOption, emit, get_settings, open_db, run_clock, writable
from citybrain.store import register as register_store
from citybrain.text import code_text, text
from dispatch.owners import Unowned, unowned
from dispatch.responsibility import gaps as missing

app = typer.Typer(
    help="What nobody is responsible for.\n\nExample: citybrain responsibility gaps --csv gaps.csv",
    no_args_is_help=True,
    rich_markup_mode=None,
)


@app.callback()
def _group() -> None:
    """A group, though it has one command: more will come beside it."""


@app.command()
def gaps(
    district: Annotated[str | None, typer.Option(help="Only of this district.")] = None,
    kind: Annotated[str | None, typer.Option(help="Only of this kind.")] = None,
    file: Annotated[Path | None, typer.Option("--csv", help="Write them to this CSV file as well.", show_default=False)] = None,
    data_dir: DataDir = None,
    output: OutputOption = Output.TABLE,
) -> None:
    """List the assets that no owner, contract or area names a unit for: who gets their orders, and by which fallback.

    Example: citybrain responsibility gaps --kind manhole -o json
    """
    writable("--csv", file)
    settings = get_settings(data_dir)
    with open_db(settings) as db, db.transaction() as tx:
        register = register_store.load_register(tx)
    found = [
        one
        for one in unowned(register, clock.parse(run_clock(settings)).now())
        if district in {None, one.district} and kind in {None, one.kind}
    ]
    if file is not None:
        with file.open("w", encoding="utf-8", newline="") as sink:
            table = csv.writer(sink)
            table.writerow(Unowned._fields)
            table.writerows(found)
    say = settings.language
    if output is Output.JSON:
        emit([one._asdict() for one in found], output)
        return
    for sentence in missing(register):
        typer.echo(sentence)
    rows = [{**one._asdict(), "level": code_text("routes.level_", one.level, say)} for one in found]
    if rows:
        emit(rows, output, columns=("asset", "kind", "district", "level", "unit"), language=say)
    typer.echo(text("routes.gaps", say, n=len(found), assets=len(register.assets)))
