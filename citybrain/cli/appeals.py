"""`citybrain orders appeal`: an overdue order that shall not be held against its unit."""

from __future__ import annotations

from typing import Annotated

import typer

from citybrain import clock
from citybrain.cli.common import Actor, DataDir, Output, OutputOption, acting, emit_one, get_settings, open_db, run_clock
from citybrain.cli.orders import app
from citybrain.kernel.errors import InputError
from citybrain.store import views
from citybrain.text import text
from dispatch import appeals


@app.command()
def appeal(
    order: Annotated[str, typer.Argument(help="Number or id of a work order.", metavar="ORDER")],
    reason: Annotated[str, typer.Option("--reason", help="Why; of the appeal, or of the answer.")] = "",
    approve: Annotated[bool, typer.Option("--approve", help="Grant the appeal that was asked for.")] = False,
    refuse: Annotated[bool, typer.Option("--refuse", help="Refuse it.")] = False,
    actor: Actor = None,
    data_dir: DataDir = None,
    output: OutputOption = Output.TABLE,
) -> None:
    """Ask that an overdue order does not count in scores (申诉), or answer such an appeal. Everything stays in the ledger.

    Example: citybrain orders appeal 17 --actor "drainage desk" --reason "the road was closed by the police"
    """
    if approve and refuse:
        raise InputError("--approve and --refuse: one of them")
    event = "approve" if approve else "refuse" if refuse else "ask"
    settings = get_settings(data_dir)
    now = clock.parse(run_clock(settings)).now()
    with open_db(settings) as db:
        with db.transaction() as tx:
            order_id = str(views.order_id(tx, order))
        who = acting(actor)
        done = db.attempt(lambda tx: appeals.appeal(tx, order_id, event, actor=who, reason=reason, now=now))
    if output is Output.JSON:
        emit_one(done._asdict(), output)
    else:
        typer.echo(text(f"ledger.appeal_{done.appeal}", settings.language, number=done.number))
