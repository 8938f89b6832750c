"""PURE. What new orders of a batch have in common: it is made once, and written once."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple

from citybrain.kernel.calendar import WorkCalendar
from citybrain.kernel.model import Unit
from dispatch import clocks
from dispatch.chain import plain
from dispatch.clock_rows import row_of, told
from dispatch.clocks import Clock
from dispatch.limits import CLOCKS, REPAIR
from dispatch.opening import Lookups
from dispatch.responsibility import Step


class Begun(NamedTuple):
    """Both clocks of orders that begin in the same moment with the same limits, under a key of the batch."""

    key: str
    repair: Clock
    facts: list[Any]
    """what the ledger says of both"""
    rows: list[dict[str, Any]]
    times: dict[str, datetime]
    """timers of both"""
    explanation: str
    """key of the text that tells the repair limit"""


@dataclass(slots=True)
class Alike:
    """Clocks and texts of a batch by short keys."""

    texts: dict[str, Any] = field(default_factory=dict)
    """key -> trail, explanation or checklist"""
    begun: dict[str, Begun] = field(default_factory=dict)
    _keys: dict[Hashable, str] = field(default_factory=dict)

    def clocks(self, look: Lookups, unit: Unit, filing: str, severity: str, street: str | None, now: datetime) -> Begun:
        """Both clocks of an order of this unit that begins now."""
        calendar = look.calendar(unit)
        same = (id(calendar), filing, severity, street, now)
        key = self._keys.get(same)
        if key is None:
            key = self._keys[same] = f"c{len(self.begun)}"
            self.begun[key] = self._begin(key, look.clocks(unit, filing, severity, street, now), calendar)
        return self.begun[key]

    def trail(self, steps: tuple[Step, ...]) -> str:
        """The key of how a unit was found."""
        return self._keys.get(steps) or self._text(steps, trail(steps))

    def checklist(self, look: Lookups, filing: str) -> str:
        """The key of what is gone through before an order is reported fixed."""
        same = ("checklist", filing)
        return self._keys.get(same) or self._text(same, look.checklist(look.item(filing)))

    def _text(self, same: Hashable, text: Any) -> str:
        key = self._keys[same] = f"t{len(self.texts)}"
        self.texts[key] = text
        return key

    def _begin(self, key: str, both: tuple[Clock, ...], calendar: WorkCalendar) -> Begun:
        repair = both[CLOCKS.index(REPAIR)]
        explanation = told(repair, calendar)
        rows = [{**row_of(one), "explanation": [] if one is repair else told(one, calendar)} for one in both]
        times = {timer: at for one in both for timer, at in clocks.times(one, calendar).items()}
        facts = plain([clocks.facts(one) for one in both])
        return Begun(key, repair, facts, rows, times, self._text(("told", key), explanation))


def trail(steps: Iterable[Step]) -> list[dict[str, Any]]:
    """The trail of a unit as plain data."""
    return [step._asdict() for step in steps]


def used(rows: Iterable[Mapping[str, Any]], texts: Mapping[str, Any], *names: str) -> dict[str, Any]:
    """The texts that some rows name under these columns."""
    return {key: texts[key] for key in {row[name] for row in rows for name in names}}
