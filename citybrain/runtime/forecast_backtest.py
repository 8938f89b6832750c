"""How early and how right the forecasts are: wear is simulated, and every day is forecast with what was known on it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from statistics import median
from typing import NamedTuple

from citybrain.kernel.events import AlertChange
from forecast import battery, cover, lamp, repeat, silt
from forecast.book import Book
from forecast.days import DAY_MS, Day, Series
from forecast.finding import Finding, Plan
from forecast.life import Held, decide
from simulators.wear import KINDS, Worn, worn

FIRST_DAY = 20_000
"""an October; the seasons are part of the wear"""
WARM_DAYS = 45
"""so long nobody can forecast: there are too few days yet"""
LATE_DAYS = 7.0
"""a planned order that comes later than this after the true date is no forecast any more"""


class Outcome(NamedTuple):
    """What became of one asset. Days since 1970; `raised` None: no planned order."""

    plan: str
    wears: bool
    true_day: float | None
    raised: float | None = None
    at: float | None = None
    low: float | None = None
    high: float | None = None


class Score(NamedTuple):
    """One kind. `due`: those whose true date lies within the days, behind the first weeks; the other worn ones are not due yet.

    `false_ones`: planned for a healthy one, or the truth comes three horizons later than the interval says. Medians are
    of days, None without any.
    """

    plan: str
    worn: int
    healthy: int
    due: int
    detected: int
    missed: int
    false_ones: int
    lead_days: float | None
    error_days: float | None
    coverage: float | None
    """share of the intervals that hold the true date"""


def backtest(book: Book, *, seed: int = 7, assets: int = 20, days: int = 180) -> list[Score]:
    """For each kind of forecast `assets` worn and as many healthy ones over `days` days."""
    return [score(kind, list(outcomes(book, kind, seed, assets, days)), book, days) for kind in KINDS]


def outcomes(book: Book, kind: str, seed: int, assets: int, days: int) -> Iterator[Outcome]:
    """What becomes of the assets of one kind."""
    worns = [worn(seed, kind, number, FIRST_DAY, days, wears=number < assets) for number in range(2 * assets)]
    peers = lamp.peers_of([_daily(one) for one in worns if not one.wears]) if kind == Plan.LAMP else None
    for one in worns:
        yield _run(book, kind, one, peers, days)


def score(kind: str, found: Sequence[Outcome], book: Book, days: int) -> Score:
    """The figures of one kind."""
    horizon = _horizon(book, Plan(kind))
    due = [one for one in found if one.wears and FIRST_DAY + WARM_DAYS <= (one.true_day or 0) < FIRST_DAY + days]
    raised = [one for one in found if one.raised is not None]
    false = [one for one in raised if not one.wears or one.true_day is None or one.true_day > (one.high or 0) + 3 * horizon]
    right = [one for one in raised if one not in false]
    detected = [
        one for one in due if one.raised is not None and one.true_day is not None and one.raised <= one.true_day + LATE_DAYS
    ]
    dated = [(one.at - one.true_day, one) for one in right if one.at is not None and one.true_day is not None]
    held = [one for _, one in dated if one.low is not None and one.high is not None and one.true_day is not None]
    inside = [one for one in held if (one.low or 0) - 1 <= (one.true_day or 0) <= (one.high or 0) + 1]
    return Score(
        plan=kind,
        worn=sum(one.wears for one in found),
        healthy=sum(not one.wears for one in found),
        due=len(due),
        detected=len(detected),
        missed=len(due) - len(detected),
        false_ones=len(false),
        lead_days=_median([(one.true_day or 0) - (one.raised or 0) for one in detected]),
        error_days=_median([abs(off) for off, _ in dated]),
        coverage=len(inside) / len(held) if held else None,
    )


def _run(book: Book, kind: str, one: Worn, peers: lamp.Peers | None, days: int) -> Outcome:
    """Every day of one asset, until an order is planned."""
    plan = Plan(kind)
    info, life = book.condition_of[plan], book.plans.life
    held = Held()
    daily = _daily(one)
    rain = {silt.RAIN: [Day(*day) for day in one.rain]}
    for day in range(FIRST_DAY + 1, FIRST_DAY + days + 1):
        finding = _forecast(book, plan, one, daily, rain, peers, float(day))
        decision = decide(held, finding, info, one.asset.kind, day * DAY_MS, life, _horizon(book, plan))
        held = decision.held
        if decision.event is not None and decision.event.change == AlertChange.RAISED:
            true_day = one.true_day
            if plan is Plan.REPEAT:  # what is forecast is the next one
                true_day = next((at for at, _ in one.cases if at > day), None)
                return Outcome(kind, one.wears, true_day, float(day), *_days(finding))
            return Outcome(kind, one.wears, true_day, float(day), *_days(finding))
    return Outcome(kind, one.wears, one.true_day)


def _forecast(
    book: Book, plan: Plan, one: Worn, daily: Mapping[str, Series], rain: Mapping[str, Series], peers: lamp.Peers | None,
    today: float,
) -> Finding:  # fmt: skip
    plans = book.plans
    if plan is Plan.SILT:
        known = {silt.RAIN: [day for day in rain[silt.RAIN] if day.day < today]}
        return silt.forecast(one.asset, daily, silt.wet_days([known], plans.silt), today, plans.silt)
    if plan is Plan.COVER:
        return cover.forecast(one.asset, daily, today, plans.cover)
    if plan is Plan.LAMP:
        return lamp.forecast(one.asset, daily, peers, today, plans.lamp)
    if plan is Plan.REPEAT:
        cases = [repeat.Case(at, cause, number) for number, (at, cause) in enumerate(one.cases, 1) if at <= today]
        return repeat.forecast(one.asset, cases, today, plans.repeat)
    known = {name: [day for day in series if day.day < today] for name, series in daily.items()}
    model = battery.model_of(one.asset, one.devices, plans.batteries)
    since = one.devices[0].valid_from
    start = since.timestamp() / 86_400 if since is not None else today
    charge = battery.count(one.asset, known, start, today, plans.battery, older=one.older)
    return battery.forecast(one.asset, known, model, charge, today, plans.battery)


def _daily(one: Worn) -> dict[str, Series]:
    return {name: [Day(*day) for day in days] for name, days in one.daily.items()}


def _horizon(book: Book, plan: Plan) -> float:
    windows = {
        Plan.SILT: book.plans.silt,
        Plan.BATTERY: book.plans.battery,
        Plan.COVER: book.plans.cover,
        Plan.LAMP: book.plans.lamp,
    }
    return windows[plan].horizon_days if plan in windows else book.plans.repeat.within_days


def _days(finding: Finding) -> tuple[float | None, float | None, float | None]:
    at, low, high = (None if ms is None else ms / DAY_MS for ms in (finding.at_ms, finding.low_ms, finding.high_ms))
    return at, low, high


def _median(values: Sequence[float]) -> float | None:
    return round(median(values), 1) if values else None
