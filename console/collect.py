"""Metrics of many processes as one page: each writes its own file every few seconds, the server puts them together.

A sample keeps the name of its process in the label `process`, so that nothing has to be added up here and a restart of one
process is a counter reset of its own series only.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Iterable, Iterator
from pathlib import Path

from prometheus_client import CollectorRegistry, Metric, generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.registry import Collector

from citybrain.clock import real_ms

log = logging.getLogger(__name__)

STALE_S = 120.0
"""A file that was not written for so long (real seconds) belongs to a process that is gone."""


def write_metrics(registry: CollectorRegistry, path: Path) -> None:
    """Write all metrics of a registry to `path` (`data_dir/run/metrics/{process}.prom`), whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    draft.write_bytes(generate_latest(registry))
    draft.replace(path)


class _Labelled(Collector):
    """Families whose samples have been labelled already."""

    def __init__(self, families: Iterable[Metric]) -> None:
        self._families = list(families)

    def collect(self) -> Iterator[Metric]:
        return iter(self._families)


def merge(sources: Iterable[tuple[str, Iterable[Metric]]]) -> list[Metric]:
    """Families of several processes as one list: a family occurs once, its samples carry the label `process`.

    A process whose family has another type than the first one's is left out of that family, and that is logged.
    """
    merged: dict[str, Metric] = {}
    for process, families in sources:
        for family in families:
            into = merged.get(family.name)
            if into is None:
                into = merged[family.name] = Metric(family.name, family.documentation, family.type, family.unit)
            if into.type != family.type:
                log.warning("metric %s is a %s in %s and a %s elsewhere", family.name, family.type, process, into.type)
                continue
            for sample in family.samples:
                if sample.name.endswith("_created"):
                    continue  # when a counter began: a series for each, which nobody asks for
                into.samples.append(sample._replace(labels={**sample.labels, "process": process}))
    return [family for family in merged.values() if family.samples]


def read_files(folder: Path, now_ms: int, *, stale_s: float = STALE_S) -> list[tuple[str, list[Metric], float]]:
    """Process, families and age in real seconds of each metrics file that is fresh and whole."""
    found = []
    for file in sorted(folder.glob("*.prom")):
        try:
            age = max(0.0, now_ms / 1000 - file.stat().st_mtime)
            if age <= stale_s:
                found.append((file.stem, list(text_string_to_metric_families(file.read_text("utf-8"))), age))
        except (OSError, ValueError) as error:
            log.warning("metrics file %s is left out: %s", file, error)
    return found


def age_family(ages: Iterable[tuple[str, float]]) -> GaugeMetricFamily:
    """How old the metrics of the other processes are: (process, real seconds)."""
    family = GaugeMetricFamily(
        "citybrain_metrics_age_seconds", "Since when the metrics of a process were not written.", labels=["process"]
    )
    for name, seconds in ages:
        family.add_metric([name], seconds)
    return family


def own_page(own: CollectorRegistry, extra: Iterable[Collector]) -> bytes:
    """The text of /metrics of a process alone: whose it is, is known to whoever asks."""
    registry = CollectorRegistry()
    for collector in extra:
        registry.register(collector)
    return generate_latest(own) + generate_latest(registry)


def page(own: CollectorRegistry, folder: Path | None, *, process: str = "http", extra: Iterable[Collector] = ()) -> bytes:
    """The text of /metrics: this process, those that wrote files, and further collectors (without the label)."""
    files = read_files(folder, real_ms()) if folder else []
    families = merge([(process, own.collect()), *((name, metrics) for name, metrics, _ in files if name != process)])
    registry = CollectorRegistry()
    registry.register(_Labelled([*families, age_family((name, seconds) for name, _, seconds in files)]))
    for collector in extra:
        registry.register(collector)
    return generate_latest(registry)
