"""`citybrain watch`."""

from __future__ import annotations

import contextlib
import json
import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Annotated, Any
from zoneinfo import ZoneInfo

import typer
from rich.console import Console
from rich.live import Live

from citybrain import clock as clocks
from citybrain.apitoken import known_token
from citybrain.cli.common import DataDir, Output, get_settings, open_db, run_clock
from citybrain.cli.shapes import conditions
from citybrain.config import Settings
from citybrain.kernel.conditions import ConditionInfo
from citybrain.kernel.errors import InputError
from citybrain.store.feed import FeedPosition
from citybrain.text import text
from console.follow import DatabaseFollower, Event, Follower, HttpFollower, Snapshot
from console.view import View, plain, render, unit_names
from console.watching import Watching

REDRAW_S = 0.5


def register(root: typer.Typer) -> None:
    """Add the command."""
    root.command("watch")(watch)


def watch(
    data_dir: DataDir = None,
    url: Annotated[str | None, typer.Option(help="Watch a server over HTTP, such as http://127.0.0.1:8080.")] = None,
    lines: Annotated[bool, typer.Option("--plain", help="One line an event, without colours, for pipes.")] = False,
    output: Annotated[
        Output, typer.Option("-o", "--output", help="table: the live view; json: one object a line.")
    ] = Output.TABLE,
    after: Annotated[str | None, typer.Option(help="Begin after this position of the stream; a0.o0 is its beginning.")] = None,
    language: Annotated[str | None, typer.Option(help="en or zh.")] = None,
    zone: Annotated[str, typer.Option(help="Time zone of the times shown.")] = "",
) -> None:
    """Watch alerts and work orders live: what, where, since when, which unit, how much time is left. Ctrl-C ends it.

    Example: citybrain watch --data-dir ./city
    """
    settings = get_settings(data_dir, language=language)
    zone = known_zone(zone or os.environ.get("TZ") or "UTC", given=bool(zone))
    if url is not None and not url.startswith(("http://", "https://")):
        raise InputError(f"--url {url!r}: the address of a city brain, such as http://127.0.0.1:8080")
    position = FeedPosition.parse(after) if after else None
    with contextlib.suppress(KeyboardInterrupt), _follower(settings, url, position) as follower:
        watching = Watching()
        now = follower.begin()
        watching.begin(now.alerts, now.orders)
        infos = {} if url else conditions(settings)
        draw = _Drawing(follower, watching, now, infos, settings.language, zone)
        if output is Output.JSON:
            _print(follower, lambda event: json.dumps(_object(event), default=str, ensure_ascii=False))
        elif lines or not sys.stdout.isatty():
            _print(follower, lambda event: plain(watching.apply(event.topic, event.row), draw.view()))
        else:
            _live(follower, watching, draw)


def known_zone(name: str, *, given: bool) -> str:
    """The time zone. Raises InputError for one that does not exist; UTC when only the environment names such a one."""
    try:
        return ZoneInfo(name).key or name
    except (ValueError, OSError, KeyError):
        if given:
            raise InputError(f"--zone {name!r}: no such time zone; give one such as Asia/Shanghai or UTC") from None
        return "UTC"


@contextmanager
def _follower(settings: Settings, url: str | None, after: FeedPosition | None) -> Iterator[Follower]:
    if url is not None:
        remote = HttpFollower(url, token=known_token(settings.api_token, settings.data_dir), after=after)
        try:
            yield remote
        finally:
            remote.close()
        return
    with open_db(settings) as db:
        yield DatabaseFollower(db, clocks.parse(run_clock(settings)), after)


class _Drawing:
    """Makes the view of the moment."""

    def __init__(
        self,
        follower: Follower,
        watching: Watching,
        begin: Snapshot,
        infos: Mapping[str, ConditionInfo],
        language: str,
        zone: str,
    ) -> None:
        self._follower, self._watching, self._infos = follower, watching, infos
        self._language, self._zone = language, zone
        self._units = unit_names(begin.units.values(), language)

    def view(self, rows: int = 24) -> View:
        trouble = self._follower.trouble
        facts = [("✕", text("console.lost_contact", self._language, why=trouble))] if trouble else []
        return View(
            self._watching,
            self._follower.now(),
            infos=self._infos,
            units=self._units,
            language=self._language,
            zone=self._zone,
            rows=rows,
            facts=facts,
        )


def _print(follower: Follower, line: Any) -> None:
    while True:
        for event in follower.events(1.0):
            sys.stdout.write(line(event) + "\n")
        sys.stdout.flush()


def _live(follower: Follower, watching: Watching, draw: _Drawing) -> None:
    console = Console()
    with Live(render(draw.view(console.height)), console=console, screen=True, auto_refresh=False) as live:
        while True:
            for event in follower.events(REDRAW_S):
                watching.apply(event.topic, event.row)
            live.update(render(draw.view(console.height)), refresh=True)


def _object(event: Event) -> dict[str, Any]:
    return {"position": event.position, "topic": event.topic, **event.row}
