"""The command line: parse and call, nothing else."""

from __future__ import annotations

import logging
import os
import sys

import typer

from citybrain import __version__, logs
from citybrain.cli.common import complain
from citybrain.cli.mount import mount
from citybrain.kernel.errors import CityBrainError

app = typer.Typer(
    name="citybrain",
    help="City brain: from a sensor's message to a timed work order, followed until the sensor shows the repair.\n\n"
    "Example: citybrain run --data-dir ./city",
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


@app.callback(invoke_without_command=True)
def root(version: bool = typer.Option(False, "--version", help="Print the version and exit.")) -> None:
    """Print the version, or go on to the command."""
    if version:
        typer.echo(f"citybrain {__version__}")
        raise typer.Exit


def main() -> None:
    """Entry point: errors of ours are one line for people, and exit code 1."""
    # a level that does not exist is told by the settings
    level = logging.getLevelNamesMapping().get(os.environ.get("CITYBRAIN_LOG_LEVEL", "").upper(), logging.WARNING)
    asked = os.environ.get("CITYBRAIN_LOG_FORMAT", "").lower()
    logs.setup("cli", level=logging.getLevelName(level), form="json" if asked == "json" else "brief")
    mount(app)
    try:
        app()
    except CityBrainError as error:
        complain(str(error))
        sys.exit(1)
    except BrokenPipeError:
        sys.exit(0)
    except OSError as error:
        if error.filename is None:
            raise
        complain(f"{error.filename}: {error.strerror}")
        sys.exit(1)
