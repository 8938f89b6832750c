"""`citybrain orders`: see work orders and move them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from citybrain import clock
from citybrain.cli.common import (
    Actor,
    DataDir,
    Output,
    OutputOption,
    acting,
    complain,
    emit,
    emit_one,
    get_settings,
    open_db,
    run_clock,
)
from citybrain.cli.shapes import view_of
from citybrain.config import Settings
from citybrain.kernel.errors import InputError
from citybrain.store import clocks, outbox, views
from citybrain.text import code_text, text
from console.present import remaining_s
from console.view import SEVERITY, STATE, View, clean, mark, span, time_left, title, unit_name
from dispatch import desk, ledger
from dispatch.cancelling import CODES as CANCEL_CODES
from dispatch.channels import safe_target
from dispatch.orders import FINAL, STATES, allowed
from dispatch.returns import CODES

app = typer.Typer(
    help="Work orders: list, show, and the moves of those who work them.\n\nExample: citybrain orders list --unit drainage",
    no_args_is_help=True,
    rich_markup_mode=None,
)

Name = Annotated[str, typer.Argument(help="Number or id of a work order.", metavar="ORDER")]
Reason = Annotated[str, typer.Option("--reason", help="Why; return and cancel need it.")]


@app.command("list")
def list_orders(
    state: Annotated[str | None, typer.Option(help=f"Only in this state: {', '.join(STATES)}.")] = None,
    unit: Annotated[str | None, typer.Option(help="Only of this unit.")] = None,
    asset: Annotated[str | None, typer.Option(help="Only for this asset.")] = None,
    everything: Annotated[bool, typer.Option("--all", help="Closed and cancelled ones too.")] = False,
    overdue: Annotated[bool, typer.Option("--overdue", help="Only those that fell behind their limit.")] = False,
    limit: Annotated[int, typer.Option(help="At most so many.", min=1, max=10000)] = 100,
    data_dir: DataDir = None,
    output: OutputOption = Output.TABLE,
) -> None:
    """List open work orders (or all), newest first: what, where, which unit, how much time is left.

    Example: citybrain orders list --unit drainage --overdue -o json
    """
    if state is not None and state not in STATES:
        raise InputError(f"--state {state!r}: one of {', '.join(STATES)}")
    settings = get_settings(data_dir)
    now = clock.parse(run_clock(settings)).now()
    only_open = not everything and state not in FINAL
    with open_db(settings) as db, db.transaction() as tx:
        rows = views.orders(tx, limit=limit, state=state, unit=unit, asset=asset, open_only=only_open, overdue=overdue)
        view = view_of(tx, settings, now)
    if output is Output.JSON:
        emit([{**row, "time_left_s": remaining_s(row, now)} for row in rows], output)
        return
    Console().print(_table(rows, view))


def _table(rows: Sequence[Mapping[str, Any]], view: View) -> Table | Text:
    if not rows:
        return Text(text("console.no_orders", view.language), style="dim")
    table = Table(box=None, pad_edge=False, header_style="bold")
    for name in ("order", "where", "what", "unit", "state", "since", "left"):
        table.add_column(text(f"console.head_{name}", view.language), overflow="fold")
    for row in rows:
        children = f" +{row['children']}" if row["children"] else ""
        over = row["state"] in FINAL
        table.add_row(
            mark(SEVERITY, row["severity"], f"#{row['number']}"),
            Text(clean(f"{row['asset']}{children}")),
            Text(clean(title(row, view))),
            Text(clean(unit_name(row, view))),
            mark(STATE, row["state"], text(f"console.state_{row['state']}", view.language)),
            span(view.now - row["dispatched_at"]),
            Text(clean(code_text("orders.outcome_", row["outcome"] or "", view.language)), style="dim")
            if over
            else time_left(row, view),
        )
    return table


@app.command()
def show(order: Name, data_dir: DataDir = None, output: OutputOption = Output.TABLE) -> None:
    """Show one work order: its history, why this unit, how the limit was counted, and who was told.

    Example: citybrain orders show 17
    """
    settings = get_settings(data_dir)
    now = clock.parse(run_clock(settings)).now()
    with open_db(settings) as db, db.transaction() as tx:
        row = views.order(tx, views.order_id(tx, order))
        told = outbox.deliveries_of(tx, str(row["id"]))
        both = clocks.of_order(tx, str(row["id"]))
        closing = clocks.closing(tx, str(row["id"]))
        view = view_of(tx, settings, now)
    # a webhook's URL may hold a key
    deliveries = [{**one, "target": safe_target(one["target"])} for one in told]
    if output is Output.JSON:
        more = {"time_left_s": remaining_s(row, now), "deliveries": deliveries, "clocks": both, **closing}
        emit_one({**row, **more}, output)
        return
    Console().print(_table([row], view))
    say = view.language
    typer.echo(f"\n{text('orders.limit', say)}")
    for step in row["explanation"]:
        typer.echo(f"  {clean(step)}")
    for one in both:
        state = text(f"orders.clock_state_{one['state']}", say)
        due_at = one["due_at"].isoformat(timespec="minutes")
        typer.echo(text("orders.clock_line", say, clock=text(f"deadlines.{one['clock']}", say), state=state, due=due_at))
    typer.echo(text("orders.closed_when", say, what=clean(closing[f"close_{say}"])))
    for line in closing["checklist"]:
        typer.echo(f"  [{'x' if line.get('done') else ' '}] {line['id']}: {clean(line[say])}{' *' if line['required'] else ''}")
    if row["trace"]:
        typer.echo(f"\n{text('orders.trace', say, trace=row['trace'])}")
    typer.echo(f"\n{text('orders.moves', say)}")
    moved = [
        {
            **event,
            "event": code_text("console.event_", event["event"], say),
            "to_state": code_text("console.state_", event["to_state"], say),
            "reason": code_text("orders.reason_", event["reason"], say),
        }
        for event in row["events"]
    ]
    emit(moved, output, columns=("at", "event", "to_state", "actor", "reason", "detail"), language=say)
    if deliveries:
        typer.echo(f"\n{text('orders.told', say)}")
        emit(deliveries, output, columns=("at", "purpose", "channel", "target", "ok", "reason"), language=say)
    moves = ", ".join(allowed(row["state"])) or text("orders.nothing", say)
    typer.echo(f"\n{text('orders.next', say, moves=moves)}")


@app.command()
def ack(
    order: Name, actor: Actor = None, reason: Reason = "", data_dir: DataDir = None, output: OutputOption = Output.TABLE
) -> None:
    """The unit takes the order.

    Example: citybrain orders ack 17 --actor "crew 7"
    """
    _move(order, "ack", actor, reason, data_dir, output)


@app.command()
def arrive(
    order: Name, actor: Actor = None, reason: Reason = "", data_dir: DataDir = None, output: OutputOption = Output.TABLE
) -> None:
    """The crew is on site.

    Example: citybrain orders arrive 17 --actor "crew 7"
    """
    _move(order, "arrive", actor, reason, data_dir, output)


@app.command()
def fix(
    order: Name,
    actor: Actor = None,
    reason: Reason = "",
    done: Annotated[
        list[str] | None, typer.Option("--done", help="A line of the closing checklist that is done; again for each.")
    ] = None,
    data_dir: DataDir = None,
    output: OutputOption = Output.TABLE,
) -> None:
    """The crew says that it is fixed; the sensor has the last word.

    Example: citybrain orders fix 17 --actor "crew 7" --reason "new cover set" --done seated --done road_clear
    """
    _move(order, "fix", actor, reason, data_dir, output, checklist=tuple(done or ()))


@app.command("return")
def give_back(
    order: Name,
    actor: Actor = None,
    reason: Reason = "",
    code: Annotated[str, typer.Option("--code", help=f"Why, one of {', '.join(CODES)}; none: other.")] = "",
    evidence: Annotated[str, typer.Option("--evidence", help="A photograph, a document, a link.")] = "",
    data_dir: DataDir = None,
    output: OutputOption = Output.TABLE,
) -> None:
    """The unit gives the order back, with a reason code and words; the next unit gets it. The second time the district decides.

    Example: citybrain orders return 17 --code not_ours --reason "belongs to the water company" --evidence photo-221
    """
    _move(order, "return", actor, reason, data_dir, output, code=code, evidence=evidence)


@app.command()
def cancel(
    order: Name,
    actor: Actor = None,
    reason: Reason = "",
    code: Annotated[str, typer.Option("--code", help=f"Why, one of {', '.join(CANCEL_CODES)}; none: other.")] = "",
    data_dir: DataDir = None,
    output: OutputOption = Output.TABLE,
) -> None:
    """Cancel the order, with a reason code and words. What still fires opens no new order before it was good once.

    Example: citybrain orders cancel 17 --actor "duty officer" --code false_alarm --reason "cobweb over the sensor"
    """
    _move(order, "cancel", actor, reason, data_dir, output, code=code)


def _move(order: str, event: str, actor: str | None, reason: str, data_dir: Any, output: Output, **more: Any) -> None:
    settings = get_settings(data_dir)
    now = clock.parse(run_clock(settings)).now()
    with open_db(settings) as db:
        with db.transaction() as tx:
            order_id = str(views.order_id(tx, order))
        who = acting(actor)
        moved = db.attempt(lambda tx: desk.act(tx, order_id, event, actor=who, reason=reason, now=now, **more))
    print_moved(moved, settings, output)


def print_moved(moved: desk.Moved, settings: Settings, output: Output) -> None:
    """Say what a move did."""
    if output is Output.JSON:
        emit_one(moved._asdict(), output)
        return
    say, key = settings.language, "moved" if moved.changed else "moved_before"
    before, after = (text(f"console.state_{state}", say) for state in (moved.from_state, moved.state))
    typer.echo(text(f"orders.{key}", say, number=moved.number, before=before, after=after))


@app.command()
def verify(
    order: Annotated[str | None, typer.Argument(help="Number or id of a work order; none: all.", show_default=False)] = None,
    data_dir: DataDir = None,
    output: OutputOption = Output.TABLE,
) -> None:
    """Check the hash chain of one order, or of all: was anything changed, dropped or slipped in? Exit code 1 if so.

    Example: citybrain orders verify
    """
    settings = get_settings(data_dir)
    with open_db(settings) as db, db.transaction() as tx:
        order_id = str(views.order_id(tx, order)) if order else None
        events = ledger.read(tx, order_id)
        states = ledger.states(tx, order_id)
    faults = ledger.verify(events, states)
    if output is Output.JSON:
        emit([fault._asdict() for fault in faults], output)
    elif faults:
        emit(
            [fault._asdict() for fault in faults],
            output,
            columns=("order_id", "entry", "reason", "detail"),
            language=settings.language,
        )
    else:
        typer.echo(text("orders.intact", settings.language, orders=len(states), events=len(events)))
    if faults:
        complain(text("orders.broken", settings.language, n=len(faults)))
        raise typer.Exit(1)
