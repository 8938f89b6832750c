"""`citybrain forecast`: make forecasts now, list them, explain one, and see on simulated wear how good they are."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime, timedelta
from enum import StrEnum
from typing import Annotated, Any

import typer

from citybrain import clock
from citybrain.cli.common import DataDir, Output, OutputOption, emit, emit_one, fail, get_settings, open_db, run_clock
from citybrain.kernel.errors import InputError, NotFound
from citybrain.kernel.times import from_ms, to_ms
from citybrain.runtime.city import City
from citybrain.runtime.forecast_backtest import backtest as run_backtest
from citybrain.runtime.forecasting import ask, run_all
from citybrain.store import forecasts
from citybrain.store import register as register_store
from citybrain.text import code_text, text
from forecast.batches import Due, batches
from forecast.book import load_book
from forecast.days import DAY_MS
from forecast.explain import explained
from forecast.finding import Finding, Plan, Why

app = typer.Typer(
    help="Risks before they become faults: forecasts from trends, and the planned orders that come of them.\n\n"
    "Example: citybrain forecast list --planned",
    no_args_is_help=True,
    rich_markup_mode=None,
)


class Place(StrEnum):
    """What batteries are batched by."""

    CELL = "cell"
    DISTRICT = "district"


@app.command()
def run(data_dir: DataDir = None, output: OutputOption = Output.TABLE) -> None:
    """Make all forecasts now, in the city that runs on the data directory or behind the database's URL.

    It happens by itself once a day at the setting forecast_hour. Planned orders that are new go out at once; a second run with
    the same readings changes nothing.

    Example: citybrain forecast run
    """
    settings = get_settings(data_dir)
    now = clock.parse(run_clock(settings)).now
    city = City(settings)
    with open_db(settings, size=4) as db:
        with db.transaction() as tx:
            city.load_register(tx)
        found = run_all(db, city, now) if ask(db, city, now()) else None
        with db.transaction() as tx:
            counts = forecasts.tally(tx)
    if found is None or found.busy:
        fail(text("forecast.busy", settings.language))
    changes = {f"{plan} {change}": n for (plan, change), n in sorted(found.changes.items())}
    if output is Output.JSON:
        emit_one({"assets": found.assets, "changes": changes, "forecasts": _nested(counts)}, output)
        return
    typer.echo(text("forecast.done", settings.language, assets=found.assets))
    say = settings.language
    rows = [
        {"plan": text(f"forecast.plan_{plan}", say), "why": text(f"forecast.why_{why}", say), "how_many": n}
        for (plan, why), n in sorted(counts.items())
    ]
    emit(rows, output, columns=("plan", "why", "how_many"), language=say)
    for (plan, change), n in sorted(found.changes.items()):
        typer.echo(text(f"forecast.{change}", say, n=n, plan=text(f"forecast.plan_{plan}", say)))


@app.command("list")
def list_forecasts(
    plan: Annotated[str | None, typer.Option(help=f"Only of this kind: {', '.join(Plan)}.")] = None,
    why: Annotated[str | None, typer.Option(help=f"Only with this reason, without a date too: {', '.join(Why)}.")] = None,
    days: Annotated[float | None, typer.Option(help="Only with a date within so many days.", min=0)] = None,
    district: Annotated[str | None, typer.Option(help="Only of this district.")] = None,
    planned: Annotated[bool, typer.Option("--planned", help="Only with a planned order.")] = False,
    batch: Annotated[Place | None, typer.Option(help="Batteries that fall due together, by cell or district.")] = None,
    span: Annotated[float, typer.Option(help="Batteries of a batch fall due within so many days.", min=1)] = 60,
    limit: Annotated[int, typer.Option(help="At most so many.", min=1, max=100_000)] = 100,
    data_dir: DataDir = None,
    output: OutputOption = Output.TABLE,
) -> None:
    """List forecasts, soonest first: what will be due where and when, between which dates, and its planned order.

    Example: citybrain forecast list --plan battery --batch cell
    """
    if plan is not None and plan not in {*Plan}:
        raise InputError(f"--plan {plan!r}: one of {', '.join(Plan)}")
    if why is not None and why not in {*Why}:
        raise InputError(f"--why {why!r}: one of {', '.join(Why)}")
    if batch is not None and plan not in {None, Plan.BATTERY}:
        raise InputError(f"--batch is for batteries, not for --plan {plan}")
    settings = get_settings(data_dir)
    now = clock.parse(run_clock(settings)).now()
    wanted = Plan.BATTERY.value if batch is not None else plan
    before = None if days is None else now + timedelta(days=days)
    with open_db(settings) as db, db.transaction() as tx:
        rows = forecasts.listed(
            tx, plan=wanted, why=why, before=before, district=district, planned=planned,
            limit=100_000 if batch is not None else limit,
        )  # fmt: skip
        assets = register_store.assets_by_id(tx, [row["asset"] for row in rows]) if batch is not None else {}
    if batch is not None:
        dues = [Due(row["asset"], to_ms(row["forecast_at"]), to_ms(row["low_at"])) for row in rows if row["forecast_at"]]
        found = batches(dues, assets, by=batch.value, span_ms=round(span * DAY_MS))[:limit]
        emit([_batch_row(one, output) for one in found], output, language=settings.language)
        return
    if output is Output.JSON:
        emit(rows, output)
        return
    if not rows:
        typer.echo(text("forecast.none", settings.language))
        return
    emit([_row(row, settings.language) for row in rows], output, language=settings.language)


@app.command()
def explain(
    asset: Annotated[str, typer.Argument(help="Id of an asset.")], data_dir: DataDir = None, output: OutputOption = Output.TABLE
) -> None:
    """Make the forecasts of one asset from its readings of now, and show every number; nothing is written.

    A forecast that has no date says why.

    Example: citybrain forecast explain DR-000017
    """
    settings = get_settings(data_dir)
    now = clock.parse(run_clock(settings)).now()
    book = load_book(settings.forecast)
    with open_db(settings) as db, db.transaction() as tx:
        register = register_store.load_register(tx)
        if asset not in register.assets:
            raise NotFound(f"no asset {asset!r} in the register")
        found = explained(tx, book, register, register.assets[asset], now)
        history = forecasts.dates(tx, asset)
    if output is Output.JSON:
        plain = [_plain(finding) for finding in found]
        emit_one({"asset": asset, "at": now, "forecasts": plain, "history": history}, output)
        return
    say = settings.language
    for finding in found:
        _tell(finding, say)
    if history:
        typer.echo(f"\n{text('forecast.history', say)}")
        emit(
            [_row({**row, "asset": asset, "detail": ""}, say, ("made_at", "plan", "why", "due", "between")) for row in history],
            output,
            language=say,
        )


@app.command()
def backtest(
    seed: Annotated[int, typer.Option(help="Seed of the simulated wear.")] = 7,
    assets: Annotated[int, typer.Option(help="Worn assets of each kind, and as many healthy ones.", min=1, max=100_000)] = 50,
    days: Annotated[int, typer.Option(help="Days that are simulated.", min=60, max=2000)] = 180,
    output: OutputOption = Output.TABLE,
) -> None:
    """Simulate wear day by day with the truth beside it, forecast on every day, and print how early and how right that was.

    No database and no running city are needed.

    Example: citybrain forecast backtest --seed 7 --assets 50 --days 180
    """
    settings = get_settings()
    scores = run_backtest(load_book(settings.forecast), seed=seed, assets=assets, days=days)
    rows = [one._asdict() for one in scores]
    if output is Output.TABLE:
        say = settings.language
        rows = [
            {
                **row,
                "plan": text(f"forecast.plan_{row['plan']}", say),
                "coverage": "" if row["coverage"] is None else f"{row['coverage']:.0%}",
            }
            for row in rows
        ]
    emit(rows, output, language=settings.language)


def _nested(counts: Mapping[tuple[str, str], int]) -> dict[str, dict[str, int]]:
    found: dict[str, dict[str, int]] = {}
    for (plan, why), n in sorted(counts.items()):
        found.setdefault(plan, {})[why] = n
    return found


def _row(
    row: Mapping[str, Any], say: str, names: Iterable[str] = ("asset", "plan", "due", "between", "why", "order", "detail")
) -> dict[str, Any]:
    between = f"{_day(row['low_at'])} - {_day(row['high_at'])}" if row["low_at"] else ""
    made = {
        "asset": row["asset"],
        "made_at": row.get("made_at"),
        "plan": text(f"forecast.plan_{row['plan']}", say),
        "due": _day(row["forecast_at"]),
        "between": between,
        "why": code_text("forecast.why_", row["why"], say),
        "order": f"#{row['order']}" if row.get("order") else "",
        "detail": row["detail"],
    }
    return {name: made[name] for name in names}


def _batch_row(batch: Any, output: Output) -> dict[str, Any]:
    names = [due.asset for due in batch.dues]
    return {
        "place": batch.place,
        "how_many": len(names),
        "before": from_ms(batch.before_ms) if output is Output.JSON else _day(from_ms(batch.before_ms)),
        "assets": names if output is Output.JSON else " ".join(names),
    }


def _day(at: datetime | None) -> str:
    return "" if at is None else date(at.year, at.month, at.day).isoformat()


def _plain(finding: Finding) -> dict[str, Any]:
    found = finding._asdict()
    for name in ("at", "low", "high", "since", "reset"):
        ms = found.pop(f"{name}_ms")
        found[name] = None if ms is None else from_ms(ms)
    found["facts"] = dict(finding.facts)
    found["points"] = [{"at": from_ms(ms), "measure": name, "value": value} for ms, name, value in finding.points]
    return found


def _tell(finding: Finding, say: str) -> None:
    typer.echo(f"\n{text(f'forecast.plan_{finding.plan}', say)}: {text(f'forecast.why_{finding.why}', say)}")
    if finding.at_ms is not None and finding.low_ms is not None and finding.high_ms is not None:
        low, at, high = (_day(from_ms(ms)) for ms in (finding.low_ms, finding.at_ms, finding.high_ms))
        typer.echo("  " + text("forecast.due", say, at=at, low=low, high=high))
    if finding.detail:
        typer.echo(f"  {finding.detail}")
    if finding.since_ms is not None:
        typer.echo("  " + text("forecast.since", say, since=_day(from_ms(finding.since_ms)), n=finding.samples))
    for name, value in finding.facts:
        typer.echo(f"  {name} = {value}")
    for ms, name, value in finding.points:
        typer.echo(f"    {from_ms(ms).astimezone(UTC):%Y-%m-%d}  {name} {value:g}")
