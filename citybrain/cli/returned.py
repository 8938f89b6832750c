"""`citybrain orders arbitrate, accuracy`: what becomes of orders that were given back."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated

import typer

from citybrain import clock
from citybrain.cli.common import Actor, DataDir, Output, OutputOption, acting, emit, emit_one, get_settings, open_db, run_clock
from citybrain.cli.orders import Name, app
from citybrain.cli.shapes import conditions
from citybrain.store import register as register_store
from citybrain.store import returns, views
from citybrain.text import text
from dispatch import arbitration
from dispatch.books import load_books
from dispatch.opening import Lookups
from dispatch.returns import MISDIRECTED

__all__ = ["app"]


@app.command()
def arbitrate(
    order: Name,
    unit: Annotated[str, typer.Option("--unit", help="Who repairs; also one that gave it back, which cannot do so again.")],
    reason: Annotated[str, typer.Option("--reason", help="Why, for the ledger.")],
    actor: Actor = None,
    data_dir: DataDir = None,
    output: OutputOption = Output.TABLE,
) -> None:
    """Decide who repairs what was given back: the word of the district's arbiter, or of a dispatcher.

    Example: citybrain orders arbitrate 17 --unit drainage --reason "storm drains are theirs since 2024"
    """
    settings = get_settings(data_dir)
    now = clock.parse(run_clock(settings)).now()
    infos = conditions(settings)
    books = load_books(settings)
    with open_db(settings) as db:
        with db.transaction() as tx:
            order_id = views.order_id(tx, order)
            register = register_store.load_rules(tx)
            asset = views.order(tx, order_id)["asset"]
            register.assets = register_store.assets_by_id(tx, [asset])
            register.ownerships = dict(register_store.ownerships_of(tx, [asset]))
        look = Lookups(infos, register, books)
        who = acting(actor)
        moved = db.attempt(lambda tx: arbitration.decide(tx, look, str(order_id), unit, actor=who, reason=reason, now=now))
    if output is Output.JSON:
        emit_one({**moved._asdict(), "unit": unit}, output)
        return
    say = settings.language
    before, after = (text(f"console.state_{state}", say) for state in (moved.from_state, moved.state))
    typer.echo(text("orders.arbitrated", say, number=moved.number, before=before, after=after, unit=unit))


@app.command()
def accuracy(
    since: Annotated[
        datetime | None, typer.Option(help="Only orders dispatched from then on (UTC).", show_default=False)
    ] = None,
    until: Annotated[
        datetime | None, typer.Option(help="Only orders dispatched before then (UTC).", show_default=False)
    ] = None,
    data_dir: DataDir = None,
    output: OutputOption = Output.TABLE,
) -> None:
    """First-dispatch accuracy: of the orders that a unit got first, the share that it did not give back as not its own.

    Example: citybrain orders accuracy --since 2026-06-01
    """
    settings = get_settings(data_dir)
    first, last = (moment.replace(tzinfo=UTC) if moment else None for moment in (since, until))
    with open_db(settings) as db, db.transaction() as tx:
        found = returns.accuracy(tx, MISDIRECTED, since=first, until=last)
    rows = [{**one._asdict(), "share": one.share} for one in found]
    if output is Output.JSON:
        emit(rows, output)
        return
    say = settings.language
    shown = [{**row, "share": f"{row['share']:.1%}"} for row in rows]
    if shown:
        emit(shown, output, columns=("unit", "orders", "misdirected", "share"), language=say)
    total, wrong = sum(one.orders for one in found), sum(one.misdirected for one in found)
    key = "orders.accuracy" if total else "orders.accuracy_none"
    typer.echo(text(key, say, share=f"{1 - wrong / max(total, 1):.1%}", kept=total - wrong, orders=total))
