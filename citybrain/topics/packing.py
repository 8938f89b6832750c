"""PURE: readings on their way into records: gathered by partition, and which records hold what of a message.

A message is done when every record that holds something of it is safe. Its `Ticket` counts them: `Packer` counts up, whoever
sends counts down. A partition is full at `MOST_READINGS` or `MOST_BYTES`; the rest goes when its time has come (`flush`).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final, NamedTuple

from citybrain.kernel.ids import SHARDS, shard_of
from citybrain.kernel.model import Asset, Device, Kind, Reading
from citybrain.topics.records import Batch, Tick

MOST_READINGS: Final = 500
MOST_BYTES: Final = 1 << 20
"""About so much of what came goes into one record, whose limit is 4 MiB: in JSON of ours it is at most twice as long."""
_EVERYWHERE: Final = range(SHARDS)


class Ticket:
    """One message: `token` acknowledges it, `left` records hold something of it and are not safe yet."""

    __slots__ = ("left", "token")

    def __init__(self, token: int) -> None:
        self.token, self.left = token, 0


class Packed(NamedTuple):
    """One record to be: its partition, its content, and the messages that have something in it."""

    partition: int
    batch: Batch
    tickets: Sequence[Ticket]


class _Slot:
    """What is gathered for one partition."""

    __slots__ = ("assets", "devices", "readings", "size", "tickets")

    def __init__(self) -> None:
        self.readings: list[Reading] = []
        self.assets: list[Asset] = []
        self.devices: list[Device] = []
        self.tickets: list[Ticket] = []
        self.size = 0


class Packer:
    """Gathers readings of all partitions. Not thread-safe."""

    def __init__(self, most_readings: int = MOST_READINGS, most_bytes: int = MOST_BYTES) -> None:
        self._most_readings, self._most_bytes = most_readings, most_bytes
        self._slots = [_Slot() for _ in range(SHARDS)]
        self.waiting = 0
        """readings gathered and not yet handed out"""

    def add(
        self,
        ticket: Ticket,
        readings: Sequence[Reading],
        assets: Iterable[Asset] = (),
        devices: Iterable[Device] = (),
        size: int = 0,
    ) -> list[Packed]:
        """Put in what a message of `size` bytes brought; the records that are full now.

        Assets and devices that made themselves known go before the readings, into the same partitions.
        """
        full: list[Packed] = []
        if assets or devices:
            self._introduce(ticket, readings, assets, devices)
        share = size // len(readings) if readings else 0
        for reading in readings:
            # rain is context for the rules of every partition
            for number in _EVERYWHERE if reading.kind == Kind.RAIN_GAUGE else (shard_of(reading.asset),):
                slot = self._slot(number, ticket)
                slot.readings.append(reading)
                slot.size += share
                self.waiting += 1
                if len(slot.readings) >= self._most_readings or slot.size >= self._most_bytes:
                    full.append(self._taken(number))
        return full

    def _introduce(
        self, ticket: Ticket, readings: Sequence[Reading], assets: Iterable[Asset], devices: Iterable[Device]
    ) -> None:
        gauges = {reading.asset for reading in readings if reading.kind == Kind.RAIN_GAUGE}
        for asset in assets:
            for number in _EVERYWHERE if asset.id in gauges else (shard_of(asset.id),):
                self._slot(number, ticket).assets.append(asset)
        for device in devices:
            for number in _EVERYWHERE if device.asset in gauges else (shard_of(device.asset),):
                self._slot(number, ticket).devices.append(device)

    def _slot(self, number: int, ticket: Ticket) -> _Slot:
        slot = self._slots[number]
        tickets = slot.tickets
        if not tickets or tickets[-1] is not ticket:
            tickets.append(ticket)
            ticket.left += 1
        return slot

    def _taken(self, number: int, tick: Tick | None = None) -> Packed:
        slot, self._slots[number] = self._slots[number], _Slot()
        self.waiting -= len(slot.readings)
        return Packed(number, Batch(slot.readings, tick, slot.assets, slot.devices), slot.tickets)

    def flush(self, tick: Tick | None = None) -> list[Packed]:
        """Everything gathered; with a tick a record for every partition, and the tick behind its readings."""
        return [self._taken(number, tick) for number, slot in enumerate(self._slots) if tick is not None or slot.tickets]


def halves(packed: Packed) -> tuple[Packed, Packed] | None:
    """A record that is too large as two; None when it has one reading, so that nothing is left to divide.

    The tickets count the second one too. What made itself known stays before the readings, the tick behind them.
    """
    batch = packed.batch
    middle = len(batch.readings) // 2
    if not middle:
        return None
    for ticket in packed.tickets:
        ticket.left += 1
    first = Batch(batch.readings[:middle], None, batch.assets, batch.devices)
    second = Batch(batch.readings[middle:], batch.tick)
    return Packed(packed.partition, first, packed.tickets), Packed(packed.partition, second, packed.tickets)
