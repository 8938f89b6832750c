"""How the simulated city talks: intervals, losses, weather."""

from __future__ import annotations

from dataclasses import dataclass

INTERVALS_S = (300.0, 300.0, 300.0, 900.0, 900.0, 600.0)
"""Rain gauge, gateway, cabinet, cover, lamp, drain (the order of `city.KINDS`)."""


@dataclass(frozen=True, slots=True)
class Options:
    """Shares are of all reports. `intervals_s` is in the order of `city.KINDS`; `scale` multiplies all of them."""

    city: str = "demo"
    """Second level of the topics."""
    scale: float = 1.0
    intervals_s: tuple[float, ...] = INTERVALS_S
    jitter: float = 0.01
    """A report comes up to so much of its interval early or late."""
    loss: float = 0.01
    """Share of the frames that no gateway hears (they are never published, so they are not lost readings)."""
    duplicate: float = 0.01
    """Share that two gateways hear: published twice, a second or so apart."""
    late: float = 0.002
    """Share that a gateway stores and sends later, as history."""
    showers_per_day: float = 0.15
    """Light showers a day over the city."""

    def interval_ms(self, kind: int) -> int:
        """Reporting interval of a kind of `city.KINDS`, ms."""
        return max(1000, round(self.intervals_s[kind] * self.scale * 1000))
