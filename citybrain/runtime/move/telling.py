"""What a move tells: how far it is while it lasts, and what came of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any, NamedTuple

Tell = Callable[[str, int, int], None]
"""What is being carried (a table, or `rules`, `compare`), how many rows of it came since, and of how many (0: unknown)."""


class Carried(NamedTuple):
    """A table, with its rows on both sides as they were counted there. `seconds` of copying (real); 0: by the way."""

    table: str
    source: int
    target: int
    seconds: float = 0.0


class Inherited(NamedTuple):
    """The state of the rules that went over."""

    partitions: int
    assets: int
    episodes: Mapping[str, int]
    """phase -> episodes that are not at rest"""
    replayed: int
    """entries of the log behind the checkpoints"""
    late: int
    """assets that wait to be judged again"""
    shown_at: datetime | None
    """the time (city) that the rules were shown last, as far as it is known"""


@dataclass
class Report:
    """What a move did. Times are machine time."""

    id: str
    source: str
    target: str
    resumed: bool = False
    tables: list[Carried] = field(default_factory=list)
    rules: Inherited | None = None
    open_orders: int = 0
    waiting_notices: int = 0
    register_version: int = 0
    ledger_entries: int = 0
    offsets: bool = False
    """whether the ends of the topics were asked (else the topics must be new)"""
    seconds: float = 0.0

    def plain(self) -> dict[str, Any]:
        """JSON-ready."""
        found = asdict(self)
        found["tables"] = [{**one._asdict(), "rows_per_second": rate(one)} for one in self.tables]
        found["rules"] = None if self.rules is None else self.rules._asdict()
        return found


def rate(one: Carried) -> int | None:
    """Rows a second; None when it went too fast to say."""
    return round(one.target / one.seconds) if one.seconds >= 0.1 else None
