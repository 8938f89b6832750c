"""`citybrain duty`: who is on duty, and how that is changed."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any
from zoneinfo import ZoneInfo

import typer

from citybrain.cli.common import Actor, DataDir, Output, OutputOption, acting, emit, emit_one, open_db
from citybrain.cli.duty_calendars import from_ical, to_ical
from citybrain.cli.roster import TIMES, ScheduleName, open_people, schedules_of, when
from citybrain.kernel.errors import InputError, NotFound
from citybrain.text import code_text, text
from dispatch.people import entries, ical, roster
from dispatch.people.duty import on_duty, shifts

app = typer.Typer(
    help="Who is on duty, overrides, leave, calendars.\n\nExample: citybrain duty who",
    no_args_is_help=True,
    rich_markup_mode=None,
)
app.command("ical")(to_ical)
app.command("calendar")(from_ical)

Begin = Annotated[str, typer.Option("--from", help=f"From when: {TIMES}.")]
End = Annotated[str, typer.Option("--to", help=f"Until when: {TIMES}.")]
Reason = Annotated[str, typer.Option("--reason", help="Why.")]


@app.command()
def who(
    schedule: Annotated[str | None, typer.Option("--schedule", help="Only this schedule; none: all.")] = None,
    at: Annotated[str, typer.Option("--at", help=f"When: {TIMES}.")] = "now",
    data_dir: DataDir = None,
    output: OutputOption = Output.TABLE,
) -> None:
    """Who is on duty in each layer, and why; or why nobody is.

    Example: citybrain duty who --schedule drainage-duty --at 2026-06-13T03:00
    """
    settings, people, now = open_people(data_dir)
    rows = []
    for one in schedules_of(people, schedule):
        moment = when(at, one.tz, now, "--at")
        for turn in on_duty(one, moment, people).turns:
            for person in turn.people or (None,):
                rows.append(
                    {
                        "schedule": one.id,
                        "layer": turn.layer,
                        "person": person.person if person else "",
                        "reason": person.reason if person else turn.reason,
                        "instead_of": person.instead_of if person else "",
                    }
                )
    _show(rows, ("schedule", "layer", "person", "reason", "instead_of"), output, settings.language)


@app.command("shifts")
def show_shifts(
    schedule: ScheduleName,
    begin: Begin = "now",
    end: Annotated[str, typer.Option("--to", help=f"Until when: {TIMES}; none: a week later.")] = "",
    data_dir: DataDir = None,
    output: OutputOption = Output.TABLE,
) -> None:
    """The shifts of a schedule, layer by layer, without gap: also when nobody is on duty, and why.

    Example: citybrain duty shifts --schedule drainage-duty --from 2026-06-01T00:00 --to 2026-07-01T00:00
    """
    settings, people, now = open_people(data_dir)
    (one,) = schedules_of(people, schedule)
    start = when(begin, one.tz, now, "--from")
    stop = when(end, one.tz, now, "--to") if end else start + timedelta(days=7)
    if not timedelta(0) < stop - start <= ical.LONGEST:
        raise InputError(f"--to {end}: later than --from, and at most {ical.LONGEST.days} days")
    rows = [
        {
            "layer": shift.layer,
            "from": shift.begin.astimezone(one.tz),
            "to": shift.end.astimezone(one.tz),
            "person": ", ".join(person.person for person in shift.people),
            "reason": shift.reason,
        }
        for shift in shifts(one, start, stop, people)
    ]
    _show(rows, ("layer", "from", "to", "person", "reason"), output, settings.language)


@app.command()
def override(
    schedule: ScheduleName,
    person: Annotated[str, typer.Option("--person", help="Who stands in.")],
    begin: Begin,
    end: End,
    instead_of: Annotated[str | None, typer.Option("--instead-of", help="For whom; none: for whoever it would be.")] = None,
    layer: Annotated[str, typer.Option("--layer", help="Only in this layer; none: in all.")] = "",
    reason: Reason = "",
    actor: Actor = None,
    data_dir: DataDir = None,
    output: OutputOption = Output.TABLE,
) -> None:
    """Put somebody in instead of somebody else, from a time to a time.

    Example: citybrain duty override --schedule drainage-duty --person li-na --from now --to 2026-06-13T08:00
    """
    settings, people, now = open_people(data_dir)
    (one,) = schedules_of(people, schedule)
    start, stop = when(begin, one.tz, now, "--from"), when(end, one.tz, now, "--to")
    with open_db(settings) as db:
        made = db.attempt(
            lambda tx: roster.add_override(
                tx, schedule=schedule, person=person, instead_of=instead_of, layer=layer, begin=start, end=stop, reason=reason,
                actor=acting(actor), now=now,
            )
        )  # fmt: skip
    say = settings.language
    facts = {"id": made, "schedule": schedule, "person": person, "begin": start, "end": stop}
    named = {"instead_of": instead_of or text("people.anybody", say)}
    _told("override_made", facts | {"instead_of": instead_of}, facts | named, one.tz, output, say)


@app.command()
def leave(
    person: Annotated[str, typer.Option("--person", help="Who is away.")],
    begin: Begin,
    end: End,
    reason: Reason = "",
    actor: Actor = None,
    data_dir: DataDir = None,
    output: OutputOption = Output.TABLE,
) -> None:
    """Somebody is away: the next of each rotation stands in. Times are of the person's own time zone.

    Example: citybrain duty leave --person zhang-wei --from 2026-07-01T00:00 --to 2026-07-15T00:00 --reason holiday
    """
    settings, people, now = open_people(data_dir)
    if person not in people.people:
        raise NotFound(f"no person {person!r}; there are: {', '.join(sorted(people.people)) or 'none'}")
    tz = ZoneInfo(people.people[person].timezone)
    start, stop = when(begin, tz, now, "--from"), when(end, tz, now, "--to")
    with open_db(settings) as db:
        made = db.attempt(
            lambda tx: roster.add_leave(tx, person=person, begin=start, end=stop, reason=reason, actor=acting(actor), now=now)
        )
    facts = {"id": made, "person": person, "begin": start, "end": stop}
    _told("leave_made", facts, facts, tz, output, settings.language)


@app.command()
def withdraw(
    entry: Annotated[str, typer.Argument(help="Id of an override or a leave.")],
    actor: Actor = None,
    data_dir: DataDir = None,
    output: OutputOption = Output.TABLE,
) -> None:
    """An override or a leave shall not count any more; it stays for the record.

    Example: citybrain duty withdraw 6f2f5b0e-93a4-5a0c-8f0e-0c17b4a1d0e5
    """
    settings, _, now = open_people(data_dir)
    with open_db(settings) as db:
        db.attempt(lambda tx: roster.withdraw(tx, entry, actor=acting(actor), now=now))
    _told("withdrawn", {"id": entry}, {"id": entry}, UTC, output, settings.language)


@app.command("list")
def list_entries(data_dir: DataDir = None, output: OutputOption = Output.TABLE) -> None:
    """Overrides and leave that count now or later, with their ids.

    Example: citybrain duty list
    """
    settings, people, now = open_people(data_dir)
    rows = entries.listed(people, now)
    columns = ("id", "kind", "schedule", "person", "instead_of", "from", "to", "reason")
    emit(rows, output, columns=columns, language=settings.language)


def _show(rows: Sequence[dict[str, Any]], columns: Sequence[str], output: Output, say: str) -> None:
    if output is Output.JSON:
        emit(rows, output)
        return
    shown = [{**row, "person": row["person"] or text("people.nobody", say)} for row in rows]
    emit(
        [{**row, "reason": code_text("people.reason_", row["reason"], say)} for row in shown],
        output,
        columns=columns,
        language=say,
    )


def _told(key: str, facts: dict[str, Any], values: dict[str, Any], tz: Any, output: Output, say: str) -> None:
    if output is Output.JSON:
        emit_one(facts, output)
        return
    shown = {name: value.astimezone(tz).strftime("%Y-%m-%d %H:%M %Z") if isinstance(value, datetime) else value
             for name, value in values.items()}  # fmt: skip
    typer.echo(text(f"people.{key}", say, **shown))
