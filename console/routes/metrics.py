"""/metrics for Prometheus: all processes, and what the database counts."""

from __future__ import annotations

from fastapi import APIRouter, Response
from prometheus_client import CONTENT_TYPE_PLAIN_0_0_4

from citybrain.store.gauges import Details, Gauges, details, gauges
from console.collect import page
from console.gaugecollector import GaugeCollector
from console.routes.common import READ, Shared

router = APIRouter(tags=["health"], dependencies=READ)


@router.get("/metrics", summary="Metrics for Prometheus", response_class=Response)
def metrics(console: Shared) -> Response:
    """All metrics in the Prometheus text format. The label `process` says whose they are."""

    def read() -> tuple[Gauges, Details]:
        now = console.clock.now()
        with console.db.transaction() as tx:
            return gauges(tx, now), details(tx, now)

    text = page(console.metrics.registry, console.run / "metrics", extra=[GaugeCollector(read)])
    return Response(text, media_type=CONTENT_TYPE_PLAIN_0_0_4)
