"""Histories for the tests of figures, told in a few words."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from dispatch.chain import GENESIS, Entry, chained
from dispatch.entries import CASE_NOTES, NEW, case_move
from dispatch.orders import NOTES, move
from tests.dispatch_kit import NOON

LIMIT = timedelta(hours=2)


class Ledger:
    """Entries of many cases, written one after the other."""

    def __init__(self) -> None:
        self.entries: list[Entry] = []
        self._heads: dict[str, bytes] = {}
        self._states: dict[tuple[str, str | None], str] = {}

    def add(self, case: str, order: str | None, event: str, at: datetime, reason: str = "", **facts: Any) -> None:
        """One entry."""
        state = self._states.get((case, order), NEW)
        notes, step = (NOTES, move) if order else (CASE_NOTES, case_move)
        after = state if event in notes else step(state, event)
        prev = self._heads.get(case, GENESIS)
        entry = chained(prev, case, order, event, state, after, at=at, actor="a", reason=reason, facts=facts)
        self.entries.append(entry._replace(seq=len(self.entries) + 1))
        self._heads[case], self._states[case, order] = entry.hash, after

    def case(
        self, name: str, *, unit: str = "u1", asset: str | None = None, at: datetime = NOON, fix: float | None = 60,
        steps: Sequence[tuple[float, str] | tuple[float, str, dict[str, Any]]] = (), ended: str | None = "verified",
        limit_unit: str = "urgent_hour", district: str = "d1", filing_item: str = "MH-MISSING", close: float | None = None,
    ) -> str:  # fmt: skip
        """A case with its order. `fix`: minutes until it is fixed and shown; `steps`: (minutes, event, facts) before that."""
        order = f"o-{name}"
        due = at + LIMIT
        facts = {"asset": asset or f"a-{name}", "kind": "manhole", "cause": "cover_open", "severity": "critical",
                 "district": district, "filing_item": filing_item}  # fmt: skip
        self.add(name, None, "opened", at, **facts)
        clock = {"clock": "repair", "value": 2, "unit": limit_unit, "from": at, "due": due}
        self.add(name, order, "dispatch", at + timedelta(minutes=1), unit=unit, clocks=[clock], **facts)
        for minutes, event, *more in steps:
            self.add(name, order, event, at + timedelta(minutes=minutes), **(more[0] if more else {}))
        if fix is not None:
            done = at + timedelta(minutes=fix)
            self.add(name, order, "fix", done)
            for event in ("verify", "close"):
                self.add(name, order, event, done + timedelta(minutes=close or 30))
            self.add(name, None, "ended", done + timedelta(minutes=close or 30), outcome=ended)
        return order
