"""`citybrain ledger`: is the history what was written, and what proves it later."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import orjson
import typer

from citybrain.cli.common import DataDir, Output, OutputOption, complain, emit, get_settings, open_db, writable
from citybrain.config import Settings
from citybrain.kernel.errors import InputError
from citybrain.store import ledger as store
from citybrain.text import text
from dispatch.anchors import Anchor, from_json, to_json
from dispatch.bundle import Bundle
from dispatch.checking import Checked, check, check_bundle

app = typer.Typer(
    help="The ledger: check it, and keep its daily anchors outside.\n\nExample: citybrain ledger verify",
    no_args_is_help=True,
    rich_markup_mode=None,
)


@app.command()
def verify(
    export: Annotated[
        Path | None, typer.Option("--export", help="Check this export instead of the database.", show_default=False)
    ] = None,
    anchors: Annotated[
        Path | None,
        typer.Option("--anchors", help="Anchors that were kept outside; none of them may differ.", show_default=False),
    ] = None,
    data_dir: DataDir = None,
    output: OutputOption = Output.TABLE,
) -> None:
    """Find what was changed, taken away or slipped in: entries, ends of chains, anchors, states. Exit code 1 if anything was.

    Example: citybrain ledger verify --anchors kept-anchors.jsonl
    """
    settings = get_settings(data_dir)
    copies = read_anchors(anchors) if anchors else []
    found = check_bundle(Bundle(export), copies) if export else _of_database(settings, copies)
    if output is Output.JSON or found.faults:
        emit(
            [fault._asdict() for fault in found.faults],
            output,
            columns=("case_id", "order_id", "entry", "reason", "detail"),
            language=settings.language,
        )
    if found.faults:
        complain(text("ledger.broken", settings.language, n=len(found.faults)))
        raise typer.Exit(1)
    if output is Output.TABLE:
        typer.echo(
            text(
                "ledger.intact", settings.language, cases=found.cases, entries=found.entries, anchored=found.anchored,
                anchors=found.anchors, newer=found.entries - found.anchored,
            )
        )  # fmt: skip


def _of_database(settings: Settings, copies: list[Anchor]) -> Checked:
    with open_db(settings) as db, db.transaction() as tx:
        return check(tx, copies)


@app.command()
def anchor(
    out: Annotated[
        Path | None, typer.Option("--out", help="Write all anchors here, a JSON object a line.", show_default=False)
    ] = None,
    data_dir: DataDir = None,
    output: OutputOption = Output.TABLE,
) -> None:
    """Print the daily anchors, or write them to a file to keep outside: a later check compares the ledger with it.

    Example: citybrain ledger anchor --out anchors.jsonl
    """
    settings = get_settings(data_dir)
    writable("--out", out)
    with open_db(settings) as db, db.transaction() as tx:
        made = [to_json(Anchor(**row)) for row in store.anchors(tx)]
    if out is not None:
        out.write_bytes(b"".join(orjson.dumps(one) + b"\n" for one in made))
        if output is Output.TABLE:
            typer.echo(text("ledger.written", settings.language, n=len(made), file=out))
            return
    if not made and output is Output.TABLE:
        typer.echo(text("ledger.no_anchor", settings.language))
        return
    emit(made, output, columns=("day", "entries", "to_seq", "hash"), language=settings.language)


def read_anchors(file: Path) -> list[Anchor]:
    """Anchors of a file. Raises InputError with file and line."""
    found = []
    for number, line in enumerate(file.read_text(encoding="utf-8").splitlines(), 1):
        try:
            found.append(from_json(orjson.loads(line)))
        except (ValueError, InputError) as error:
            raise InputError(f"{file}:{number}: {error}") from error
    return found
