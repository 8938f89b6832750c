"""`citybrain readings`: look into the archive, and take readings out of it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated, Any

import typer

from citybrain import clock
from citybrain.cli.common import DataDir, Output, OutputOption, emit, emit_one, get_settings, open_db, run_clock, writable
from citybrain.kernel.errors import InputError
from citybrain.kernel.measures import MEASURES
from citybrain.store import readings, views
from citybrain.store.extract import Selection
from citybrain.text import text

app = typer.Typer(
    help="The archive of readings: show and export.\n\nExample: citybrain readings show MH-000003 --measure level_mm",
    no_args_is_help=True,
    rich_markup_mode=None,
)

STEPS: dict[str, readings.Step] = {"raw": "raw", "1m": "1m", "1h": "1h", "1d": "1d"}

Begin = Annotated[
    str | None,
    typer.Option("--from", help="From this time on: 2026-03-02 (UTC) or 2026-03-02T08:00+08:00.", show_default=False),
]
End = Annotated[str | None, typer.Option("--to", help="Before this time.", show_default=False)]


@app.command()
def show(
    asset: Annotated[str, typer.Argument(help="Id of an asset.")],
    measure: Annotated[list[str] | None, typer.Option(help="Only this measure; may be given several times.")] = None,
    step: Annotated[str, typer.Option(help="raw: each value; 1m, 1h, 1d: by minute, hour, day (UTC).")] = "1h",
    begin: Begin = None,
    end: End = None,
    data_dir: DataDir = None,
    output: OutputOption = Output.TABLE,
) -> None:
    """Show what an asset told, measure by measure: how many values, average, least, greatest, last.

    Without times: the last day up to now.

    Example: citybrain readings show MH-000003 --measure level_mm --step 1h --from 2026-03-01
    """
    if step not in STEPS:
        raise InputError(f"--step {step!r}: one of {', '.join(STEPS)}")
    settings = get_settings(data_dir)
    until = _moment("--to", end) or clock.parse(run_clock(settings)).now() + timedelta(milliseconds=1)
    since = _moment("--from", begin) or until - timedelta(days=1)
    with open_db(settings) as db, db.transaction() as tx:
        views.asset(tx, asset, readings=0)
        rows: list[dict[str, Any]] = []
        for name in measure or readings.measures_of(tx, asset, since, until):
            unit = MEASURES[name].unit if name in MEASURES else ""
            found = readings.series(tx, asset, name, since, until, STEPS[step])
            rows += [{"measure": name, "unit": unit, **row} for row in found]
    if output is Output.TABLE and not rows:
        span = {"begin": since.isoformat(sep=" ", timespec="seconds"), "end": until.isoformat(sep=" ", timespec="seconds")}
        typer.echo(text("readings.none", settings.language, asset=asset, **span))
        return
    columns = ("measure", "unit", "time", "last", "label") if step == "raw" else None
    emit(rows, output, columns=columns, language=settings.language)


@app.command()
def export(
    parquet: Annotated[Path, typer.Option("--parquet", help="The file to write.")],
    asset: Annotated[list[str] | None, typer.Option(help="Only this asset; may be given several times.")] = None,
    measure: Annotated[list[str] | None, typer.Option(help="Only this measure; may be given several times.")] = None,
    begin: Begin = None,
    end: End = None,
    data_dir: DataDir = None,
    output: OutputOption = Output.TABLE,
) -> None:
    """Write readings to a Parquet file, one row a value; units and meanings stand in its metadata.

    Without times: all that the archive has.

    Example: citybrain readings export --parquet march.parquet --measure level_mm --from 2026-03-01 --to 2026-04-01
    """
    from citybrain.runtime.parquet import EVER, write_parquet

    writable("--parquet", parquet)
    settings = get_settings(data_dir)
    selection = Selection(_moment("--from", begin) or EVER[0], _moment("--to", end) or EVER[1], asset or None, measure or None)
    with open_db(settings) as db:
        done = write_parquet(db, parquet, selection, settings.city)
    if output is Output.JSON:
        emit_one({"file": str(parquet), **done._asdict()}, output)
        return
    if done.first is None or done.last is None:
        typer.echo(text("readings.exported_none", settings.language, file=parquet))
        return
    times = {
        "first": done.first.isoformat(sep=" ", timespec="seconds"),
        "last": done.last.isoformat(sep=" ", timespec="seconds"),
    }
    typer.echo(text("readings.exported", settings.language, values=done.values, file=parquet, **times))


def _moment(option: str, given: str | None) -> datetime | None:
    """A time, or the begin of a day (UTC). Raises InputError for what is neither, and for a time without a zone."""
    if given is None:
        return None
    try:
        moment = datetime.fromisoformat(given)
    except ValueError:
        raise InputError(f"{option} {given!r}: write 2026-03-02, or 2026-03-02T08:00+08:00") from None
    if moment.tzinfo is None:
        if len(given) > len("2026-03-02"):
            raise InputError(f"{option} {given!r}: in which time zone? Write {given}Z or {given}+08:00")
        return moment.replace(tzinfo=UTC)
    return moment
