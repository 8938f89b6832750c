"""`citybrain run` and `citybrain stop`."""

from __future__ import annotations

import logging
import sys
from typing import Annotated

import typer
from rich.console import Console

from citybrain import app, logs
from citybrain.cli.common import DataDir, get_settings
from citybrain.runtime.rundir import RunDir
from citybrain.text import text

log = logging.getLogger("citybrain.run")


def register(root: typer.Typer) -> None:
    """Add the commands."""
    root.command("run")(run)
    root.command("stop")(stop)


def run(
    data_dir: DataDir = None,
    ingest_workers: Annotated[int | None, typer.Option(help="Processes that read from the broker (MQTT 5).")] = None,
    mqtt_port: Annotated[int | None, typer.Option(help="Port of the embedded broker.")] = None,
    http_port: Annotated[int | None, typer.Option(help="Port of the HTTP server.")] = None,
    force: Annotated[
        bool, typer.Option("--force", help="Start although the city was moved by `citybrain migrate`; it must not run there.")
    ] = False,
) -> None:
    """Run the city brain: broker, database, pipeline, dispatch cycle, HTTP.

    SIGTERM drains and stops; SIGHUP reloads the rulebook.

    Example: citybrain run --data-dir ./city
    """
    settings = get_settings(data_dir, ingest_workers=ingest_workers, mqtt_port=mqtt_port, http_port=http_port)
    logs.setup("run", level=settings.log_level, form="json" if settings.log_format == "json" else "brief")
    console = Console(stderr=True)

    def ready(run_dir: RunDir) -> None:
        info = run_dir.read("run")
        if settings.log_format == "json":
            log.info("runs", extra={"pid": info["pid"], "data_dir": str(settings.data_dir), "http": info["http"]})
            return
        lines = [
            text("run.running", settings.language, pid=info["pid"], folder=settings.data_dir),
            text("run.mqtt", settings.language, url=info["mqtt"].rsplit("@", 1)[-1]),
            text("run.http", settings.language, url=f"http://{settings.http_host}:{info['http']}/docs"),
            text("run.watch", settings.language, command=f"citybrain watch --data-dir {settings.data_dir}"),
        ]
        console.print("\n".join(lines), soft_wrap=True, highlight=False, markup=False)

    sys.exit(app.run(settings, ready, force=force))


def stop(data_dir: DataDir = None) -> None:
    """End the broker and the database that a killed `citybrain run` left behind.

    Example: citybrain stop --data-dir ./city
    """
    settings = get_settings(data_dir)
    say = settings.language
    ended = [text(f"run.ended_{part}", say, pid=pid) for part, pid in app.stop_leftovers(settings).items()]
    Console().print("\n".join(ended) or text("run.nothing_left", say), highlight=False, markup=False)
