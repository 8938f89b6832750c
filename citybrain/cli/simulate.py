"""`citybrain simulate`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from citybrain.cli.common import get_settings, writable, write_json
from citybrain.cli.demo_screen import Shown, print_summary, stop_by_signal
from citybrain.runtime.demo.play import Play, Wish
from citybrain.runtime.demo.running import RunningCity
from citybrain.text import text


def register(root: typer.Typer) -> None:
    """Add the command."""
    root.command("simulate")(simulate)


def simulate(
    url: Annotated[str, typer.Option(help="The HTTP API of the city.")] = "http://127.0.0.1:8080",
    mqtt_url: Annotated[
        str | None, typer.Option(help="Its broker, with a login that may publish for all devices.", show_default=False)
    ] = None,
    database_url: Annotated[str | None, typer.Option(help="Its database, for the register.", show_default=False)] = None,
    seconds: Annotated[float | None, typer.Option(help="End after so many seconds (default: Ctrl-C ends it).")] = None,
    seed: Annotated[int, typer.Option(help="Another seed is another city and other faults.")] = 7,
    assets: Annotated[int, typer.Option(help="How many covers, lamps, drains… it has.", min=50, max=1_000_000)] = 2000,
    intervals: Annotated[
        float, typer.Option(help="Reporting intervals times this; 0.1: ten times as many messages.", min=0.01, max=10)
    ] = 1.0,
    json_file: Annotated[Path | None, typer.Option("--json", help="Write the summary there.", dir_okay=False)] = None,
    language: Annotated[str | None, typer.Option(help="en or zh.")] = None,
) -> None:
    """Play simulated devices with faults, and crews, into a city that runs already: the demo of the cluster.

    Its register is written into the city's database; the time is that of the setting clock, which must be that of the city's
    services. At the end the truth is compared with what was noticed, as `citybrain demo` does.

    Example: citybrain simulate --url http://console:8080 --mqtt-url mqtt://simulator:…@mosquitto:1883 --seconds 600
    """
    settings = get_settings(None, mqtt_url=mqtt_url, database_url=database_url, language=language)
    writable("--json", json_file)
    city = RunningCity(settings, url)
    play = Play(Wish(assets, seed, seconds, city.speed, intervals=intervals), settings, city)
    words, screen, pace = settings.language, Console(), play.pace
    end = (
        text("demo.ends_after", words, seconds=f"{pace.seconds:g}", hours=f"{pace.hours or 0:.1f}")
        if pace.seconds
        else text("demo.ends_by_key", words)
    )
    screen.print(
        text("demo.joins", words, assets=assets, seed=seed, url=city.url, speed=f"{pace.speed:g}", end=end), highlight=False
    )
    stop_by_signal(play)
    with Shown(play, screen, words, lambda scene: text("demo.joined", words, url=scene.url)) as shown:
        result = play.run(shown.begin)
    if json_file is not None:
        write_json(result, json_file)
    print_summary(result, screen, words)
