"""`citybrain works`: planned works, announced weeks ahead."""

from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from citybrain import clock
from citybrain.cli import quieting
from citybrain.cli.common import DataDir, Output, OutputOption, acting, emit, get_settings, open_db, run_clock
from citybrain.cli.moments import Zone, span, zone_of
from citybrain.cli.quieting import Actor, Begin, End, Why
from citybrain.kernel.errors import CityBrainError, InputError
from citybrain.store.db import Tx
from citybrain.text import text
from dispatch import silencing
from dispatch.silences import Scope
from dispatch.silencing import Added
from dispatch.works_file import fault_at, load_works

app = typer.Typer(
    help="Planned works: where they are, nothing is dispatched.\n\nExample: citybrain works list",
    no_args_is_help=True,
    rich_markup_mode=None,
)


@app.command()
def add(
    asset: Annotated[str | None, typer.Option(help="An asset and what hangs on it.")] = None,
    feeder: Annotated[str | None, typer.Option(help="A feeder.")] = None,
    street: Annotated[str | None, typer.Option(help="A street: attribute `street` of the assets.")] = None,
    district: Annotated[str | None, typer.Option(help="A district.")] = None,
    cell: Annotated[str | None, typer.Option(help="A grid cell.")] = None,
    polygon: Annotated[Path | None, typer.Option(help="File with a GeoJSON polygon.", exists=True, dir_okay=False)] = None,
    begin: Begin = None,
    until: End = None,
    for_: Annotated[str | None, typer.Option("--for", help="For how long, such as 8h.")] = None,
    reference: Annotated[str, typer.Option(help="Number of the permit; given again, the same works are changed.")] = "",
    reason: Why = "",
    author: Actor = None,
    zone: Zone = "",
    data_dir: DataDir = None,
    output: OutputOption = Output.TABLE,
) -> None:
    """Announce works at an asset, on a feeder, in a street or in an area; what is given must hold together.

    Example: citybrain works add --feeder F-12 --from 2026-03-02T22:00 --for 8h --reason "new cable"
    """
    place = zone_of(zone)
    scope = Scope(asset, feeder, street, district, cell, _polygon(polygon))

    def work(tx: Tx, now: datetime) -> Added:
        start, end = span(begin, until, for_, place, now)
        return silencing.works(
            tx, scope, author=acting(author), reason=reason, begins_at=start, ends_at=end, reference=reference, now=now
        )

    quieting.add(data_dir, output, work)


@app.command("list")
def list_works(
    everything: Annotated[bool, typer.Option("--all", help="Those that are over too.")] = False,
    limit: Annotated[int, typer.Option(help="At most so many.", min=1, max=10000)] = 100,
    data_dir: DataDir = None,
    output: OutputOption = Output.TABLE,
) -> None:
    """List planned works with the time until they begin, or that is left.

    Example: citybrain works list
    """
    quieting.listed(data_dir, output, sorts=("works",), ended=everything, limit=limit)


@app.command()
def cancel(
    works: Annotated[str, typer.Argument(help="Number, id or reference of works.")],
    reason: Annotated[str, typer.Option("--reason", help="Why.")] = "",
    author: Actor = None,
    data_dir: DataDir = None,
    output: OutputOption = Output.TABLE,
) -> None:
    """The works are off, or done early. What they hid and still fires goes out within seconds.

    Example: citybrain works cancel P-17 --reason "rain"
    """
    quieting.expire(data_dir, output, works, by=acting(author), reason=reason, sorts=("works",))


@app.command("import")
def import_works(
    file: Annotated[Path, typer.Argument(help="YAML file with a list `works`.", exists=True, dir_okay=False)],
    author: Actor = None,
    zone: Zone = "",
    data_dir: DataDir = None,
    output: OutputOption = Output.TABLE,
) -> None:
    """Take a list of works over, all or none. Imported again, what has not begun is changed by its reference.

    Example: citybrain works import works.yml
    """
    settings = get_settings(data_dir)
    now = clock.parse(run_clock(settings)).now()
    planned = load_works(file, author=acting(author), zone=zone_of(zone))

    def work(tx: Tx) -> list[Added]:
        done = []
        for number, one in enumerate(planned):
            try:
                done.append(silencing.works(tx, **one._asdict(), now=now))
            except CityBrainError as error:
                raise fault_at(file, number, error) from error
        return done

    with open_db(settings) as db:
        added = db.attempt(work)
    if output is Output.JSON:
        emit([one._asdict() | {"reference": works.reference} for one, works in zip(added, planned, strict=True)], output)
        return
    new = sum(one.new for one in added)
    typer.echo(text("quiet.imported", settings.language, new=new, known=len(added) - new))


def _polygon(file: Path | None) -> dict[str, Any] | None:
    if file is None:
        return None
    try:
        found = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise InputError(f"--polygon {file}: no JSON: {error}") from error
    if isinstance(found, dict) and found.get("type") == "Feature":
        found = found.get("geometry")
    if not isinstance(found, dict):
        raise InputError(f"--polygon {file}: a GeoJSON Polygon, or a Feature with one")
    return found
