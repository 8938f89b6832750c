"""A value that must lie in a band which depends on another value: lamp power against dimming."""

from __future__ import annotations

from dataclasses import dataclass

from rules.detectors.base import Gate, check_field


@dataclass(frozen=True, slots=True)
class Params:
    """The limit is linear in `by` between two fractions of the asset's field `of`: at `min_dim_pct` and at 100."""

    low: tuple[float, float] | None = None
    high: tuple[float, float] | None = None
    side: str = "low"
    """low or high: which side of the band is judged."""
    measure: str = "power_w"
    by: str = "dim_pct"
    of: str = "rated_power_w"
    min_dim_pct: float = 10
    """Deeper dimming gives no verdict: meters are not true there."""
    default_dim_pct: float | None = None
    """Dimming of a device that does not report it. None: no verdict."""
    dark_fraction: float = 0.04
    """At or below this share of `of` the lamp is dark: another condition's business, no verdict on the low side."""
    settle_s: float = 900
    """No verdict in the first so many seconds after the lamp was switched on."""
    gates: tuple[Gate, ...] = ()

    def __post_init__(self) -> None:
        check_field("of", self.of)
        if self.side not in ("low", "high"):
            raise ValueError(f"side: must be low or high, got {self.side!r}")
        if (self.low if self.side == "low" else self.high) is None:
            raise ValueError(f"{self.side}: give the two fractions of the side that is judged")
        if not 0 <= self.min_dim_pct < 100:
            raise ValueError(f"min_dim_pct: must be 0 to 99, got {self.min_dim_pct:g}")
