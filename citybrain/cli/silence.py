"""`citybrain silence`: keep quiet about what is known, for a while and with a reason."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated
from uuid import UUID

import typer

from citybrain import clock
from citybrain.cli import quieting
from citybrain.cli.common import DataDir, Output, OutputOption, acting, emit, emit_one, get_settings, open_db, run_clock
from citybrain.cli.moments import Zone, length, moment, zone_of
from citybrain.cli.quieting import Actor, Begin, End, Why
from citybrain.kernel.errors import InputError
from citybrain.store import silences as store
from citybrain.store.db import Tx
from citybrain.text import text
from dispatch import silencing
from dispatch.silencing import Added
from dispatch.windows import recurrence

app = typer.Typer(
    help="Silences: what shall raise no order and no message for a while, and why.\n\nExample: citybrain silence list",
    no_args_is_help=True,
    rich_markup_mode=None,
)

_SORTS = ("silence", "window")
_MUTED = ("asset", "condition", "severity", "state", "order", "since")


@app.command()
def add(
    matchers: Annotated[
        list[str] | None,
        typer.Argument(help='What it covers, such as asset="MH-17" or condition=~"MH-.*"; all must hold.', show_default=False),
    ] = None,
    alert: Annotated[str | None, typer.Option("--alert", help="Id of an alert: silence its asset and condition.")] = None,
    for_: Annotated[str | None, typer.Option("--for", help="For how long, such as 2h or 1d12h; a window: each time.")] = None,
    begin: Begin = None,
    until: End = None,
    until_resolved: Annotated[bool, typer.Option("--until-resolved", help="Until the alert is over.")] = False,
    rrule: Annotated[
        str | None, typer.Option("--rrule", help="It comes again, such as 'FREQ=WEEKLY;BYDAY=TU'; --from says when it begins.")
    ] = None,
    reason: Why = "",
    author: Actor = None,
    zone: Zone = "",
    data_dir: DataDir = None,
    output: OutputOption = Output.TABLE,
) -> None:  # fmt: skip
    """Silence what the matchers cover, or the key of an alert. Orders that are open keep their limits; their messages wait.

    Example: citybrain silence add 'feeder="F-12"' --for 4h --reason "lamps are being washed"
    """
    place = zone_of(zone)
    if until is not None and (for_ is not None or rrule is not None):
        raise InputError("--until goes neither with --for nor with --rrule")

    def work(tx: Tx, now: datetime) -> Added:
        wanted = list(matchers or ())
        if alert is not None:
            wanted += silencing.alert_key(tx, _alert_id(alert))
        who = acting(author)
        start = moment("--from", begin, place) if begin is not None else now.astimezone(UTC)
        span = length("--for", for_) if for_ is not None else None
        if rrule is not None:
            if span is None or until_resolved:
                raise InputError("--rrule needs --for: how long it lasts each time; it has no --until-resolved")
            rule = recurrence(rrule, start=start, zone=place.key, duration=span)
            return silencing.window(tx, wanted, author=who, reason=reason, recurrence=rule, now=now)
        end = start + span if span is not None else moment("--until", until, place) if until is not None else None
        return silencing.silence(
            tx, wanted, author=who, reason=reason, begins_at=start, ends_at=end, until_resolved=until_resolved, now=now
        )

    quieting.add(data_dir, output, work)


@app.command("list")
def list_silences(
    everything: Annotated[bool, typer.Option("--all", help="Those that are over too.")] = False,
    limit: Annotated[int, typer.Option(help="At most so many.", min=1, max=10000)] = 100,
    data_dir: DataDir = None,
    output: OutputOption = Output.TABLE,
) -> None:
    """List silences and windows with the time that is left, those that end first first.

    Example: citybrain silence list
    """
    quieting.listed(data_dir, output, sorts=_SORTS, ended=everything, limit=limit)


@app.command()
def show(
    silence: Annotated[str, typer.Argument(help="Number or id of a silence, works or an opening; or a reference of works.")],
    data_dir: DataDir = None,
    output: OutputOption = Output.TABLE,
) -> None:
    """Show one silence, works or opening: who, why, how long still, and which cases it mutes now.

    Example: citybrain silence show 3
    """
    settings = get_settings(data_dir)
    now = clock.parse(run_clock(settings)).now()
    with open_db(settings) as db, db.transaction() as tx:
        row = store.find(tx, silence)
        muted = store.muted_by(tx, row["id"])
    if output is Output.JSON:
        emit_one({**row, "left_s": quieting.left_s(row, now), "muted": muted}, output)
        return
    say = settings.language
    hidden = {"id", "revision", "asset", "condition", "scope", "matchers", "recurrence", "until_resolved"}
    shown = {key: value for key, value in quieting.worded(row, now, say).items() if key not in hidden and value is not None}
    emit_one(shown, output, language=say)
    typer.echo(f"\n{text('quiet.muted', say)}")
    emit(muted, output, columns=_MUTED, language=say)


@app.command()
def expire(
    silence: Annotated[str, typer.Argument(help="Number or id of a silence.")],
    reason: Annotated[str, typer.Option("--reason", help="Why it ends now.")] = "",
    author: Actor = None,
    data_dir: DataDir = None,
    output: OutputOption = Output.TABLE,
) -> None:
    """End a silence now. What it hid and still fires goes out within seconds.

    Example: citybrain silence expire 3 --reason "the washing is done"
    """
    quieting.expire(data_dir, output, silence, by=acting(author), reason=reason, sorts=_SORTS)


def _alert_id(given: str) -> UUID:
    try:
        return UUID(given)
    except ValueError:
        raise InputError(f"--alert {given!r}: no id of an alert; 'citybrain alerts list -o json' shows them") from None
