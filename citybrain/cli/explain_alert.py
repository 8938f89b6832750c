"""`citybrain explain alert`: the whole way of one alert, from the readings to who was told."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Annotated, Any
from uuid import UUID

import typer

from citybrain import clock
from citybrain.cli.common import DataDir, Output, OutputOption, emit, emit_one, get_settings, open_db, run_clock
from citybrain.cli.quieting import left
from citybrain.cli.shapes import conditions
from citybrain.kernel.conditions import ConditionInfo
from citybrain.kernel.contacts import safe
from citybrain.kernel.errors import InputError
from citybrain.kernel.times import from_ms
from citybrain.store import clocks, outbox, silences, views
from citybrain.store.db import Row, Tx
from citybrain.text import code_text, text
from console.silenced import with_silences
from console.view import clean, span
from dispatch.orders import FINAL

Answer = dict[str, Any]
Infos = Mapping[str, ConditionInfo]


def alert(
    alert: Annotated[str, typer.Argument(help="Id of an alert (see alerts list -o json).")],
    data_dir: DataDir = None,
    output: OutputOption = Output.TABLE,
) -> None:
    """The whole way of one alert: which rule and readings raised it, where it was grouped, what mutes it, its order and
    clocks, and who was told what and when.

    Example: citybrain explain alert 0b9f5a0e-6c1e-5d6f-8a53-1f0a8b1c2d3e
    """
    try:
        alert_id = UUID(alert)
    except ValueError:
        raise InputError(f"{alert!r} is no id of an alert: 'citybrain alerts list -o json' shows them") from None
    settings = get_settings(data_dir)
    infos = conditions(settings)
    now = clock.parse(run_clock(settings)).now()
    with open_db(settings) as db, db.transaction() as tx:
        found = explain(tx, alert_id, infos, now)
    if output is Output.JSON:
        emit_one(found, output)
    else:
        _tell(found, infos, now, settings.language)


def explain(tx: Tx, alert_id: UUID, infos: Infos, now: datetime) -> Answer:
    """What is known of an alert: `raised`, `readings`, `changes`, `case`, `muted`, `orders` and `told`. Raises NotFound."""
    (row,) = with_silences(tx, [views.alert(tx, alert_id)], infos, now)
    events = row["events"]
    case = views.case(tx, row["case_id"]) if row["case_id"] else None
    raised = ("id", "asset", "kind", "condition", "severity", "phase", "onset_at", "end_at", "raised_at", "reason", "detail")
    grouped = [event for event in events if event["change"] == "grouped"]
    return {
        "raised": {key: row[key] for key in raised} | {"rulebook": row["rulebook"], "past": row["past"]},
        "readings": [{"observed_at": from_ms(at), "measure": name, "value": value} for at, name, value in row["evidence"]],
        "changes": [{key: event[key] for key in ("at", "change", "reason", "detail")} for event in events],
        "case": _case(case, row, grouped[-1] if grouped else None),
        "muted": _muted(tx, row, case),
        "orders": [_order(tx, order, now) for order in case["orders"]] if case else [],
        "told": [{**one, "target": safe(one["target"])} for one in outbox.told_about_case(tx, str(case["id"]))] if case else [],
    }


def _case(case: Row | None, row: Row, grouped: Row | None) -> Answer | None:
    """Where it belongs, and why."""
    if case is None:
        return None
    why = grouped["reason"] if grouped else "own_case" if case["asset"] == row["asset"] else "joined"
    keys = ("id", "asset", "cause", "condition", "severity", "state", "children", "opened_at", "closed_at", "outcome")
    return {key: case[key] for key in keys} | {"why": why}


def _muted(tx: Tx, row: Row, case: Row | None) -> Answer:
    """What silences its key now, what mutes its case, and what muted it before."""
    mute = silences.mutes(tx, [str(case["id"])]).get(str(case["id"])) if case else None
    keys = ("number", "sort", "author", "reason", "since", "ends_at")
    return {
        "now": row["silenced_by"],
        "case": {key: mute[key] for key in keys} if mute else None,
        "before": [
            {"at": event["at"], "by": event["detail"], "sort": event["reason"]}
            for event in row["events"]
            if event["change"] == "muted"
        ],
    }


def _order(tx: Tx, order: Row, now: datetime) -> Answer:
    """An order with its clocks."""
    over = order["state"] in FINAL
    running = [
        {
            "clock": one["clock"],
            "state": one["state"],
            "due_at": one["due_at"],
            "left_s": None if over else (one["due_at"] - now).total_seconds(),
        }
        for one in clocks.of_order(tx, str(order["id"]))
    ]
    keys = ("id", "number", "unit", "state", "filing_item", "reason", "dispatched_at", "due_at", "overdue_at", "closed_at")
    return {key: order[key] for key in keys} | {"clocks": running}


def _tell(found: Answer, infos: Infos, now: datetime, say: str) -> None:
    raised, case = found["raised"], found["case"]
    info = infos.get(raised["condition"])
    head = {
        "condition": f"{raised['condition']} {info.title(say) if info else ''}".strip(),
        "asset": raised["asset"],
        "severity": code_text("console.severity_", raised["severity"], say),
        "phase": code_text("console.phase_", raised["phase"], say),
        "since": raised["onset_at"],
        "why": raised["detail"] if say == "en" and raised["detail"] else code_text("reasons.", raised["reason"], say),
        "rulebook": raised["rulebook"],
    }
    _part("why_raised", say)
    emit_one(head, Output.TABLE, language=say)
    emit(found["readings"], Output.TABLE, columns=("observed_at", "measure", "value"), language=say)
    _part("why_grouped", say)
    if case is None:
        typer.echo(f"  {text('quiet.no_case', say)}")
    else:
        typer.echo(f"  {_grouped(case, raised, say)}")
    _part("why_muted", say)
    for line in _mutes(found["muted"], now, say) or [text("quiet.not_muted", say)]:
        typer.echo(f"  {clean(line)}")
    _part("why_order", say)
    for order in found["orders"]:
        typer.echo(f"  {clean(_ordered(order, say))}")
    if not found["orders"]:
        typer.echo(f"  {text('quiet.no_order', say)}")
    _part("why_told", say)
    if found["told"]:
        columns = ("at", "purpose", "person", "channel", "target", "outcome", "reason")
        emit(found["told"], Output.TABLE, columns=columns, language=say)
    else:
        typer.echo(f"  {text('quiet.nobody_told', say)}")
    _part("why_changes", say)
    changes = [{**one, "change": code_text("console.change_", one["change"], say)} for one in found["changes"]]
    emit(changes, Output.TABLE, columns=("at", "change", "reason", "detail"), language=say)


def _part(name: str, say: str) -> None:
    typer.echo(f"\n{text(f'quiet.{name}', say)}")


def _grouped(case: Answer, raised: Answer, say: str) -> str:
    why = code_text("quiet.case_", case["why"], say)
    why = code_text("orders.reason_", case["why"], say) if why == case["why"] else why
    where = "own" if case["asset"] == raised["asset"] else "other"
    state = text(f"quiet.case_state_{case['state']}", say)
    return clean(text(f"quiet.in_{where}", say, asset=case["asset"], why=why, children=case["children"], state=state))


def _mutes(muted: Answer, now: datetime, say: str) -> list[str]:
    lines = []
    standing: list[Answer] = [one for one in (muted["now"], muted["case"]) if one is not None]
    for one in {row["number"]: row for row in standing}.values():
        sort = code_text("quiet.sort_", one["sort"], say)
        over = left({"state": "active", "begins_at": now, "ends_at": one["ends_at"]}, now, say)
        lines.append(
            text("quiet.by", say, sort=sort, number=one["number"], author=one["author"], reason=one["reason"], left=over)
        )
    return lines + [text("quiet.was_muted", say, at=f"{one['at']:%Y-%m-%d %H:%M}", by=one["by"]) for one in muted["before"]]


def _ordered(order: Answer, say: str) -> str:
    parts = []
    for one in order["clocks"]:
        left_s = one["left_s"]
        parts.append(
            text(
                "quiet.clock",
                say,
                clock=code_text("quiet.clock_", one["clock"], say),
                due=f"{one['due_at']:%Y-%m-%d %H:%M}",
                left="" if left_s is None else span(timedelta(seconds=left_s)),
            ).rstrip()
        )
    reason = code_text("orders.reason_", order["reason"], say)
    state = text(f"console.state_{order['state']}", say)
    return text(
        "quiet.ordered", say, number=order["number"], unit=order["unit"], state=state, reason=reason, clocks="; ".join(parts)
    )
