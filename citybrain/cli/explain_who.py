"""`citybrain explain who`: who is told of an order, step by step."""

from __future__ import annotations

from typing import Annotated

import typer

from citybrain import clock
from citybrain.cli.common import DataDir, Output, OutputOption, emit, emit_one, get_settings, open_db, run_clock
from citybrain.store import views
from citybrain.text import code_text, text
from dispatch.people.explain import explain


def who(
    order: Annotated[str, typer.Argument(help="Id or number of a work order.")],
    data_dir: DataDir = None,
    output: OutputOption = Output.TABLE,
) -> None:
    """Who is told of a work order: its policy, how far it has come, and whom each step reaches now, and why.

    Example: citybrain explain who 17
    """
    settings = get_settings(data_dir)
    now = clock.parse(run_clock(settings)).now()
    with open_db(settings) as db, db.transaction() as tx:
        found = explain(tx, str(views.order_id(tx, order)), now)
    if output is Output.JSON:
        emit_one(found, output)
        return
    say, progress = settings.language, found["progress"]
    if found["policy"] is None:
        typer.echo(text("people.no_policy", say))
    else:
        typer.echo(text("people.policy", say, policy=found["policy"], unit=found["unit"], severity=found["severity"]))
    if progress is not None:
        over = progress["ended"]
        # an escalation ends with the state of its order, or for a reason of its own
        why = code_text("people.reason_", over, say)
        why = code_text("console.state_", over, say) if why == over else why
        ended = text("people.ended", say, reason=why) if over else text("people.running", say)
        step = "-" if progress["step"] is None else progress["step"] + 1
        began = progress["began_at"].isoformat(sep=" ", timespec="minutes")
        typer.echo(text("people.policy_round", say, step=step, round=progress["round"] + 1, began=began, ended=ended))
    typer.echo(f"\n{text('people.who_now', say)}")
    rows = [
        {
            "step": row["step"] + 1,
            "after_s": row["after_s"],
            "target": row["target"],
            "reaches": ", ".join(row["reaches"]) or text("people.nobody", say),
            "why": code_text("people.reason_", row["reason"], say) if row["reason"] else row["why"],
        }
        for row in found["steps"]
    ]
    emit(rows, output, columns=("step", "after_s", "target", "reaches", "why"), language=say)
