"""PURE. The open cases that a decision looks at."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import NamedTuple


class OpenCase(NamedTuple):
    """A case that is not closed. `state` is gathering or open; `filing` None: information only."""

    id: str
    asset: str
    kind: str
    cause: str
    condition: str
    state: str
    severity: str = "minor"
    filing: str | None = None
    group_key: str | None = None


@dataclass(slots=True)
class Board:
    """The open cases that matter to a decision. The caller has locked them."""

    cases: dict[str, OpenCase] = field(default_factory=dict)

    @classmethod
    def of(cls, cases: Iterable[OpenCase]) -> Board:
        """A board with these cases."""
        return cls({case.id: case for case in cases})

    def put(self, case: OpenCase) -> None:
        """Add or replace a case."""
        self.cases[case.id] = case

    def drop(self, case_id: str) -> None:
        """A case that is closed now."""
        self.cases.pop(case_id, None)

    def on(self, asset: str) -> Iterator[OpenCase]:
        """Open cases of an asset."""
        return (case for case in self.cases.values() if case.asset == asset)

    def at(self, asset: str, cause: str) -> OpenCase | None:
        """The open case of an asset and cause; there is at most one."""
        return next((case for case in self.on(asset) if case.cause == cause), None)

    def waiting(self) -> Iterator[OpenCase]:
        """Cases that gather."""
        return (case for case in self.cases.values() if case.state == "gathering")
