"""`citybrain bench engine`: the rules alone, on one core."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from citybrain.cli.common import writable
from rules.bench import bench_engine as measure


def bench_engine(
    assets: Annotated[int, typer.Option(help="Assets: a third each of covers, lamps and drains.", min=3)] = 200_000,
    seconds: Annotated[float, typer.Option(help="Seconds of judging (making the readings comes on top).", min=0.1)] = 10,
    output: Annotated[Path | None, typer.Option("--json", help="Write the figures there as well.")] = None,
) -> None:
    """How many readings a second one core judges, and what an asset costs in memory.

    A reading is one message with all its values; all conditions of its kind are evaluated.

    Example: citybrain bench engine --assets 200000 --seconds 10 --json engine.json
    """
    writable("--json", output)
    figures = json.dumps(measure(assets, seconds), indent=2)
    typer.echo(figures)
    if output is not None:
        output.write_text(figures + "\n", encoding="utf-8")
