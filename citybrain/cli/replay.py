"""`citybrain replay`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from citybrain.cli.common import writable, write_json
from citybrain.kernel.errors import InputError

_UNITS_MS = {"s": 1000, "m": 60_000, "h": 3_600_000}


def register(root: typer.Typer) -> None:
    """Add the command."""
    root.command("replay")(replay)


def span_ms(text: str) -> int:
    """Milliseconds of a span such as 90s, 10m or 2h. Raises InputError."""
    if text[-1:] in _UNITS_MS and text[:-1].replace(".", "", 1).isdigit():
        return int(float(text[:-1]) * _UNITS_MS[text[-1]])
    raise InputError(f"{text!r} is not a span: give a number and s, m or h, such as 10m")


def replay(
    file: Annotated[Path, typer.Argument(help="Recorded messages, one JSON object a line.", exists=True, dir_okay=False)],
    profile: Annotated[str, typer.Option(help="Device profile that reads them.")],
    output: Annotated[Path | None, typer.Option("--json", help="Write the result there (default: stdout).")] = None,
    shuffle_within: Annotated[
        str | None, typer.Option(help="Shuffle the messages within a span of event time, such as 10m.")
    ] = None,
    seed: Annotated[int, typer.Option(help="Seed of the shuffle.")] = 0,
) -> None:
    """Publish a file of recorded messages through a real broker into a fresh database, and report in event time.

    Example: citybrain replay uplinks.jsonl --profile icra_overflow --json out.json --shuffle-within 10m --seed 1
    """
    from citybrain.runtime.replay import replay as run

    writable("--json", output)
    result = run(file, profile, shuffle_ms=span_ms(shuffle_within) if shuffle_within else 0, seed=seed)
    write_json(result, output)
