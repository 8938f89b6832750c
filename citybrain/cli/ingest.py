"""`citybrain ingest`: a bridge of the cluster runtime."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from citybrain.cli.common import get_settings


def register(root: typer.Typer) -> None:
    """Add the command."""
    root.command("ingest")(ingest)


def ingest(
    http_port: Annotated[int | None, typer.Option(help="Port of /healthz, /readyz and /metrics; 0: any free one.")] = None,
) -> None:
    """Bring messages of the MQTT broker into Kafka (cluster runtime).

    Start several: they share one subscription. Each needs a name of its own that stays the same after a restart
    (CITYBRAIN_SERVICE_ID), because the broker keeps what was under way to it. SIGTERM hands on what was taken and stops.

    Example: citybrain ingest --http-port 8081
    """
    from citybrain.runtime.cluster.bridging import ingest as run
    from citybrain.runtime.cluster.ingest import NAME
    from citybrain.runtime.cluster.service import exit_hard, log_to_stderr

    settings = get_settings(http_port=http_port)
    log_to_stderr(settings, NAME)
    code = run(settings)
    exit_hard(code)
    sys.exit(code)
