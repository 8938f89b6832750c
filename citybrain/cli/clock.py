"""`citybrain orders pause, extend, suspend, approve, refuse, resume, safe, reopen`: the clocks of a work order."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, time
from pathlib import Path
from typing import Annotated, TypeVar

import typer

from citybrain.cli.changing import change
from citybrain.cli.common import Actor, DataDir, Output, OutputOption, acting, emit_one
from citybrain.cli.orders import Name, app, print_moved
from citybrain.config import Settings
from citybrain.kernel.errors import InputError
from citybrain.store import views
from citybrain.store.db import Tx
from citybrain.text import text
from dispatch import desk, pausing, reopening
from dispatch.calendars import zone
from dispatch.opening import Lookups

__all__ = ["app"]

T = TypeVar("T")
Work = Callable[[Tx, Lookups, str, datetime], T]
Code = Annotated[str, typer.Option("--reason", help="Why: a code of the city's profile, such as waiting_for_parts.")]
Words = Annotated[str, typer.Option("--detail", help="Why, in words.")]
Until = Annotated[str | None, typer.Option("--until", help="When it ends: a day, or a time with its zone.", show_default=False)]


@app.command()
def pause(
    order: Name, reason: Code, until: Until = None, detail: Words = "", actor: Actor = None, data_dir: DataDir = None,
    output: OutputOption = Output.TABLE,
) -> None:  # fmt: skip
    """Ask for a pause of the repair clock; somebody else approves it, and from then on it stands.

    Example: citybrain orders pause 17 --reason waiting_for_parts --until 2026-06-20 --actor "crew 7"
    """
    _ask(order, "pause", reason, until, detail, actor, data_dir, output)


@app.command()
def extend(
    order: Name, reason: Code, detail: Words = "", actor: Actor = None, data_dir: DataDir = None,
    output: OutputOption = Output.TABLE,
) -> None:  # fmt: skip
    """Ask for one more original limit, once; somebody else approves it.

    Example: citybrain orders extend 17 --reason larger_than_seen --actor "crew 7"
    """
    _ask(order, "extend", reason, None, detail, actor, data_dir, output)


@app.command()
def suspend(
    order: Name, reason: Code, until: Until = None, detail: Words = "", actor: Actor = None, data_dir: DataDir = None,
    output: OutputOption = Output.TABLE,
) -> None:  # fmt: skip
    """Ask for a suspension until a day, at most a year away; two others approve it. It wakes by itself.

    Example: citybrain orders suspend 17 --reason planned_renewal --until 2026-12-01 --actor "lighting desk"
    """
    _ask(order, "suspend", reason, until, detail, actor, data_dir, output)


@app.command()
def approve(
    order: Name,
    role: Annotated[str, typer.Option(help=f"As what: {', '.join(pausing.ROLES)}.")] = "dispatcher",
    actor: Actor = None,
    data_dir: DataDir = None,
    output: OutputOption = Output.TABLE,
) -> None:
    """Approve what the unit asked for. Nobody approves their own request; a suspension needs two people.

    Example: citybrain orders approve 17 --actor "duty officer" --role supervisor
    """
    who = acting(actor)
    _asked(
        lambda tx, look, order_id, now: pausing.approve(tx, look, order_id, actor=who, role=role, now=now),
        order, data_dir, output,
    )  # fmt: skip


@app.command()
def refuse(
    order: Name,
    reason: Annotated[str, typer.Option("--reason", help="Why it is refused.")],
    actor: Actor = None,
    data_dir: DataDir = None,
    output: OutputOption = Output.TABLE,
) -> None:
    """Refuse what the unit asked for, with a reason. The clock has run on.

    Example: citybrain orders refuse 17 --reason "the part is in our own store" --actor "duty officer"
    """
    who = acting(actor)
    _asked(
        lambda tx, look, order_id, now: pausing.refuse(tx, look, order_id, actor=who, reason=reason, now=now),
        order, data_dir, output,
    )  # fmt: skip


@app.command()
def resume(
    order: Name, detail: Words = "", actor: Actor = None, data_dir: DataDir = None, output: OutputOption = Output.TABLE
) -> None:
    """The work goes on before a pause or suspension is over: the clock runs with what was left.

    Example: citybrain orders resume 17 --actor "crew 7"
    """
    who = acting(actor)
    _asked(
        lambda tx, look, order_id, now: pausing.resume(tx, look, order_id, actor=who, now=now, detail=detail),
        order, data_dir, output,
    )  # fmt: skip


@app.command()
def safe(
    order: Name,
    photo: Annotated[str, typer.Option(help="A photograph of it: a path or an address.")] = "",
    at: Annotated[
        tuple[float, float] | None, typer.Option("--at", help="Where: latitude and longitude.", show_default=False)
    ] = None,
    detail: Words = "",
    actor: Actor = None,
    data_dir: DataDir = None,
    output: OutputOption = Output.TABLE,
) -> None:
    """Nobody can come to harm any more: the barrier stands. Ends the make-safe clock, the repair goes on.

    Example: citybrain orders safe 17 --photo https://photos.example/17.jpg --at 31.23 121.47 --actor "crew 7"
    """
    who = acting(actor)
    moved, settings = _change(
        order,
        data_dir,
        lambda tx, look, order_id, now: desk.act(
            tx, order_id, "make_safe", actor=who, now=now, detail=detail, evidence=photo, position=at
        ),
    )
    print_moved(moved, settings, output)


@app.command()
def reopen(
    order: Name,
    reason: Annotated[str, typer.Option("--reason", help="Why: a code of the city's profile, such as not_fixed.")],
    role: Annotated[str, typer.Option(help=f"As what: {', '.join(reopening.ROLES)}.")] = "operator",
    detail: Words = "",
    actor: Actor = None,
    data_dir: DataDir = None,
    output: OutputOption = Output.TABLE,
) -> None:
    """Open a closed order again: its case too, both clocks from the beginning; everyone who was told about it hears of it.

    Example: citybrain orders reopen 17 --reason not_fixed --role reporter --actor "caller 12345"
    """
    who = acting(actor)
    moved, settings = _change(
        order,
        data_dir,
        lambda tx, look, order_id, now: reopening.reopen(
            tx, look, order_id, code=reason, actor=who, role=role, now=now, detail=detail
        ),
    )
    print_moved(moved, settings, output)


def _ask(
    order: str, kind: str, code: str, until: str | None, detail: str, actor: str | None, data_dir: Path | None, output: Output
) -> None:
    who = acting(actor)

    def work(tx: Tx, look: Lookups, order_id: str, now: datetime) -> pausing.Asked:
        end = _moment(until, look, views.order(tx, views.order_id(tx, order))["unit"]) if until else None
        return pausing.ask(tx, look, order_id, kind, code=code, actor=who, now=now, until=end, detail=detail)

    _asked(work, order, data_dir, output)


def _moment(words: str, look: Lookups, unit_id: str) -> datetime:
    """`2026-06-20` is the end of that day where the unit is; `2026-06-20T08:00:00+08:00` says it itself."""
    try:
        found = datetime.fromisoformat(words)
    except ValueError:
        raise InputError(f"--until {words!r}: a day such as 2026-06-20, or 2026-06-20T08:00:00+08:00") from None
    if found.tzinfo is not None:
        return found
    unit = look.unit(unit_id)
    here = zone(unit.timezone if unit else "UTC")
    if found.time() == time(0) and len(words) == len("2026-06-20"):
        found = found.replace(hour=23, minute=59, second=59)
    return found.replace(tzinfo=here)


def _asked(work: Work[pausing.Asked], order: str, data_dir: Path | None, output: Output) -> None:
    found, settings = _change(order, data_dir, work)
    if output is Output.JSON:
        emit_one(found._asdict(), output)
        return
    say = settings.language
    key = f"orders.clock_{found.state}" if found.changed else "orders.clock_same"
    due = found.due_at.isoformat(timespec="minutes")
    until = found.until.isoformat(timespec="minutes") if found.until else "-"
    typer.echo(text(key, say, number=found.number, kind=text(f"orders.kind_{found.kind}", say), due=due, until=until))


def _change(order: str, data_dir: Path | None, work: Work[T]) -> tuple[T, Settings]:
    return change(data_dir, lambda tx, look, now: work(tx, look, str(views.order_id(tx, order)), now))
