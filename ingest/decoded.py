"""PURE: what a message was."""

from __future__ import annotations

from typing import NamedTuple

from citybrain.kernel.model import Asset, Device, Reading
from ingest.values import Note


class Decoded(NamedTuple):
    """What a message was. `new_assets` and `new_devices` must be stored before the readings (provisional, auto_register).

    `ignored` is one of `ingest.quarantine.IGNORED`, then there are no readings. `notes` name the values that were left out.
    """

    readings: tuple[Reading, ...] = ()
    new_assets: tuple[Asset, ...] = ()
    new_devices: tuple[Device, ...] = ()
    ignored: str | None = None
    notes: tuple[Note, ...] = ()
