"""What the rules say: alert events. An alert is an episode of one condition on one asset."""

from __future__ import annotations

from enum import StrEnum
from typing import NamedTuple


class AlertPhase(StrEnum):
    """Where an episode stands (see `rules.lifecycle` for the table of moves)."""

    PENDING = "pending"
    FIRING = "firing"
    CLEARING = "clearing"
    RESOLVED = "resolved"


class AlertChange(StrEnum):
    """What happened to an episode. The last three come only from re-judging."""

    RAISED = "raised"
    """pending -> firing. Dispatch opens a case."""
    CLEARING = "clearing"
    """firing -> clearing: the signal is good again, the hold runs."""
    REFIRED = "refired"
    """clearing -> firing within the hold: the same episode goes on."""
    FLAPPING = "flapping"
    """the episode was refired so often that it is now held open for longer."""
    RESOLVED = "resolved"
    """clearing -> resolved."""
    ADDED = "added"
    """history: an episode that is over, found in late readings. Never dispatches."""
    AMENDED = "amended"
    """onset, end or evidence of a known episode changed in the light of late readings."""
    WITHDRAWN = "withdrawn"
    """a known episode did not happen in the light of late readings. Cancels its order."""


class Evidence(NamedTuple):
    """One value of one reading that caused a decision. `observed_ms` is ms since the epoch."""

    observed_ms: int
    measure: str
    value: float | bool | str


class AlertEvent(NamedTuple):
    """One change of one episode. Times are ms since the epoch, UTC.

    `id` names the episode for life (it stays when re-judging moves the onset). `reason` is a short code
    (`above_raise`), `detail` the sentence for people with numbers and units.
    """

    id: str
    change: str
    phase: str
    asset: str
    kind: str
    condition: str
    severity: str
    onset_ms: int
    at_ms: int
    reason: str
    detail: str = ""
    evidence: tuple[Evidence, ...] = ()
    end_ms: int | None = None
    rulebook: str = ""
    """Version (hash) of the rulebook that judged."""
