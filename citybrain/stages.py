"""The four golden signals of each stage (traffic, errors, latency, saturation), and its lag."""

from __future__ import annotations

from time import monotonic
from typing import Final

from prometheus_client import Counter, Gauge, Histogram

from citybrain.families import LATENCY, Families

WINDOW_S: Final = 10.0
"""Saturation is the share of so many real seconds in which a stage was at work."""
LAGGING: Final = ("ingest", "rules", "archive", "dispatch")
"""what works off a stream; the cycle has its timers, the console answers at once"""


class Stage:
    """The signals of one stage. Cheap: called once a batch, from one thread."""

    def __init__(self, name: str, owner: Golden) -> None:
        self._items = owner.items.labels(name)
        self._errors = owner.errors.labels(name)
        self._seconds = owner.seconds.labels(name)
        self._lag = owner.lag.labels(name) if name in LAGGING else None
        self._since, self._busy_s, self._share, self._full = monotonic(), 0.0, 0.0, 0.0
        owner.saturation.labels(name).set_function(self.saturation)

    def worked(self, items: int, seconds: float) -> None:
        """The stage worked off `items` within `seconds` (real)."""
        self._items.inc(items)
        self._seconds.observe(seconds)
        self._busy_s += seconds

    def failed(self, count: int = 1) -> None:
        """So many items could not be worked off."""
        self._errors.inc(count)

    def behind(self, seconds: float) -> None:
        """By how much the event time of the newest that the stage worked off is behind now (real seconds); 0: nothing waits."""
        if self._lag is not None:
            self._lag.set(seconds)

    def filled(self, ratio: float) -> None:
        """How full the queue before the stage is, 0 to 1."""
        self._full = ratio

    def saturation(self) -> float:
        """0 idle … 1 cannot take more."""
        now = monotonic()
        if now - self._since >= WINDOW_S:
            self._share = self._busy_s / (now - self._since)
            self._since, self._busy_s = now, 0.0
        return min(1.0, max(self._share, self._full))


class Golden:
    """The families with the label `stage`."""

    def __init__(self, make: Families) -> None:
        label = ["stage"]
        self.items = make(
            Counter,
            "citybrain_stage_items",
            "Traffic: messages, readings, alert changes, timers or requests worked off.",
            label,
        )
        self.errors = make(Counter, "citybrain_stage_errors", "Errors: what could not be worked off.", label)
        self.seconds = make(
            Histogram, "citybrain_stage_duration_seconds", "Latency: time at work on one batch, module or request.", label,
            buckets=LATENCY,
        )  # fmt: skip
        self.saturation = make(
            Gauge, "citybrain_stage_saturation_ratio",
            f"Saturation: share of the last {WINDOW_S:g} s at work, or of the queue that is full, whichever is more.", label,
        )  # fmt: skip
        self.lag = make(
            Gauge, "citybrain_stage_lag_seconds",
            "Real seconds by which the newest that the stage worked off is older than now; 0 when nothing waits.", label,
            of=LAGGING,
        )  # fmt: skip
        self.stages = {name: Stage(name, self) for name in make.stages}
