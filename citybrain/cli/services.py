"""`citybrain archive`, `citybrain dispatch`, `citybrain console`: the services between Kafka, the database and people."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Annotated

import typer

from citybrain.cli.common import get_settings
from citybrain.config import Settings
from citybrain.runtime.cluster.service import exit_hard, log_to_stderr

HealthPort = Annotated[int | None, typer.Option("--http-port", help="Port of /healthz, /readyz and /metrics; 0: any free one.")]


def register(root: typer.Typer) -> None:
    """Add the commands."""
    for command in (archive, dispatch, console):
        root.command(command.__name__)(command)


def archive(http_port: HealthPort = None) -> None:
    """Store the readings of topic `readings`, and what was refused (cluster runtime). Several may run.

    It needs CITYBRAIN_KAFKA_URL and CITYBRAIN_DATABASE_URL.

    Example: citybrain archive --http-port 8081
    """
    from citybrain.runtime.cluster.archive import archive as work

    _run("archive", work, http_port)


def dispatch(http_port: HealthPort = None) -> None:
    """Make cases and work orders of topic `alerts`, and do what is due (cluster runtime). Several may run.

    One of them publishes the register and the rulebook for all other services. SIGHUP reloads the rulebook. It needs
    CITYBRAIN_KAFKA_URL and CITYBRAIN_DATABASE_URL.

    Example: citybrain dispatch --http-port 8082
    """
    from citybrain.runtime.cluster.dispatch import dispatch as work

    _run("dispatch", work, http_port)


def console(
    http_port: Annotated[int | None, typer.Option(help="Port of the HTTP API, its health and its metrics.")] = None,
) -> None:
    """Serve the HTTP API over the database (cluster runtime). Several may run.

    It needs CITYBRAIN_DATABASE_URL, and CITYBRAIN_API_TOKEN when several shall take the same token.

    Example: citybrain console --http-port 8080
    """
    from citybrain.runtime.cluster.console import console as work

    _run("console", work, http_port)


def _run(name: str, work: Callable[[Settings], int], http_port: int | None) -> None:
    settings = get_settings(http_port=http_port)
    log_to_stderr(settings, name)
    # the loop and the client's thread hand records over to each other; the default of 5 ms would be felt each time
    sys.setswitchinterval(0.001)
    code = work(settings)
    exit_hard(code)
    sys.exit(code)
