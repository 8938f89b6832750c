"""`citybrain rules`: a rules worker of the cluster runtime."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from citybrain.cli.common import get_settings


def register(root: typer.Typer) -> None:
    """Add the command."""
    root.command("rules")(rules)


def rules(
    http_port: Annotated[int | None, typer.Option(help="Port of /healthz, /readyz and /metrics; 0: any free one.")] = None,
) -> None:
    """Judge the readings of topic `readings` (cluster runtime): a Faust worker; start as many as there are cores.

    Example: citybrain rules --http-port 8082
    """
    from rules.faust_app import work

    sys.exit(work(get_settings(http_port=http_port)))
