"""`citybrain storm`: which districts have one, and which drain is worked on first."""

from __future__ import annotations

from typing import Annotated

import typer

from citybrain.cli.cases import case_id
from citybrain.cli.common import DataDir, Output, OutputOption, emit, get_settings, open_db
from citybrain.store import storms
from citybrain.text import code_text

app = typer.Typer(
    help="Storm mode of districts: list, rank.\n\nExample: citybrain storm list",
    no_args_is_help=True,
    rich_markup_mode=None,
)


@app.command("list")
def list_storms(
    limit: Annotated[int, typer.Option(help="At most so many.", min=1, max=10000)] = 20,
    data_dir: DataDir = None,
    output: OutputOption = Output.TABLE,
) -> None:
    """List storms, newest first: district, begin and end, how many open cases there were and what the crews could have.

    Example: citybrain storm list -o json
    """
    settings = get_settings(data_dir)
    with open_db(settings) as db, db.transaction() as tx:
        rows = storms.history(tx, limit)
    emit(rows, output, columns=("district", "began_at", "calm_since", "ended_at", "cases", "capacity", "reason"),
         language=settings.language)  # fmt: skip


@app.command()
def rank(
    case: Annotated[str, typer.Argument(help="Id of the case of a catchment, or number or id of its order.", metavar="CASE")],
    data_dir: DataDir = None,
    output: OutputOption = Output.TABLE,
) -> None:
    """Show which drain of a catchment is worked on first, and of what its points are made.

    Example: citybrain storm rank 17
    """
    settings = get_settings(data_dir)
    with open_db(settings) as db, db.transaction() as tx:
        rows = storms.ranks(tx, case_id(tx, case))
    if output is Output.JSON:
        emit(rows, output)
        return
    say = settings.language
    worded = [{**row, "why": _why(row["why"], say)} for row in rows]
    emit(worded, output, columns=("rank", "asset", "points", "why"), language=say)


def _why(points: dict[str, float], language: str) -> str:
    # a city may name further places in its table; they have no words here
    return ", ".join(f"{code_text('storm.', name, language)} {value:g}" for name, value in points.items())
