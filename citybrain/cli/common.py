"""What the commands share: settings, the database, output as table or JSON, errors that say what to do."""

from __future__ import annotations

import getpass
import json
import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, NoReturn

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from citybrain.config import Settings
from citybrain.config import settings as load_settings
from citybrain.kernel.errors import InputError
from citybrain.runtime.rundir import RunDir
from citybrain.store.db import Database
from citybrain.text import code_text, text


class Output(StrEnum):
    """How to print."""

    TABLE = "table"
    JSON = "json"


DataDir = Annotated[Path | None, typer.Option("--data-dir", help="Data directory of the city brain.", show_default=False)]
OutputOption = Annotated[Output, typer.Option("-o", "--output", help="table for people, json for programs.")]
Actor = Annotated[
    str | None,
    typer.Option(
        "--actor", help="Who does this, a name or a role; default: your login.", envvar="CITYBRAIN_ACTOR", show_default=False
    ),
]


def acting(given: str | None) -> str:
    """Who was named, else the login."""
    return given or getpass.getuser()


def complain(message: str) -> None:
    """Print an error for people to stderr."""
    Console(stderr=True).print(Text.assemble(("error: ", "bold red"), message), soft_wrap=True)


def fail(message: str, code: int = 1) -> NoReturn:
    """Print an error and exit."""
    complain(message)
    raise typer.Exit(code)


def get_settings(data_dir: Path | None = None, **given: Any) -> Settings:
    """Settings of this call."""
    return load_settings(data_dir=data_dir, **given)


@contextmanager
def open_db(settings: Settings, *, size: int = 2) -> Iterator[Database]:
    """The database by URL, or the embedded one of the program that runs on the data directory."""
    url = settings.database_url or RunDir(settings.data_dir).database_url()
    with Database(url, size=size, name="citybrain cli") as db:
        yield db


def run_clock(settings: Settings) -> str:
    """The clock setting of the program that runs on the data directory (a demo's clock is scaled), else of the settings."""
    return str(RunDir(settings.data_dir).read("run").get("clock") or settings.clock)


def emit(
    rows: Sequence[Mapping[str, Any]], output: Output, *, columns: Sequence[str] | None = None, language: str = "en"
) -> None:
    """Print rows as a JSON array, or as a table with headings in `language`.

    `columns` of the table: which, in which order (default: those of the first row).
    """
    if output is Output.JSON:
        write_json([dict(row) for row in rows])
        return
    names = list(columns or (rows[0] if rows else ()))
    table = Table(header_style="bold")
    for name in names:
        table.add_column(code_text("columns.", name, language), overflow="fold")
    for row in rows:
        # Text: a value of a device must not be read as markup
        table.add_row(*(Text(_cell(row.get(name), language)) for name in names))
    Console().print(table)


def emit_one(row: Mapping[str, Any], output: Output, *, language: str = "en") -> None:
    """Print one object: as JSON, or as a table of names (in `language`) and values."""
    if output is Output.JSON:
        write_json(dict(row))
        return
    table = Table(show_header=False)
    table.add_column(style="bold")
    table.add_column(overflow="fold")
    for key, value in row.items():
        table.add_row(code_text("columns.", key, language), Text(_cell(value, language)))
    Console().print(table)


def write_json(content: object, file: Path | None = None) -> None:
    """Write JSON for programs to a file, else to standard output."""
    written = json.dumps(content, default=_plain, ensure_ascii=False, indent=1) + "\n"
    if file is None:
        sys.stdout.write(written)
    else:
        file.write_text(written, encoding="utf-8")


def writable(option: str, file: Path | None) -> None:
    """Refuse a file that could not be written, before the work and not after it. Raises InputError."""
    if file is None:
        return
    folder = file.resolve().parent
    if file.is_dir() or not os.access(file if file.exists() else folder, os.W_OK):
        why = "is a folder" if file.is_dir() else "the folder is not there or cannot be written to"
        raise InputError(f"{option} {file}: {why}")


def _plain(value: object) -> object:
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, bytes | memoryview):
        return bytes(value).hex()
    return str(value)


def _cell(value: object, language: str) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return text("columns.true" if value else "columns.false", language)
    if isinstance(value, datetime):
        return value.isoformat(sep=" ", timespec="seconds")
    if isinstance(value, list | tuple | dict):
        return json.dumps(value, default=_plain, ensure_ascii=False)
    return str(value)
