"""PURE. Figures from histories: of the whole city and by unit, district, filing item and month; spread and worst beside it."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, tzinfo
from typing import Any, NamedTuple

from dispatch.scores.history import CaseHistory
from dispatch.scores.predicates import MEASURES, MOMENTS, PREDICATES, View
from dispatch.scores.rules import Index, Rules
from dispatch.scores.spread import Spread, spread

DIMENSIONS = ("unit", "district", "filing_item", "month")
NOBODY = "-"
"""The group of cases that have no unit, district or filing item."""


class Value(NamedTuple):
    """A figure of one group. `value`: share, count, or mean in seconds; None when there is nothing to divide by."""

    value: float | None
    n: int
    """cases counted: the numerator of a share"""
    of: int
    """cases asked: the denominator of a share"""


class Figure(NamedTuple):
    """A figure with everything that stands beside it."""

    id: str
    kind: str
    """rate, count or measure"""
    whole: Value
    groups: Mapping[str, Mapping[str, Value]]
    """dimension -> group -> value"""
    worst: Mapping[str, str | None]
    """dimension -> the worst group that has enough cases; None: none has"""
    spread: Spread | None
    """of the cases' values, or of the units' shares (there high is good or bad as the figure is: the worst end is `worst`)"""


class Scores(NamedTuple):
    """All figures of a span of time."""

    rules: str
    """version and digest of the formulas"""
    begin: datetime | None
    end: datetime | None
    asof: datetime
    cases: int
    excluded: Mapping[str, int]
    """predicate -> how many cases count nowhere because of it"""
    left_out: Mapping[str, Mapping[str, int]]
    """figure -> predicate -> how many cases it leaves out"""
    figures: tuple[Figure, ...]


def view_of(rules: Rules, asof: datetime) -> View:
    """What questions are asked with."""
    numbers = rules.numbers
    return View(asof, numbers.accept_s.value, numbers.again_s.value, numbers.repeat_s.value, int(numbers.alike.value))


def holds(words: Iterable[str], case: CaseHistory, view: View) -> bool:
    """Are all words true of a case?"""
    for word in words:
        name = word.removeprefix("not ")
        if PREDICATES[name][1](case, view) == (name != word):
            return False
    return True


def score(
    cases: Sequence[CaseHistory], rules: Rules, *, asof: datetime, begin: datetime | None = None, end: datetime | None = None,
    zone: tzinfo = UTC,
) -> Scores:  # fmt: skip
    """All figures of the cases whose moment lies in [begin, end). `asof`: the moment of asking; `zone`: of the months."""
    view = view_of(rules, asof)
    counted, excluded = [], dict.fromkeys((one.predicate for one in rules.excluded), 0)
    ask = _words(rules)
    for case in cases:
        truth = {word: (PREDICATES[name][1](case, view) != denied) for word, (name, denied) in ask.items()}
        reason = next((one.predicate for one in rules.excluded if truth[one.predicate]), None)
        if reason is None:
            counted.append(_asked(case, truth, view, zone))
        else:
            excluded[reason] += 1
    figures, left_out = [], {}
    for index in rules.indices:
        rows, left = _rows(index, counted, view, begin, end)
        figures.append(_figure(index, rows, rules))
        left_out[index.id] = left
    return Scores(rules.name, begin, end, asof, len(cases), excluded, left_out, tuple(figures))


class _Asked(NamedTuple):
    """A case with every answer that a formula needs, asked once."""

    case: CaseHistory
    truth: Mapping[str, bool]
    moments: Mapping[str, datetime | None]
    groups: Mapping[str, Mapping[str, str]]
    """moment -> groups: only the month differs"""


class _Row(NamedTuple):
    groups: Mapping[str, str]
    asked: bool
    counted: bool
    value: float | None


def _words(rules: Rules) -> dict[str, tuple[str, bool]]:
    """Every word of the rules -> its predicate, and whether it is denied."""
    words = {one.predicate for one in rules.excluded}
    for index in rules.indices:
        words |= {*index.numerator, *index.denominator, *index.count, *index.of, *index.without}
    return {word: (word.removeprefix("not "), word.startswith("not ")) for word in sorted(words)}


def _asked(case: CaseHistory, truth: Mapping[str, bool], view: View, zone: tzinfo) -> _Asked:
    order = case.order
    moments = {name: moment(case, view) for name, (_, moment) in MOMENTS.items()}
    same = {
        "unit": (order.unit if order else None) or NOBODY,
        "district": case.district or NOBODY,
        "filing_item": (order.filing_item if order else None) or case.filing_item or NOBODY,
    }
    groups = {name: {**same, "month": at.astimezone(zone).strftime("%Y-%m")} for name, at in moments.items() if at is not None}
    return _Asked(case, truth, moments, groups)


def _rows(
    index: Index, cases: Iterable[_Asked], view: View, begin: datetime | None, end: datetime | None
) -> tuple[list[_Row], dict[str, int]]:
    measure = MEASURES[index.measure][1] if index.measure else None
    rows, left = [], dict.fromkeys(index.without, 0)
    wanted = index.denominator or index.count or index.of
    for case in cases:
        at = case.moments[index.by]
        if at is None or (begin is not None and at < begin) or (end is not None and at >= end):
            continue
        truth = case.truth
        out = next((word for word in index.without if truth[word]), None)
        if out is not None:
            left[out] += 1
            continue
        asked = all(truth[word] for word in wanted)
        value = measure(case.case, view) if measure is not None and asked else None
        counted = value is not None if measure is not None else asked and all(truth[word] for word in index.numerator)
        rows.append(_Row(case.groups[index.by], asked, counted, value))
    return rows, left


def _figure(index: Index, rows: Sequence[_Row], rules: Rules) -> Figure:
    groups: dict[str, dict[str, Value]] = {}
    for dimension in DIMENSIONS:
        parts: dict[str, list[_Row]] = {}
        for row in rows:
            parts.setdefault(row.groups[dimension], []).append(row)
        groups[dimension] = {name: _value(index, parts[name]) for name in sorted(parts)}
    enough = rules.numbers.worst_at_least.value
    worst = {dimension: _worst(index, groups[dimension], enough) for dimension in DIMENSIONS}
    if index.kind == "measure":
        spread_ = spread([row.value for row in rows if row.value is not None])
    else:
        units = [value.value for value in groups["unit"].values() if value.value is not None]
        spread_ = spread(units)
        if spread_ is not None and index.bad == "low":
            # the bad end is the low one: percentiles are counted from there
            turned = spread([0 - value for value in units])
            assert turned is not None, "as many as before"
            spread_ = Spread(turned.n, *(0 - value for value in turned[1:]))
    return Figure(index.id, index.kind, _value(index, rows), groups, worst, spread_)


def _value(index: Index, rows: Sequence[_Row]) -> Value:
    asked = sum(row.asked for row in rows)
    counted = sum(row.counted for row in rows)
    if index.kind == "count":
        return Value(float(counted), counted, len(rows))
    if index.kind == "rate":
        return Value(counted / asked if asked else None, counted, asked)
    values = [row.value for row in rows if row.value is not None]
    return Value(math.fsum(values) / len(values) if values else None, len(values), asked)


def _worst(index: Index, groups: Mapping[str, Value], enough: float) -> str | None:
    found = [
        (value.value, name)
        for name, value in groups.items()
        if value.value is not None and value.of >= enough and name != NOBODY
    ]
    if not found or len(found) == 1:
        return None
    return min(found)[1] if index.bad == "low" else max(found)[1]


def to_json(scores: Scores) -> dict[str, Any]:
    """Scores as plain data."""
    return {
        "rules": scores.rules,
        "begin": scores.begin.isoformat() if scores.begin else None,
        "end": scores.end.isoformat() if scores.end else None,
        "asof": scores.asof.isoformat(),
        "cases": scores.cases,
        "excluded": dict(scores.excluded),
        "left_out": {name: dict(left) for name, left in scores.left_out.items() if left},
        "figures": {figure.id: _plain(figure) for figure in scores.figures},
    }


def _plain(figure: Figure) -> dict[str, Any]:
    return {
        "kind": figure.kind,
        **figure.whole._asdict(),
        "spread": figure.spread._asdict() if figure.spread else None,
        "worst": dict(figure.worst),
        "by": {
            dimension: {name: value._asdict() for name, value in groups.items()} for dimension, groups in figure.groups.items()
        },
    }
