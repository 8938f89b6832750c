"""`citybrain bench engine|pipeline|all`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from citybrain.cli.bench_engine import bench_engine
from citybrain.cli.common import writable

app = typer.Typer(
    help="Measure this machine. Example: citybrain bench pipeline --assets 2000 --seconds 10", no_args_is_help=True
)
app.command("engine")(bench_engine)

JsonOut = Annotated[Path | None, typer.Option("--json", help="Write the figures there as well.")]


@app.command("pipeline")
def bench_pipeline(
    assets: Annotated[int, typer.Option(help="Assets that send.", min=2)] = 2000,
    seconds: Annotated[float, typer.Option(help="How long to publish.", min=1)] = 10,
    rate: Annotated[float, typer.Option(help="Messages a second; 0: as fast as back-pressure allows.", min=0)] = 0,
    output: JsonOut = None,
) -> None:
    """The whole program under load: broker, database, pipeline, dispatch, API; the publisher is a process of its own.

    Example: citybrain bench pipeline --assets 2000 --seconds 10 --rate 2000 --json out.json
    """
    from citybrain.runtime.bench import bench_pipeline as run

    writable("--json", output)
    _show(run(assets, seconds, rate), output)


@app.command("all")
def bench_all(
    seconds: Annotated[float, typer.Option(help="How long each part runs.", min=1)] = 10, output: JsonOut = None
) -> None:
    """Every figure of the README, one after the other.

    Example: citybrain bench all --seconds 10
    """
    from citybrain.runtime.bench import bench_pipeline as pipeline
    from rules.bench import bench_engine as engine

    writable("--json", output)
    small, large = engine(2000, seconds), engine(200_000, seconds)
    figures = {
        "engine_2000": small,
        "engine_200000": large,
        "engine_cost_ratio": round(large["ns_per_reading"] / small["ns_per_reading"], 3),
        "pipeline_full_speed": pipeline(2000, seconds),
        "pipeline_2000_per_s": pipeline(2000, seconds, 2000),
    }
    _show(figures, output)


def _show(figures: dict[str, Any], output: Path | None) -> None:
    text = json.dumps(figures, indent=1)
    typer.echo(text)
    if output is not None:
        output.write_text(text + "\n", encoding="utf-8")
