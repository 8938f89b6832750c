"""`citybrain duty ical` and `citybrain duty calendar`: duty as calendars, out and in."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Annotated

import typer

from citybrain.apitoken import ensure_token
from citybrain.cli.common import DataDir, Output, OutputOption, emit, emit_one, open_db, writable
from citybrain.cli.roster import ScheduleName, open_people
from citybrain.kernel.errors import InputError
from citybrain.runtime.rundir import RunDir
from citybrain.text import text
from dispatch.people import entries, ical
from dispatch.people.feed import path_of


def to_ical(
    schedule: Annotated[str | None, typer.Option("--schedule", help="Id of a schedule.")] = None,
    person: Annotated[str | None, typer.Option("--person", help="Id of a person.")] = None,
    days: Annotated[int, typer.Option(help="So many days ahead.", min=1, max=380)] = 180,
    file: Annotated[Path | None, typer.Option("--file", help="Write there; none: standard output.", dir_okay=False)] = None,
    url: Annotated[bool, typer.Option("--url", help="Show the address to subscribe to instead.")] = False,
    data_dir: DataDir = None,
) -> None:
    """The duty of a schedule or a person as a calendar (iCalendar), or the address of its feed.

    Example: citybrain duty ical --person zhang-wei --url
    """
    if (schedule is None) == (person is None):
        raise InputError("give either --schedule or --person")
    kind, name = ("schedule", schedule) if schedule is not None else ("person", person)
    settings, people, now = open_people(data_dir)
    writable("--file", file)
    start = now - timedelta(days=14)
    content = ical.feed(people, kind, name or "", start, now + timedelta(days=days), now=now, language=settings.language)
    if url:
        port = RunDir(settings.data_dir).read("run").get("http") or settings.http_port
        root = (settings.public_url or f"http://{settings.http_host}:{port}").rstrip("/")
        path = path_of(ensure_token(settings.api_token, settings.data_dir), kind, name or "")
        typer.echo(text("people.calendar_url", settings.language, url=f"{root}{path}"))
    elif file is not None:
        file.write_bytes(content)
        typer.echo(text("people.written", settings.language, n=content.count(b"BEGIN:VEVENT"), file=file))
    else:
        typer.echo(content.decode(), nl=False)


def from_ical(
    file: Annotated[Path, typer.Argument(help="An .ics file.", exists=True, dir_okay=False, readable=True)],
    schedule: ScheduleName,
    layer: Annotated[str, typer.Option("--layer", help="A layer with rotation calendar.")],
    days: Annotated[int, typer.Option(help="So many days from now on.", min=1, max=400)] = 180,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only report; change nothing.")] = False,
    data_dir: DataDir = None,
    output: OutputOption = Output.TABLE,
) -> None:
    """Take shifts over from a calendar (Grafana OnCall, Google…), in place of those of the layer from now on.

    Events name people by address, id or name. When one names nobody, nothing is changed, and it exits with 1.

    Example: citybrain duty calendar oncall.ics --schedule drainage-duty --layer imported
    """
    settings, _, now = open_people(data_dir)
    with open_db(settings) as db:
        found = db.attempt(
            lambda tx: entries.take_over(
                tx, file.read_bytes(), schedule, layer, now, now + timedelta(days=days), dry_run=dry_run
            )
        )  # fmt: skip
    say = settings.language
    if output is Output.JSON:
        emit_one({"entries": found.entries, "faults": [fault._asdict() for fault in found.faults], "dry_run": dry_run}, output)
    elif found.faults:
        typer.echo(text("people.unknown_names", say, n=len(found.faults)))
        emit([fault._asdict() for fault in found.faults], output, columns=("uid", "at", "summary", "reason"), language=say)
    else:
        end = (now + timedelta(days=days)).isoformat(timespec="minutes")
        facts = {"n": len(found.entries), "schedule": schedule, "layer": layer, "begin": now.isoformat(timespec="minutes")}
        typer.echo(text("people.tried" if dry_run else "people.taken_over", say, **facts, end=end))
    if found.faults:
        raise typer.Exit(1)
