"""`citybrain schema`: the tables of the database."""

from __future__ import annotations

import typer

from citybrain.cli.common import get_settings
from citybrain.runtime.cluster.watching import database_url
from citybrain.store.db import Database
from citybrain.store.migrate import known, migrate
from citybrain.text import text

app = typer.Typer(
    help="The tables of the database.\n\nExample: citybrain schema apply", no_args_is_help=True, rich_markup_mode=None
)


@app.command()
def apply() -> None:
    """Bring the database to the schema of this program. Safe to repeat, and while services run; a newer schema is refused.

    Example: citybrain schema apply
    """
    settings = get_settings()
    with Database(database_url(settings), size=1, name="citybrain schema") as db:
        number = migrate(db)
    typer.echo(text("schema.applied", settings.language, number=number, version=known()[-1].number))
