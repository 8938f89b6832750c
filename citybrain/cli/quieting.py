"""What `silence`, `works` and `openings` share: their lists with a countdown, and how they are ended."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any, TypeVar

import typer

from citybrain import clock
from citybrain.cli.common import Output, emit, emit_one, get_settings, open_db, run_clock
from citybrain.store import silences as store
from citybrain.store.db import Tx
from citybrain.text import code_text, text
from console.view import clean, span
from dispatch import silencing
from dispatch.silencing import Added

Actor = Annotated[
    str | None,
    typer.Option(
        "--author", help="Who wants this, a name or a role; default: your login.", envvar="CITYBRAIN_ACTOR", show_default=False
    ),
]
Why = Annotated[str, typer.Option("--reason", help="Why; whoever finds it later wants to know.")]
Begin = Annotated[
    str | None, typer.Option("--from", help="From when on, such as 2026-03-02T22:00; default: now.", show_default=False)
]
End = Annotated[str | None, typer.Option("--until", help="Until when, such as 2026-03-03T06:00.", show_default=False)]
T = TypeVar("T")


def add(data_dir: Path | None, output: Output, work: Callable[[Tx, datetime], Added]) -> None:
    """Add something in one transaction and say what became of it. `work` is given the time of the city."""
    settings = get_settings(data_dir)
    now = clock.parse(run_clock(settings)).now()
    with open_db(settings) as db:
        added = db.attempt(lambda tx: work(tx, now))
    if output is Output.JSON:
        emit_one(added._asdict() | {"left_s": left_s(added._asdict(), now)}, output)
        return
    say = settings.language
    key = "added" if added.new else "known"
    typer.echo(text(f"quiet.{key}", say, number=added.number, left=left(added._asdict(), now, say)))


def expire(data_dir: Path | None, output: Output, name: str, *, by: str, reason: str, sorts: Sequence[str]) -> None:
    """End one of some sorts and say so."""
    settings = get_settings(data_dir)
    now = clock.parse(run_clock(settings)).now()
    with open_db(settings) as db:
        row = db.attempt(lambda tx: silencing.expire(tx, name, by=by, reason=reason, now=now, sorts=sorts))
    if output is Output.JSON:
        emit_one(row, output)
    else:
        typer.echo(text("quiet.ended", settings.language, number=row["number"]))


def listed(data_dir: Path | None, output: Output, *, sorts: Sequence[str], ended: bool, limit: int) -> None:
    """Print the silences of some sorts, each with the time that is left."""
    settings = get_settings(data_dir)
    now = clock.parse(run_clock(settings)).now()
    with open_db(settings) as db, db.transaction() as tx:
        rows = store.listed(tx, limit=limit, sorts=sorts, ended=ended)
    if output is Output.JSON:
        emit([{**row, "left_s": left_s(row, now)} for row in rows], output)
        return
    say = settings.language
    if not rows:
        typer.echo(text("quiet.none", say))
        return
    shown = [worded(row, now, say) for row in rows]
    emit(shown, output, columns=("number", "sort", "covers", "author", "reason", "begins_at", "left", "muted"), language=say)


def worded(row: Mapping[str, Any], now: datetime, language: str) -> dict[str, Any]:
    """A silence for people: what it covers, and how long it still does."""
    return {
        **row,
        "sort": code_text("quiet.sort_", row["sort"], language),
        "covers": clean(covers(row)),
        "author": clean(row["author"]),
        "reason": clean(row["reason"]),
        "left": left(row, now, language),
    }


def covers(row: Mapping[str, Any]) -> str:
    """What a silence covers, in one line."""
    scope = {key: "…" if key == "polygon" else value for key, value in (row["scope"] or {}).items()}
    parts = [*row["matchers"], *(f"{key} {value}" for key, value in scope.items())]
    if row["recurrence"]:
        parts.append(f"[{row['recurrence']['rule']} {row['recurrence']['zone']}]")
    return ", ".join(parts)


def left_s(row: Mapping[str, Any], now: datetime) -> float | None:
    """Seconds until the end; None when it is over, or has no end of its own."""
    if row["ends_at"] is None or row.get("state") == "ended":
        return None
    return max(0.0, float((row["ends_at"] - now).total_seconds()))


def left(row: Mapping[str, Any], now: datetime, language: str) -> str:
    """The countdown of a silence."""
    if row.get("state") == "ended" or (row["ends_at"] is not None and row["ends_at"] <= now):
        return text("quiet.over", language)
    if row["begins_at"] > now:
        return text("quiet.begins_in", language, span=span(row["begins_at"] - now))
    if row["ends_at"] is None:
        return text("quiet.until_resolved", language)
    return text("quiet.left", language, span=span(row["ends_at"] - now))
