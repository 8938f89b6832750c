"""`citybrain score`: figures by published formulas, from the ledger or from an export of it."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, NamedTuple
from zoneinfo import ZoneInfo

import typer

from citybrain import clock
from citybrain.cli.common import DataDir, Output, OutputOption, emit, emit_one, get_settings, open_db, run_clock
from citybrain.cli.export import From, To, times
from citybrain.cli.moments import Zone
from citybrain.config import Settings
from citybrain.store import ledger as store
from citybrain.text import text
from dispatch.arithmetic import duration
from dispatch.bundle import Bundle, span
from dispatch.ledger import entry_of
from dispatch.scores.figures import Figure, Value, score, to_json
from dispatch.scores.gaming import signs
from dispatch.scores.history import CaseHistory, histories
from dispatch.scores.rules import Rules, load_rules


class What(StrEnum):
    """What is asked for."""

    FIGURES = "figures"
    GAMING = "gaming"


class By(StrEnum):
    """Groups of the table."""

    UNIT = "unit"
    DISTRICT = "district"
    FILING_ITEM = "filing_item"
    MONTH = "month"


class Told(NamedTuple):
    """The histories that figures are made of."""

    cases: list[CaseHistory]
    asof: datetime
    zone: ZoneInfo
    begin: datetime | None = None
    end: datetime | None = None
    """the span of an export"""


def register(root: typer.Typer) -> None:
    """Add the command."""

    @root.command("score")
    def score_(
        what: Annotated[
            What, typer.Argument(help="figures, or gaming: signs that figures are made instead of repairs.")
        ] = What.FIGURES,
        export: Annotated[
            Path | None, typer.Option("--export", help="From this export alone, without a database.", show_default=False)
        ] = None,
        begin: From = None,
        end: To = None,
        by: Annotated[By | None, typer.Option("--by", help="One line for each group.", show_default=False)] = None,
        rules: Annotated[
            Path | None, typer.Option("--rules", help="Formulas in place of the shipped ones.", show_default=False)
        ] = None,
        zone: Zone = "",
        data_dir: DataDir = None,
        output: OutputOption = Output.TABLE,
    ) -> None:
        """Recompute every figure by the published formulas; the same from the database and from an export.

        Example: citybrain score --export june --by unit
        """
        settings = get_settings(data_dir)
        book = load_rules(rules or settings.scores)
        first, last = times(begin, end, zone)
        told = _of_export(export, book) if export else _of_database(settings, book, first, last)
        first, last = first or told.begin, last or told.end
        here = ZoneInfo(zone) if zone else told.zone
        if what is What.GAMING:
            _gaming(told, book, first, last, output, settings.language)
            return
        found = score(told.cases, book, asof=told.asof, begin=first, end=last, zone=here)
        if output is Output.JSON:
            emit_one(to_json(found), output)
            return
        names = {index.id: index.zh if settings.language == "zh" else index.en for index in book.indices}
        emit(list(_lines(found.figures, names, by, settings.language)), output, language=settings.language)
        left = ", ".join(f"{name} {n}" for name, n in found.excluded.items() if n) or text("ledger.none", settings.language)
        typer.echo(text("ledger.scored", settings.language, cases=found.cases, rules=found.rules, left=left))


def _of_export(folder: Path, rules: Rules) -> Told:
    bundle = Bundle(folder)
    cases = histories(bundle.entries(), rules.numbers.alike_days.value)
    said = bundle.manifest
    begin, end = (datetime.fromisoformat(at) if at else None for at in (said.begin, said.end))
    return Told(cases, said.asof, ZoneInfo(said.zone), begin, end)


def _of_database(settings: Settings, rules: Rules, begin: datetime | None, end: datetime | None) -> Told:
    with open_db(settings) as db, db.transaction() as tx:
        store.still(tx)
        entries = (entry_of(row) for row in store.stream(tx, *span(begin, end)))
        cases = histories(entries, rules.numbers.alike_days.value)
        zone = ZoneInfo(store.zone(tx))
    return Told(cases, clock.parse(run_clock(settings)).now(), zone)


def _gaming(told: Told, rules: Rules, begin: datetime | None, end: datetime | None, output: Output, language: str) -> None:
    found = signs(told.cases, rules, asof=told.asof, begin=begin, end=end)
    if output is Output.JSON:
        emit([one._asdict() for one in found], output)
        return
    if not found:
        typer.echo(text("ledger.no_sign", language))
        return
    rows = [
        {
            "unit": one.unit,
            "reason": text(f"ledger.sign_{one.reason}", language),
            "n": f"{one.n} / {one.of}",
            "expected": f"{one.expected:.1%}",
            "chance": f"{one.p:.1e}",
            "orders": ", ".join(one.orders),
        }
        for one in found
    ]
    emit(rows, output, language=language)


def _lines(figures: Iterable[Figure], names: dict[str, str], by: By | None, language: str) -> Iterable[dict[str, Any]]:
    for figure in figures:
        if by is None:
            worst = figure.worst["unit"]
            beside = figure.groups["unit"][worst] if worst else None
            spread = figure.spread
            yield {
                "figure": names[figure.id],
                "value": _shown(figure, figure.whole, language),
                "n": f"{figure.whole.n} / {figure.whole.of}",
                "p50": _number(figure, spread.p50, language) if spread else "",
                "p90": _number(figure, spread.p90, language) if spread else "",
                "p95": _number(figure, spread.p95, language) if spread else "",
                "worst": _number(figure, spread.worst, language) if spread else "",
                "worst_unit": f"{worst}: {_shown(figure, beside, language)}" if beside else "",
            }
            continue
        for name, value in figure.groups[by.value].items():
            yield {
                "figure": names[figure.id], by.value: name, "value": _shown(figure, value, language),
                "n": f"{value.n} / {value.of}",
            }  # fmt: skip


def _shown(figure: Figure, value: Value, language: str) -> str:
    return "" if value.value is None else _number(figure, value.value, language)


def _number(figure: Figure, value: float, language: str) -> str:
    if figure.kind == "rate":
        return f"{value:.1%}"
    if figure.kind == "count":
        return f"{value:g}"
    return duration(timedelta(seconds=round(value)), language)
