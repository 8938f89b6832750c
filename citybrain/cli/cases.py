"""`citybrain cases`: what belongs to one cause, merged and split by people."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, TypeVar
from uuid import UUID

import typer

from citybrain.cli.changing import change
from citybrain.cli.common import Actor, DataDir, Output, OutputOption, acting, emit, emit_one, get_settings, open_db
from citybrain.config import Settings
from citybrain.kernel.errors import NotFound
from citybrain.store import views
from citybrain.store.db import Tx
from citybrain.text import code_text, text
from dispatch.merging import merge as merge_cases
from dispatch.merging import split as split_case
from dispatch.opening import Lookups

app = typer.Typer(
    help="Cases: all that has one cause. List, show, merge, split.\n\nExample: citybrain cases list",
    no_args_is_help=True,
    rich_markup_mode=None,
)

T = TypeVar("T")
Name = Annotated[str, typer.Argument(help="Id of a case, or number or id of its order.", metavar="CASE")]
Reason = Annotated[str, typer.Option("--reason", help="Why.")]
_STATES = ("gathering", "open", "closed")
_LISTED = ("id", "asset", "cause", "condition", "severity", "state", "opened_at", "children", "outcome")
_MEMBER = ("asset", "condition", "phase", "onset_at", "reason")


@app.command("list")
def list_cases(
    state: Annotated[str | None, typer.Option(help=f"Only in this state: {', '.join(_STATES)}.")] = "open",
    asset: Annotated[str | None, typer.Option(help="Only of this asset.")] = None,
    limit: Annotated[int, typer.Option(help="At most so many.", min=1, max=10000)] = 100,
    data_dir: DataDir = None,
    output: OutputOption = Output.TABLE,
) -> None:
    """List open cases (or those of another state), newest first.

    Example: citybrain cases list --state closed
    """
    settings = get_settings(data_dir)
    with open_db(settings) as db, db.transaction() as tx:
        rows = views.cases(tx, limit=limit, state=state, asset=asset)
    emit([_worded(row, settings) for row in rows] if output is not Output.JSON else rows, output, columns=_LISTED,
         language=settings.language)  # fmt: skip


@app.command()
def show(case: Name, data_dir: DataDir = None, output: OutputOption = Output.TABLE) -> None:
    """Show one case: the faults that it holds, and its order.

    Example: citybrain cases show 17
    """
    settings = get_settings(data_dir)
    with open_db(settings) as db, db.transaction() as tx:
        row = views.case(tx, UUID(case_id(tx, case)))
    if output is Output.JSON:
        emit_one(row, output)
        return
    emit([_worded(row, settings)], output, columns=_LISTED, language=settings.language)
    typer.echo(f"\n{text('cases.faults', settings.language)}")
    emit(row["alerts"], output, columns=_MEMBER, language=settings.language)


@app.command()
def merge(
    case: Name,
    others: Annotated[list[str], typer.Argument(help="The cases that are taken up by the first one.", metavar="OTHER...")],
    actor: Actor = None,
    reason: Reason = "",
    data_dir: DataDir = None,
    output: OutputOption = Output.TABLE,
) -> None:
    """Merge cases: one hole that was told twice. The orders of the others end; what goes on is due when the first of them was.

    Example: citybrain cases merge 17 18 19 --actor "duty officer" --reason "the same pit, seen by three sensors"
    """

    def work(tx: Tx, look: Lookups, now: Any) -> Mapping[str, Any]:
        names = [case_id(tx, one) for one in others]
        return merge_cases(tx, case_id(tx, case), names, actor=acting(actor), reason=reason, look=look, now=now)._asdict()

    done, settings = change(data_dir, work)
    if output is Output.JSON:
        emit_one(done, output)
    else:
        typer.echo(text("cases.merged", settings.language, n=len(done["cases"]), orders=len(done["orders"])))


@app.command()
def split(
    case: Name,
    assets: Annotated[list[str], typer.Argument(help="Assets whose faults get cases of their own.", metavar="ASSET...")],
    actor: Actor = None,
    reason: Reason = "",
    data_dir: DataDir = None,
    output: OutputOption = Output.TABLE,
) -> None:
    """Split a case: some of its faults have another cause. Each asset gets a case and an order of its own.

    Example: citybrain cases split 17 SL-0042 --actor "duty officer" --reason "its own fuse"
    """

    def work(tx: Tx, look: Lookups, now: Any) -> Mapping[str, Any]:
        done = split_case(tx, case_id(tx, case), assets, actor=acting(actor), reason=reason, look=look, now=now)
        return {**done._asdict(), "orders": [order.order_id for order in done.orders]}

    done, settings = change(data_dir, work)
    if output is Output.JSON:
        emit_one(done, output)
    else:
        typer.echo(text("cases.split", settings.language, n=len(done["cases"]), orders=len(done["orders"])))


def case_id(tx: Tx, name: str) -> str:
    """The id of a case from its own id, or from the number or id of its order. Raises NotFound."""
    try:
        return str(views.order(tx, views.order_id(tx, name))["case_id"])
    except NotFound:
        pass
    try:
        return str(views.case(tx, UUID(name))["id"])
    except (ValueError, NotFound):
        raise NotFound(f"no case {name!r}: give the id of a case, or the number or id of its order") from None


def _worded(row: Mapping[str, Any], settings: Settings) -> Mapping[str, Any]:
    outcome = code_text("orders.outcome_", row["outcome"], settings.language) if row["outcome"] else ""
    return {**row, "outcome": outcome}
