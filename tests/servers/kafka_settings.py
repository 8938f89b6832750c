"""Settings of a Kafka node in tests: small, quick to come back, and nothing made by itself."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

LOG = """\
status = error
appender.out.type = Console
appender.out.name = out
appender.out.layout.type = PatternLayout
appender.out.layout.pattern = %d %p %c{1}: %m%n
rootLogger.level = warn
rootLogger.appenderRef.out.ref = out
"""
_COMMON = {
    "process.roles": "broker,controller",
    "controller.listener.names": "CONTROLLER",
    "inter.broker.listener.name": "PLAINTEXT",
    "auto.create.topics.enable": "false",
    "message.max.bytes": str(4 << 20),
    "replica.fetch.max.bytes": str(4 << 20),
    # a killed node may come back when its old session is over; the default of 9 s only makes tests wait
    "broker.session.timeout.ms": "3000",
    "broker.heartbeat.interval.ms": "500",
    "group.initial.rebalance.delay.ms": "0",
    # so that CITYBRAIN_KAFKA_SESSION_S may be 3, as in compose.yaml
    "group.min.session.timeout.ms": "2000",
    "offsets.topic.num.partitions": "4",
    "transaction.state.log.num.partitions": "4",
    "share.coordinator.state.topic.num.partitions": "1",
    # small: many topics of 32 partitions live and die in a test run, and their cleaner's default buffer is 128 MiB
    "log.segment.bytes": str(32 << 20),
    "log.index.size.max.bytes": str(1 << 20),
    "log.cleaner.dedupe.buffer.size": str(4 << 20),
    "log.cleaner.io.buffer.size": str(256 << 10),
    "num.network.threads": "2",
    "num.io.threads": "4",
    "background.threads": "2",
    # a deleted topic's files go at once, not after a minute
    "log.segment.delete.delay.ms": "1000",
}


def settings(
    node: int, data: Path, controllers: Mapping[int, int], listeners: Mapping[str, int], advertised: Mapping[str, int]
) -> dict[str, object]:
    """The settings of one node of as many as there are controllers; ports by node and by the listener's name."""
    copies = min(len(controllers), 3)
    in_sync = max(1, copies - 1)
    return {
        **_COMMON,
        "node.id": node,
        "controller.quorum.voters": ",".join(f"{one}@127.0.0.1:{port}" for one, port in controllers.items()),
        "listeners": _addresses(listeners),
        "advertised.listeners": _addresses(advertised),
        "listener.security.protocol.map": ",".join(f"{name}:PLAINTEXT" for name in listeners),
        "log.dirs": data,
        "default.replication.factor": copies,
        "min.insync.replicas": in_sync,
        "offsets.topic.replication.factor": copies,
        "transaction.state.log.replication.factor": copies,
        "transaction.state.log.min.isr": in_sync,
        "share.coordinator.state.topic.replication.factor": copies,
        "share.coordinator.state.topic.min.isr": in_sync,
    }


def _addresses(ports: Mapping[str, int]) -> str:
    return ",".join(f"{name}://127.0.0.1:{port}" for name, port in ports.items())
