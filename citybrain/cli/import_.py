"""`citybrain import`: the register from the files that a city has."""

from __future__ import annotations

from collections.abc import Collection
from importlib.resources import files
from pathlib import Path
from typing import Annotated

import typer

from citybrain.cli.common import DataDir, Output, OutputOption, get_settings, open_db, write_json
from citybrain.config import Settings
from citybrain.kernel.errors import ConfigError, UnavailableError
from citybrain.register.importer import import_file, try_file
from citybrain.register.report import Report
from citybrain.text import text
from dispatch.calendars import load_calendars

_SHOWN = 20

app = typer.Typer(
    help="Fill the register from CSV or GeoJSON files.\n\nExample: citybrain import assets lamps.csv --map champaign --dry-run",
    no_args_is_help=True,
    rich_markup_mode=None,
)

File = Annotated[Path, typer.Argument(help="A CSV or GeoJSON file.", exists=True, dir_okay=False, readable=True)]
Map = Annotated[
    str | None,
    typer.Option("--map", help="Column map (YAML), or the name of a shipped one; none: columns are named as the fields."),
]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Only report; change nothing.")]
SkipRefused = Annotated[bool, typer.Option("--skip-refused", help="Import the good rows although others are refused.")]


_WHAT = {
    "assets": (
        "Covers, lamps, drains, cabinets, gateways, rain gauges.",
        "citybrain import assets lamps.csv --map champaign --dry-run",
    ),
    "devices": (
        "Devices and the assets that they are bound to, with from and to dates.",
        "citybrain import devices devices.csv",
    ),
    "ownerships": (
        "Who owns an asset from one day to another, with the by-law or contract; the id is the asset's.",
        "citybrain import ownerships owners.csv",
    ),
    "units": (
        "Units that repair: name, time zone, calendar, contacts, lead, supervisor, guardian_of.",
        "citybrain import units units.csv",
    ),
    "responsibilities": ("Rules that name the unit for some assets.", "citybrain import responsibilities rules.csv"),
    "areas": ("Districts and grid cells with their polygons.", "citybrain import areas districts.geojson --map districts.yml"),
}
"""What can be imported -> what it is, and an example."""


def _add(what: str, told: str, example: str) -> None:
    """The command of one part of the register: all take the same options."""

    @app.command(what, help=f"{told}\n\nExample: {example}")
    def command(
        file: File,
        map_: Map = None,
        dry_run: DryRun = False,
        skip_refused: SkipRefused = False,
        data_dir: DataDir = None,
        output: OutputOption = Output.TABLE,
    ) -> None:
        _run(what, file, map_, dry_run, skip_refused, data_dir, output)


for _what, (_told, _example) in _WHAT.items():
    _add(_what, _told, _example)


def map_path(name: str | None) -> Path | None:
    """A map by its path, or a shipped one by its name. Raises ConfigError."""
    if name is None or Path(name).is_file():
        return Path(name) if name else None
    folder = Path(str(files("citybrain.register").joinpath("maps")))
    shipped = {path.stem: path for path in sorted(folder.glob("*.yml"))}
    if name not in shipped:
        raise ConfigError(f"no file {name!r} and no shipped map of that name; shipped are {', '.join(shipped)}", key="--map")
    return shipped[name]


def _run(
    what: str, file: Path, map_: str | None, dry_run: bool, skip_refused: bool, data_dir: Path | None, output: Output
) -> None:
    settings = get_settings(data_dir)
    names = load_calendars(settings.calendars).names
    report, offline = _report(settings, what, file, map_path(map_), dry_run, skip_refused, names)
    if output is Output.JSON:
        write_json(report.to_dict())
    else:
        for sentence in told(report, settings.language, offline=offline):
            typer.echo(sentence)
    if report.refused and not skip_refused:
        raise typer.Exit(1)


def _report(
    settings: Settings,
    what: str,
    file: Path,
    map_file: Path | None,
    dry_run: bool,
    skip_refused: bool,
    calendars: Collection[str],
) -> tuple[Report, bool]:
    """The report, and whether it was made without a database."""
    try:
        with open_db(settings) as db:
            return import_file(db, what, file, map_file, dry_run=dry_run, skip_refused=skip_refused, calendars=calendars), False
    except UnavailableError:
        if not dry_run:
            raise
        return try_file(what, file, map_file, calendars=calendars), True


def told(report: Report, language: str, *, offline: bool = False) -> list[str]:
    """A report as sentences."""

    def say(key: str, **values: object) -> str:
        return text(f"register.{key}", language, **values)

    counts = {"new": report.new, "changed": report.changed, "unchanged": report.unchanged}
    lines = [say("rows", rows=report.rows, file=report.file, **counts)]
    lines += [say(key, n=n) for key, n in (("repeated", report.repeated), ("renamed", report.renamed)) if n]
    lines += [say("skipped", n=n, reason=reason) for reason, n in report.skipped.most_common()]
    lines += [say("blanked", n=n, field=name) for name, n in report.blanked.most_common()]
    if report.refused:
        lines.append(say("refused", n=len(report.refused)))
        for item in report.refused[:_SHOWN]:
            where = say(report.row_word, n=item.line)
            lines.append(f"  {where}: {item.reason}: {f'{item.id}: ' if item.id else ''}{item.detail}")
        if len(report.refused) > _SHOWN:
            lines.append("  " + say("refused_more", n=len(report.refused) - _SHOWN))
    if report.dry_run:
        lines.append(say("dry_run_offline" if offline else "dry_run"))
    else:
        lines.append(say("imported" if report.imported else "not_imported"))
    return lines
