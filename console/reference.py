"""Every metric there is, for the reference page and for the test that holds it against a running program."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from prometheus_client import Metric

from citybrain.families import STAGES
from citybrain.metrics import Metrics
from citybrain.store.gauges import Details, Gauges
from console.collect import age_family
from console.gaugecollector import database_up, families

PROCESS = "process"
"""Of the client library: the same in every program."""


class Entry(NamedTuple):
    """One metric. `name` is that of its samples without `_bucket`, `_sum` and `_count`; `runtime` is "both" or one of them."""

    name: str
    type: str
    labels: tuple[str, ...]
    where: str
    text: str
    runtime: str = "both"


def reference() -> list[Entry]:
    """All of them by name."""
    metrics = Metrics()
    found = []
    for family in metrics.make.made:
        described = next(iter(family.metric.describe()))
        stages = "every process" if family.stages == STAGES else ", ".join(family.stages)
        where = f"{stages} (cluster)" if family.cluster else stages
        # the client offers no public way to ask a metric for the names of its labels
        found.append(_entry(described, family.metric._labelnames, where, "cluster" if family.cluster else "both"))
    own = {entry.name for entry in found}
    for described in metrics.registry.collect():
        entry = _entry(described, (), "every process, on Linux")
        if entry.name.startswith(f"{PROCESS}_") and entry.name not in own:
            found.append(entry)
    for gauge in (database_up(0), *families(Gauges(), Details())):
        found.append(_entry(gauge, gauge._labelnames, "console, from the database"))
    found.append(_entry(age_family([]), age_family([])._labelnames, "console (embedded)", "embedded"))
    return sorted(found)


def _entry(metric: Metric, labels: Sequence[str], where: str, runtime: str = "both") -> Entry:
    name = f"{metric.name}_total" if metric.type == "counter" else metric.name
    return Entry(name, metric.type, tuple(labels), where, metric.documentation, runtime)


def exposed(metrics: Iterable[Metric]) -> set[str]:
    """The names of families with samples, as the reference writes them."""
    return {_entry(metric, (), "").name for metric in metrics if metric.samples}
