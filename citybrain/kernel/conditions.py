"""What the later stages must know of a condition of the rulebook, without importing the rules."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ConditionInfo:
    """A condition as dispatch and the screens see it. `verify_s` is seconds."""

    id: str
    kind: str
    """Kind of asset, or "any"."""
    severity: str
    cause: str
    """Physical cause: alerts of one asset with the same cause share one case."""
    filing: str | None
    """Filing item (a code of the table of time limits). None: information only, never an order."""
    verify_s: float
    """The condition must stay resolved for so long before the sensor's word closes the order."""
    group_by: str | None = None
    """"feeder", "cabinet" or "gateway": what siblings share when they fall together."""
    group_min: int = 3
    group_wait_s: float = 0
    """How long an order waits for siblings before it goes out alone; 0 = at once."""
    title_en: str = ""
    title_zh: str = ""

    def title(self, language: str) -> str:
        """The condition in words; its id where nobody gave it any."""
        return (self.title_zh if language == "zh" else self.title_en) or self.id
