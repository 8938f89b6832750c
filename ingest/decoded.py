"""PURE: what a message was."""

from __future__ import annotations

from typing import NamedTuple

from citybrain.kernel.model import Asset, Device, Reading
from ingest.values import Note


class Refused(NamedTuple):
    """A part of a message that cannot be taken, while the rest is: its bytes, as a message of its own, and why."""

    payload: bytes
    reason: str
    detail: str


class Decoded(NamedTuple):
    """What a message was. `new_assets` and `new_devices` must be stored before the readings (provisional, auto_register).

    `ignored` is one of `ingest.quarantine.IGNORED`, then there are no readings. `notes` name the values that were left out.
    `refused` are readings of a pack for quarantine, each under the topic of the message.
    """

    readings: tuple[Reading, ...] = ()
    new_assets: tuple[Asset, ...] = ()
    new_devices: tuple[Device, ...] = ()
    ignored: str | None = None
    notes: tuple[Note, ...] = ()
    refused: tuple[Refused, ...] = ()
