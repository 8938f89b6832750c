"""`citybrain ingest` as a process: what a bridge is made of, put together and run until a signal."""

from __future__ import annotations

import sys

from citybrain import clock as clocks
from citybrain.clock import real_ms
from citybrain.config import Settings
from citybrain.kernel.register import Register
from citybrain.metrics import Metrics
from citybrain.runtime.canary import Canary
from citybrain.runtime.cluster.ingest import NAME, Ingest
from citybrain.runtime.cluster.net import Netted
from citybrain.runtime.cluster.service import Service
from citybrain.runtime.sources import Source
from citybrain.topics.admin import wrong_partitions
from citybrain.topics.follower import Follower
from citybrain.topics.producer import Producer
from citybrain.topics.spec import READINGS, REJECTED, TOPICS
from citybrain.tracing import open_spans
from ingest.bridge import Bridge
from ingest.decode import Decoder
from ingest.quarantine import NOTES, REASONS
from ingest.registry import load_profiles


def ingest(settings: Settings) -> int:
    """Run the service until a signal; the exit code."""
    # several share one subscription, and only MQTT 5 has such
    settings = settings.model_copy(update={"mqtt_protocol": "5"})
    sys.setswitchinterval(0.001)
    metrics = Metrics(stages=(NAME,), quarantine_reasons=REASONS, value_notes=NOTES)
    service = Service(NAME, settings, metrics)
    profiles = load_profiles(settings.profiles)
    decoder = Decoder(
        profiles,
        Register(),
        city=settings.city,
        auto_register=settings.auto_register,
        max_future_s=settings.max_future_s,
        max_age_s=settings.max_age_s,
    )
    client_id, filters = f"citybrain-{settings.city}-{service.id}", profiles.subscriptions(settings.city)
    source: Source = Bridge(
        settings,
        client_id=client_id,
        subscriptions=filters,
        shared=settings.mqtt_group,
        queue_size=settings.queue_size,
        on_connect_metric=metrics.reconnects.inc,
    )
    if settings.mqtt_net:
        source = Netted(source, Bridge(settings, client_id=f"{client_id}-net", subscriptions=filters, wait_s=(0.1, 5.0)))
    producer = Producer(settings, f"{settings.kafka_prefix}{service.id}")
    for topic in TOPICS:
        if topic.name in {READINGS, REJECTED} and (there := producer.partitions(topic.name)) != topic.partitions:
            raise wrong_partitions(settings, topic, there)
    follower = Follower(settings, f"{settings.kafka_prefix}{service.id}-register")
    spans = open_spans(service.id, settings.otel_endpoint)
    bridge = Ingest(service, source, decoder, follower, producer, clocks.parse(settings.clock), spans)
    # from now on the broker keeps what comes for us, also while we wait for the register
    source.start()
    if settings.canary_s:
        metrics.expect_canary(NAME, real_ms())
    bird = Canary(settings, metrics, f"citybrain-{settings.city}-{service.id}-canary").start()
    try:
        return service.run(bridge.turn, bridge.close)
    finally:
        bird.stop()
