"""`citybrain openings`: covers that may be open for a while, and when they must be closed."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

import typer

from citybrain.cli import quieting
from citybrain.cli.common import DataDir, Output, OutputOption, acting
from citybrain.cli.moments import Zone, span, zone_of
from citybrain.cli.quieting import Actor, Begin, End, Why
from citybrain.store.db import Tx
from dispatch import silencing
from dispatch.silencing import Added

app = typer.Typer(
    help="Approved openings of covers.\n\nExample: citybrain openings list",
    no_args_is_help=True,
    rich_markup_mode=None,
)


@app.command()
def add(
    asset: Annotated[str, typer.Argument(help="Id of the cover.")],
    approver: Annotated[str, typer.Option("--approver", help="Who approved it.")],
    for_: Annotated[str | None, typer.Option("--for", help="For how long, such as 3h.")] = None,
    begin: Begin = None,
    until: End = None,
    reason: Why = "",
    author: Actor = None,
    zone: Zone = "",
    data_dir: DataDir = None,
    output: OutputOption = Output.TABLE,
) -> None:
    """A cover may be open: it is known and no order, until it must be closed. Open then, its order goes out at once.

    Example: citybrain openings add MH-000017 --for 3h --approver "Ms Zhao" --reason "fibre cable"
    """
    place = zone_of(zone)

    def work(tx: Tx, now: datetime) -> Added:
        start, end = span(begin, until, for_, place, now)
        return silencing.opening(
            tx, asset, author=acting(author), approver=approver, reason=reason, begins_at=start, ends_at=end, now=now
        )

    quieting.add(data_dir, output, work)


@app.command("list")
def list_openings(
    everything: Annotated[bool, typer.Option("--all", help="Those that are over too.")] = False,
    limit: Annotated[int, typer.Option(help="At most so many.", min=1, max=10000)] = 100,
    data_dir: DataDir = None,
    output: OutputOption = Output.TABLE,
) -> None:
    """List approved openings with the time until each must be closed.

    Example: citybrain openings list
    """
    quieting.listed(data_dir, output, sorts=("opening",), ended=everything, limit=limit)


@app.command()
def close(
    opening: Annotated[str, typer.Argument(help="Number or id of an opening.")],
    reason: Annotated[str, typer.Option("--reason", help="What was done.")] = "",
    author: Actor = None,
    data_dir: DataDir = None,
    output: OutputOption = Output.TABLE,
) -> None:
    """The cover is closed again, says the crew. If the sensor sees it open, its order goes out at once.

    Example: citybrain openings close 4 --reason "cable is in"
    """
    quieting.expire(data_dir, output, opening, by=acting(author), reason=reason, sorts=("opening",))
