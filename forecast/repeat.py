"""PURE. Repeat offenders: the same fault on the same asset three times in 90 days. A fourth repair will not help; an engineer
may.

When the next one is to be expected: faults that come by chance at one unknown rate, n more of them in a time T after the first,
leave for the next one the interval of the Lomax distribution, q -> T ((1 - q)^(-1/n) - 1).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

from citybrain.kernel.model import Asset
from forecast.days import ms_of
from forecast.finding import Finding, Plan, Why
from forecast.settings import Repeat


class Case(NamedTuple):
    """A case of an asset that had an order. `at` in days since 1970."""

    at: float
    cause: str
    number: int
    """of its order, for people"""


def forecast(asset: Asset, cases: Sequence[Case], today: float, settings: Repeat, reset: float = 0) -> Finding:
    """Does one fault come again and again? `cases` in order of time; `reset`: the last engineering work, days since 1970."""
    first = max(today - settings.within_days, reset)
    counted = [one for one in cases if first < one.at <= today and one.cause not in settings.ignore]
    found = Finding(Plan.REPEAT, asset.id, Why.NOT_REPEATED, samples=len(counted))
    often = [cause for cause, n in Counter(one.cause for one in counted).most_common() if n >= settings.times]
    if not often:
        return found
    worst = [one for one in counted if one.cause == often[0]]
    n = len(worst)
    span = max(1.0, today - worst[0].at)
    low, middle, high = (today + span * ((1 - q) ** (-1 / max(1, n - 1)) - 1) for q in _quantiles(settings.confidence))
    orders = ", ".join(f"#{one.number}" for one in worst)
    also = f"; also {', '.join(often[1:])}" if often[1:] else ""
    return found._replace(
        why=Why.REPEATED,
        at_ms=ms_of(middle),
        low_ms=ms_of(low),
        high_ms=ms_of(high),
        since_ms=ms_of(worst[0].at),
        samples=n,
        facts=(("cause", often[0]), ("times", n), ("orders", orders)),
        points=tuple((ms_of(one.at), one.cause, float(one.number)) for one in worst[-5:]),
        detail=f"{often[0]}: {n} times in {span:.0f} days (orders {orders}){also}; the next is to be expected on that date",
    )


def _quantiles(confidence: float) -> tuple[float, float, float]:
    return 0.5 - confidence / 2, 0.5, 0.5 + confidence / 2
