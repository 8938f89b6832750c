"""Which parts of an archive are carried, in which spans, how much at a time."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from citybrain.runtime.move.history import Part, clipped, parts
from citybrain.runtime.move.pace import LEAST, MOST, Pace
from citybrain.store.carrying import Archive, Span

T0 = datetime(2026, 6, 1, tzinfo=UTC)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
PLAIN, TIMESCALE = Archive("plain", T0, T0, None), Archive("timescaledb", None, None, None)


def test_between_plain_archives_all_sums_are_carried() -> None:
    assert [part.table for part in parts(PLAIN, PLAIN)] == ["readings", "summary_1h", "summary_1d"]


@pytest.mark.parametrize(("source", "target"), [(PLAIN, TIMESCALE), (TIMESCALE, PLAIN), (TIMESCALE, TIMESCALE)])
def test_else_only_those_that_cannot_be_made_anew(source: Archive, target: Archive) -> None:
    assert parts(source, target) == [Part("readings")]
    gone = source._replace(dropped_to=T0)
    assert parts(gone, target) == [Part("readings"), Part("summary_1h", T0), Part("summary_1d", T0)]


def test_a_span_between_two_times() -> None:
    span = Span(T0, T0 + DAY)
    assert clipped(span, None, None) == span
    assert clipped(span, T0 + HOUR, None) == Span(T0 + HOUR, T0 + DAY)
    assert clipped(span, T0 - HOUR, T0 + HOUR) == Span(T0, T0 + HOUR)
    assert clipped(span, T0 + DAY, None) is None
    assert clipped(span, None, T0) is None


def test_the_pace_finds_ten_seconds_of_work() -> None:
    pace = Pace()
    for _ in range(20):
        pace.took(pace.span, pace.span / (3 * HOUR))
    assert pace.span == pytest.approx(30 * HOUR, rel=0.01)


def test_the_pace_has_bounds() -> None:
    pace = Pace()
    for _ in range(20):
        pace.took(pace.span, 0.0)
    assert pace.span == MOST
    for _ in range(20):
        pace.took(pace.span, 1e6)
    assert pace.span == LEAST


def test_the_end_of_a_week_says_nothing_about_a_whole_piece() -> None:
    pace = Pace()
    pace.took(HOUR, 0.1)
    assert pace.span == DAY, "quick, because there was little"
    pace.took(HOUR, 20.0)
    assert pace.span < HOUR, "slow although there was little"
