"""`citybrain export`: the ledger as files, for whoever wants to check it or to recompute the figures."""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer

from citybrain import __version__, clock
from citybrain.cli.common import DataDir, Output, OutputOption, emit_one, get_settings, open_db, run_clock
from citybrain.cli.moments import Zone, moment, zone_of
from citybrain.kernel.errors import InputError
from citybrain.text import text
from dispatch import bundle

From = Annotated[str | None, typer.Option("--from", help="From this time on, such as 2026-06-01.", show_default=False)]
To = Annotated[str | None, typer.Option("--to", help="Before this time.", show_default=False)]


def register(root: typer.Typer) -> None:
    """Add the command."""

    @root.command("export")
    def export(
        out: Annotated[Path, typer.Option("--out", help="New folder for the export.")],
        begin: From = None,
        end: To = None,
        zone: Zone = "",
        data_dir: DataDir = None,
        output: OutputOption = Output.TABLE,
    ) -> None:
        """Write the ledger into a folder: entries, anchors, ends of chains, states, and a manifest with their hashes.

        With --from or --to: the whole lives of the cases of that span. Only the whole ledger can be compared with its anchors.

        Example: citybrain export --from 2026-06-01 --to 2026-07-01 --zone Asia/Shanghai --out june
        """
        settings = get_settings(data_dir)
        first, last = times(begin, end, zone)
        now = clock.parse(run_clock(settings)).now()
        with open_db(settings) as db, db.transaction() as tx:
            made = bundle.write(tx, out, now=now, program=__version__, begin=first, end=last)
        if output is Output.JSON:
            emit_one(asdict(made), output)
        else:
            typer.echo(text("ledger.exported", settings.language, entries=made.entries, folder=out))


def times(begin: str | None, end: str | None, zone: str) -> tuple[datetime | None, datetime | None]:
    """The span between two options. Raises InputError."""
    here = zone_of(zone)
    first = moment("--from", begin, here) if begin else None
    last = moment("--to", end, here) if end else None
    if first and last and first >= last:
        raise InputError("--from: must be before --to")
    return first, last
