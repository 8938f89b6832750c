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
    # what uuid.uuid5 does, without the object around it: a storm derives a hundred thousand of them
    digest = bytearray(hashlib.sha1(_NAMESPACE.bytes + "\x1f".join(parts).encode(), usedforsecurity=False).digest()[:16])
    digest[6] = digest[6] & 0x0F | 0x50
    digest[8] = digest[8] & 0x3F | 0x80
    text = digest.hex()
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"


def content_hash(data: bytes) -> int:
    """A signed 64-bit hash of bytes, for dedupe keys in the database."""
    return int.from_bytes(hashlib.blake2b(data, digest_size=8).digest(), "big", signed=True)


def message_key(reading: Reading) -> int:
    """What a message is known by within its asset: the key, told apart by device where that is not the asset's default one."""
    return reading.key if reading.device == reading.asset else reading.key ^ zlib.crc32(reading.device.encode()) << 20
