"""The register and the rulebook into the compacted topic `register`, from which bridges and workers follow them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

from citybrain.kernel.ids import derived_id
from citybrain.kernel.model import Asset, Device
from citybrain.topics import changes
from citybrain.topics.changes import RulebookText
from citybrain.topics.headers import headers
from citybrain.topics.producer import Producer, Sending, delivered
from citybrain.topics.spec import REGISTER

_CHUNK = 5000
"""records under way at a time"""


def publish_register(
    producer: Producer,
    *,
    version: int,
    assets: Sequence[Asset],
    devices: Mapping[str, Sequence[Device]],
    source: str,
    at: datetime,
) -> int:
    """Tell what changed up to a version of the register, and that it is all; how many records.

    The arguments are those of `citybrain.store.register.changed_since`; `source` is the id of the service. Returns when every
    record is safe. Raises UnavailableError: then nobody knows which are, and all have to be told again, which does no harm.
    """
    told = changes.of_register(version, assets, devices)
    done = _publish(producer, told, source, at)
    # the last one goes alone, after all others are safe: followers rely on it
    return done + _publish(producer, [changes.of_version(version)], source, at)


def publish_rulebook(producer: Producer, rulebook: RulebookText, *, source: str, at: datetime) -> int:
    """Tell the rulebook that is to be used from now on; how many records (1). Raises UnavailableError."""
    return _publish(producer, [changes.of_rulebook(rulebook)], source, at)


def _publish(producer: Producer, records: Iterable[tuple[bytes, bytes]], source: str, at: datetime) -> int:
    done = 0
    under_way: list[Sending] = []
    for key, value in records:
        # the same content has the same id, whoever tells it
        id = derived_id(key.decode(), value.decode())
        found = headers("register", id=id, source=source, at=at)
        under_way.append(producer.send(REGISTER, value, key=key, partition=0, headers=found))
        done += 1
        if len(under_way) >= _CHUNK:
            delivered(under_way)
            under_way = []
    delivered(under_way)
    return done
