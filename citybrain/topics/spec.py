"""PURE: the topics between the stages: names, partitions, retention. `citybrain topics apply` makes them so."""

from __future__ import annotations

from typing import Final, NamedTuple

from citybrain.kernel.ids import SHARDS

DAY_MS: Final = 86_400_000
ALERT_PARTITIONS: Final = 8
"""Fixed like the shards: a shard's alerts stay in one partition, so their order is kept."""
MAX_RECORD_BYTES: Final = 4 << 20
"""A record of 500 readings has about 100 kB; one reading of a profile may hold 64 kB of text."""

READINGS: Final = "readings"
ALERTS: Final = "alerts"
REJECTED: Final = "rejected"
REGISTER: Final = "register"


class Topic(NamedTuple):
    """One topic. `keep_ms` None: compacted, the newest record of each key is kept for good."""

    name: str
    partitions: int
    keep_ms: int | None
    about: str

    def config(self, replication: int = 1) -> dict[str, str]:
        """The topic's settings in Kafka's words. With three replicas a record is safe on two disks before it counts."""
        kept = (
            {"cleanup.policy": "compact", "min.cleanable.dirty.ratio": "0.1", "segment.ms": str(DAY_MS)}
            if self.keep_ms is None
            else {"cleanup.policy": "delete", "retention.ms": str(self.keep_ms)}
        )
        return {
            **kept,
            "compression.type": "producer",
            "max.message.bytes": str(MAX_RECORD_BYTES),
            "min.insync.replicas": "2" if replication > 2 else "1",
        }


TOPICS: Final = (
    Topic(READINGS, SHARDS, 7 * DAY_MS, "Readings in packs of one shard, and the ticks that carry time."),
    Topic(ALERTS, ALERT_PARTITIONS, 30 * DAY_MS, "Changes of alerts, one a record."),
    Topic(REJECTED, ALERT_PARTITIONS, 30 * DAY_MS, "Messages and readings that could not be read or judged, with the reason."),
    Topic(REGISTER, 1, None, "Assets, devices and the rulebook as they are now, one a key."),
)


def alert_partition(shard: int) -> int:
    """The partition of topic `alerts` that holds the alerts of a shard."""
    return shard % ALERT_PARTITIONS
