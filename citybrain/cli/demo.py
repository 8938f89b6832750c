"""`citybrain demo`."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from citybrain.cli.common import get_settings, writable, write_json
from citybrain.cli.demo_screen import Shown, print_summary, stop_by_signal
from citybrain.runtime.demo.play import Play, Wish
from citybrain.runtime.demo.stage import Stage
from citybrain.text import text

_SERVERS = ("CITYBRAIN_DATABASE_URL", "CITYBRAIN_MQTT_URL")


def register(root: typer.Typer) -> None:
    """Add the command."""
    root.command("demo")(demo)


def demo(
    seconds: Annotated[float | None, typer.Option(help="End after so many seconds (default: Ctrl-C ends it).")] = None,
    seed: Annotated[int, typer.Option(help="Another seed is another city and other faults.")] = 7,
    assets: Annotated[int, typer.Option(help="How many covers, lamps, drains… the city has.", min=50, max=1_000_000)] = 2000,
    speed: Annotated[float | None, typer.Option(help="City seconds a second (default: up to 14 hours, else 120).")] = None,
    hours: Annotated[float | None, typer.Option(help="City hours to show, instead of --speed or --seconds.")] = None,
    json_file: Annotated[Path | None, typer.Option("--json", help="Write the summary there.", dir_okay=False)] = None,
    data_dir: Annotated[
        Path | None, typer.Option(help="An empty folder to keep the city in (default: a temporary one).", show_default=False)
    ] = None,
    language: Annotated[str | None, typer.Option(help="en or zh.")] = None,
) -> None:
    """Show a simulated city in which covers are stolen, lamps die and drains block, and how each fault is looked after.

    Nothing is mocked: a real MQTT broker, a real PostgreSQL, real processes; only the devices and the crews are simulated.

    Example: citybrain demo --seconds 60 --seed 7 --assets 2000 --json out.json
    """
    for name in _SERVERS:
        os.environ.pop(name, None)  # a simulated city has no business in a real database or on a real broker
    settings = get_settings(None, language=language)
    writable("--json", json_file)
    play = Play(Wish(assets, seed, seconds, speed, hours), settings, Stage(data_dir, settings))
    words = settings.language
    screen = Console()
    pace = play.pace
    screen.print(
        text(
            "demo.begins",
            words,
            assets=assets,
            seed=seed,
            speed=f"{pace.speed:g}",
            end=text("demo.ends_after", words, seconds=f"{pace.seconds:g}", hours=f"{pace.hours or 0:.1f}")
            if pace.seconds
            else text("demo.ends_by_key", words),
        ),
        highlight=False,
    )
    stop_by_signal(play)
    with Shown(
        play, screen, words, lambda scene: text("demo.where", words, url=scene.url, data_dir=scene.folder or "")
    ) as shown:
        result = play.run(shown.begin)
    if json_file is not None:
        write_json(result, json_file)
    print_summary(result, screen, words)
