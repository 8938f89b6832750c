"""Families of metrics: made in one registry, and known one by one for the reference."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, NamedTuple, TypeVar

from prometheus_client import CollectorRegistry, disable_created_metrics
from prometheus_client.metrics import MetricWrapperBase

STAGES: Final = ("ingest", "rules", "archive", "dispatch", "cycle", "console")
"""the life of a reading, in order; then what happens because time passes, and what people ask for"""
LATENCY: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)
"""Buckets for work: a millisecond is a small batch, ten seconds are far too long."""
DELAY: Final = (0.1, 0.25, 0.5, 1, 2.5, 5, 15, 60, 300, 900, 3600, 14400, 86400)
"""Buckets for what a city waits for: from a reading that tells at once to a lamp that is missed after a night."""
# when each series began: as many series again, which nobody asks for
disable_created_metrics()  # type: ignore[no-untyped-call]  # the client has no types there
M = TypeVar("M", bound=MetricWrapperBase)


class Family(NamedTuple):
    """One family for the reference: which stages have it, and whether only the cluster runtime does."""

    metric: MetricWrapperBase
    stages: tuple[str, ...]
    cluster: bool


class Families:
    """Makes families. Only what the `stages` of this process have gets into the registry; `cluster` False leaves out what
    only the cluster runtime has."""

    def __init__(self, registry: CollectorRegistry, stages: Sequence[str], cluster: bool) -> None:
        self.registry, self.stages, self.cluster = registry, tuple(stages), cluster
        self.made: list[Family] = []

    def __call__(
        self, make: type[M], name: str, text: str, labels: Sequence[str] = (), *, of: Sequence[str] = STAGES,
        cluster: bool = False, **more: Any,
    ) -> M:  # fmt: skip
        """A family of type `make` that the stages `of` have. Its other arguments are those of the client."""
        wanted = not set(self.stages).isdisjoint(of) and (self.cluster or not cluster)
        metric = make(name, text, labels, registry=self.registry if wanted else None, **more)
        self.made.append(Family(metric, tuple(of), cluster))
        return metric
