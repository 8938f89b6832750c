"""Names that two runs of the same input give alike: shards, ids, keys of messages."""

from __future__ import annotations

import hashlib
import uuid
import zlib

from citybrain.kernel.model import Reading

SHARDS = 32
"""Fixed for life: the state of an asset lives in its shard (and later in its Kafka partition)."""

_NAMESPACE = uuid.UUID("6f2f5b0e-93a4-5a0c-8f0e-0c17b4a1d0e5")


def shard_of(asset: str) -> int:
    """The shard (0..31) of an asset: CRC-32 of its id, so that every language and version agrees."""
    return zlib.crc32(asset.encode()) % SHARDS


def alert_id(asset: str, condition: str, onset_ms: int) -> str:
    """The id of an episode, derived from what it is and when it began (UUID v5)."""
    return str(uuid.uuid5(_NAMESPACE, f"{asset}|{condition}|{onset_ms}"))


def derived_id(*parts: str) -> str:
    """A UUID v5 of some parts, for things that must not exist twice (case of an alert, order of a case…)."""
    return str(uuid.uuid5(_NAMESPACE, "\x1f".join(parts)))


def content_hash(data: bytes) -> int:
    """A signed 64-bit hash of bytes, for dedupe keys in the database."""
    return int.from_bytes(hashlib.blake2b(data, digest_size=8).digest(), "big", signed=True)


def message_key(reading: Reading) -> int:
    """What a message is known by within its asset: the key, told apart by device where that is not the asset's default one."""
    return reading.key if reading.device == reading.asset else reading.key ^ zlib.crc32(reading.device.encode()) << 20
