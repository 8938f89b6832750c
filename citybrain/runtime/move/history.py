"""Readings and their sums, in spans of time: each span and the mark behind it are one transaction of the target.

So a move that is killed has lost at most the span under way, and none is carried twice. Nobody sees the half: no service starts
on a database whose city is not whole.
"""

from __future__ import annotations

import time
from datetime import datetime
from typing import NamedTuple

from citybrain.runtime.move.pace import Pace
from citybrain.runtime.move.sides import Sides
from citybrain.runtime.move.telling import Carried, Tell
from citybrain.store import carrying, moves
from citybrain.store.carrying import Archive, DifferentError, Span
from citybrain.store.db import Database
from citybrain.store.migrate import PLAIN, TIMESCALE


class Part(NamedTuple):
    """A table of the history, whole or only what is older than `before`."""

    table: str
    before: datetime | None = None


def parts(source: Archive, target: Archive) -> list[Part]:
    """PURE: what is carried. Sums that can be made of the readings are carried only where both archives keep them alike."""
    if source.kind == target.kind == PLAIN:
        return [Part(table) for table in carrying.HISTORY]
    kept = [Part(table, source.dropped_to) for table in ("summary_1h", "summary_1d")] if source.dropped_to else []
    return [Part("readings"), *kept]


def clipped(span: Span, begin: datetime | None, end: datetime | None) -> Span | None:
    """PURE: what of a span lies between two times (None: no bound); None when nothing does."""
    found = Span(span.begin if begin is None else max(span.begin, begin), span.end if end is None else min(span.end, end))
    return found if found.begin < found.end else None


class History:
    """Carries the parts one after the other."""

    def __init__(self, sides: Sides, tell: Tell) -> None:
        self._source, self._target, self._tell = sides.source.session, sides.target.session, tell
        with self._source.transaction() as tx:
            here = carrying.archive_of(tx)
        with self._target.transaction() as tx:
            there = carrying.archive_of(tx)
        self._parts = parts(here, there)
        if there.kind == TIMESCALE and here.dropped_to is not None:
            carrying.leave_sums_alone(Database(sides.target.url, size=1).call, here.dropped_to)

    def carry(self) -> list[Carried]:
        """Carry what is missing; every part as it then is on both sides. Raises DifferentError when they differ."""
        return [self._carry(part) for part in self._parts]

    def _carry(self, part: Part) -> Carried:
        with self._source.transaction() as tx:
            total = carrying.count(tx, part.table, part.before)
            spans = carrying.spans(tx, part.table) if total else []
        with self._target.transaction() as tx:
            at = moves.progress(tx).get(part.table)
        self._tell(part.table, at.rows if at else 0, total)
        pace = Pace()
        for whole in spans:
            span = clipped(whole, at.next_at if at else None, part.before)
            while span is not None:
                piece = Span(span.begin, min(span.end, span.begin + pace.span))
                pace.took(piece.end - piece.begin, self._piece(part, piece, total))
                span = clipped(span, piece.end, None)
        with self._target.transaction() as tx:
            there, done = carrying.count(tx, part.table, part.before), moves.progress(tx).get(part.table)
        if there != total:
            raise DifferentError(f"{part.table}: {total} rows in the source, {there} in the target")
        return Carried(part.table, total, there, done.seconds if done else 0.0)

    def _piece(self, part: Part, piece: Span, total: int) -> float:
        began = time.monotonic()
        with self._source.transaction() as here, self._target.transaction() as there:
            rows = carrying.carry_span(here, there, part.table, piece, lambda rows: self._tell(part.table, rows, total))
            moves.advance(there, part.table, piece.end, rows, time.monotonic() - began)
        return time.monotonic() - began
