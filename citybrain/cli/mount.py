"""Which module gives which commands."""

from __future__ import annotations

from importlib import import_module

import typer

GROUPS: dict[str, str] = {
    "alerts": "alerts",
    "orders": "clock",  # with those of `orders`
    "cases": "cases",
    "ledger": "ledger",
    "storm": "storm",
    "people": "people",
    "duty": "duty",
    "import": "import_",
    "register": "register",
    "responsibility": "responsibility",
    "explain": "explain",
    "forecast": "forecast",
    "profiles": "profiles",
    "silence": "silence",
    "works": "works",
    "openings": "openings",
    "deliveries": "deliveries",
    "quarantine": "quarantine",
    "readings": "readings",
    "bench": "bench",
    "topics": "topics",
    "secrets": "secrets_",
    "schema": "schema",
}
"""name of a group of commands -> module of `citybrain.cli` whose `app` holds them"""

MORE: tuple[str, ...] = ("appeals", "returned")
"""modules of `citybrain.cli` that add commands to a group of another one"""

COMMANDS: tuple[str, ...] = (
    "demo",
    "run",
    "simulate",
    "watch",
    "replay",
    "check_config",
    "docs",
    "ingest",
    "rules",
    "services",
    "migrate",
    "export",
    "score",
)
"""modules of `citybrain.cli` whose `register(root)` adds single commands"""


def mount(root: typer.Typer) -> None:
    """Add every command to the root."""
    for name in COMMANDS:
        import_module(f"citybrain.cli.{name}").register(root)
    for name in MORE:
        import_module(f"citybrain.cli.{name}")
    for name, module in GROUPS.items():
        root.add_typer(import_module(f"citybrain.cli.{module}").app, name=name)
