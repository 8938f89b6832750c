"""What the routes share: one object, made by `create_app` and kept in the app's state."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from fastapi import Request

from citybrain.clock import Clock
from citybrain.config import Settings
from citybrain.kernel.conditions import ConditionInfo
from citybrain.metrics import Metrics
from citybrain.store.db import Database
from console.broadcast import Broadcast
from console.ready import Check
from forecast.book import planned_infos


class HasInfo(Protocol):
    """A rulebook as far as the console needs it."""

    @property
    def info(self) -> Mapping[str, ConditionInfo]:
        """Condition id -> what the screens must know."""
        ...


class CityTables(Protocol):
    """The tables of the city in memory; they may be exchanged while the server runs."""

    @property
    def rulebook(self) -> HasInfo:
        """The rulebook of now."""
        ...


@dataclass(frozen=True, slots=True)
class Console:
    """Everything a route may use."""

    db: Database
    settings: Settings
    clock: Clock
    city: CityTables
    metrics: Metrics
    broadcast: Broadcast
    run: Path | None
    """The run folder: ports, heartbeats and metrics of the other processes; None: a service of its own has none."""
    token: str
    open_reads: bool
    """Reads need no token: the server is bound to loopback."""
    checks: Sequence[Callable[[], Check]]

    @property
    def infos(self) -> Mapping[str, ConditionInfo]:
        """The conditions of the rulebook of now, and those of planned orders."""
        return {**self.city.rulebook.info, **planned_infos(self.settings.forecast)}


def console_of(request: Request) -> Console:
    """The console of the app that serves this request."""
    console = request.app.state.console
    assert isinstance(console, Console)
    return console
