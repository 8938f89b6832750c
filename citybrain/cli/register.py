"""`citybrain register`: what returned orders say about the register, and whether it is believed."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from citybrain import clock
from citybrain.cli.common import Actor, DataDir, Output, OutputOption, acting, emit, emit_one, get_settings, open_db, run_clock
from citybrain.kernel.errors import InputError
from citybrain.store import returns
from citybrain.text import code_text, text
from dispatch import proposals as desk

app = typer.Typer(
    help="The register: proposals to change it.\n\nExample: citybrain register proposals list",
    no_args_is_help=True,
    rich_markup_mode=None,
)
proposals = typer.Typer(
    help="Changes of owners that orders ask for: a unit gave one back, an arbiter named another, or another one repaired.",
    no_args_is_help=True,
    rich_markup_mode=None,
)
app.add_typer(proposals, name="proposals")

Number = Annotated[int, typer.Argument(help="Number of a proposal.", metavar="PROPOSAL")]


@proposals.command("list")
def list_proposals(
    state: Annotated[str | None, typer.Option(help=f"Only in this state: {', '.join(desk.STATES)}.")] = "offered",
    everything: Annotated[bool, typer.Option("--all", help="Decided ones too.")] = False,
    limit: Annotated[int, typer.Option(help="At most so many.", min=1, max=10000)] = 100,
    data_dir: DataDir = None,
    output: OutputOption = Output.TABLE,
) -> None:
    """List proposals, newest first.

    Example: citybrain register proposals list --all
    """
    if state not in {None, *desk.STATES}:
        raise InputError(f"--state {state!r}: one of {', '.join(desk.STATES)}")
    settings = get_settings(data_dir)
    with open_db(settings) as db, db.transaction() as tx:
        rows = returns.proposals(tx, state=None if everything else state, limit=limit)
    say = settings.language
    shown = rows
    if output is Output.TABLE:
        shown = [
            {
                **row,
                "evidence": code_text("routes.evidence_", row["evidence"], say),
                "state": code_text("routes.proposal_", row["state"], say),
            }
            for row in rows
        ]
    emit(
        shown, output, columns=("number", "asset", "from_unit", "to_unit", "evidence", "state", "offered_at", "decided_by"),
        language=say,
    )  # fmt: skip


@proposals.command()
def accept(
    proposal: Number,
    source: Annotated[
        str, typer.Option("--source", help="The by-law or contract that says so; the trail of orders names it.")
    ] = "",
    actor: Actor = None,
    data_dir: DataDir = None,
    output: OutputOption = Output.TABLE,
) -> None:
    """Accept: from today on the asset belongs to the proposed unit. Programs that run take it over within a second.

    Example: citybrain register proposals accept 3 --source "contract LT-2026-07, appendix 2"
    """
    _decide(proposal, "accepted", source, actor, data_dir, output)


@proposals.command()
def refuse(
    proposal: Number,
    reason: Annotated[str, typer.Option("--reason", help="Why.")] = "",
    actor: Actor = None,
    data_dir: DataDir = None,
    output: OutputOption = Output.TABLE,
) -> None:
    """Refuse: the register stays as it is.

    Example: citybrain register proposals refuse 3 --reason "the arbiter was wrong"
    """
    _decide(proposal, "refused", reason, actor, data_dir, output)


def _decide(number: int, state: str, words: str, actor: str | None, data_dir: Any, output: Output) -> None:
    settings = get_settings(data_dir)
    now = clock.parse(run_clock(settings)).now()
    with open_db(settings) as db:
        row = db.attempt(lambda tx: desk.decide(tx, number, state, actor=acting(actor), words=words, now=now))
    if output is Output.JSON:
        emit_one(row, output)
        return
    say = settings.language
    typer.echo(text(f"routes.{state}", say, number=number, asset=row["asset"], unit=row["to_unit"]))
