"""/metrics for Prometheus: all processes, and what the database counts."""

from __future__ import annotations

from fastapi import APIRouter, Response
from prometheus_client import CONTENT_TYPE_PLAIN_0_0_4

from citybrain.store.gauges import Details, Gauges, details, gauges
from console.collect import own_page, page
from console.gaugecollector import GaugeCollector
from console.routes.common import READ, Shared
from dispatch.returns import MISDIRECTED

router = APIRouter(tags=["health"], dependencies=READ)


@router.get("/metrics", summary="Metrics for Prometheus", response_class=Response)
def metrics(console: Shared) -> Response:
    """All metrics in the Prometheus text format. The label `process` says whose they are; a service alone has only its own."""

    def read() -> tuple[Gauges, Details]:
        now = console.clock.now()
        with console.db.transaction() as tx:
            return gauges(tx, now), details(tx, now, MISDIRECTED)

    extra = [GaugeCollector(read)]
    if console.run is None:
        text = own_page(console.metrics.registry, extra)
    else:
        text = page(console.metrics.registry, console.run / "metrics", extra=extra)
    return Response(text, media_type=CONTENT_TYPE_PLAIN_0_0_4)
