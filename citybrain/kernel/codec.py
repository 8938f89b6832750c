"""Entries of the log: readings, ticks and adopted states of one batch, as plain lists that any JSON writer takes.

Order within an entry: adopted states first, then the readings, then the tick. A replay applies them in the same order.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from citybrain.kernel.errors import PayloadError
from citybrain.kernel.model import Reading

VERSION = 1


class Entry(NamedTuple):
    """One batch. `tick_ms` is the time that the clock-driven rules were shown, if any; `adopted` are (asset, state) pairs."""

    readings: Sequence[Reading]
    tick_ms: int | None = None
    adopted: Sequence[tuple[str, bytes]] = ()


def to_plain(entry: Entry) -> dict[str, Any]:
    """The entry as JSON-ready lists and dicts."""
    return {
        "v": VERSION,
        "r": [tuple(reading) for reading in entry.readings],
        "t": entry.tick_ms,
        "a": [(asset, state.decode("latin-1")) for asset, state in entry.adopted],
    }


def from_plain(plain: dict[str, Any]) -> Entry:
    """The entry of `to_plain`. Raises PayloadError for a version that this program does not know."""
    if plain.get("v") != VERSION:
        raise PayloadError("log_version", f"entry has version {plain.get('v')!r}, this program reads {VERSION}")
    return Entry(
        [Reading(*fields) for fields in plain["r"]],
        plain["t"],
        [(asset, state.encode("latin-1")) for asset, state in plain["a"]],
    )
