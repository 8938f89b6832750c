"""Readings taken out of the archive as a stream of CSV, for files."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import NamedTuple

from citybrain.store.db import Tx
from citybrain.store.sql import load

_SQL = load("extract")

COLUMNS = ("asset", "measure", "observed_ms", "value", "label", "quality", "message", "device", "seq", "received_ms")
"""of the CSV, which has no head; times in ms since 1970 UTC"""


class Selection(NamedTuple):
    """Which values: of some assets and measures (None: of all), observed in [begin, end)."""

    begin: datetime
    end: datetime
    assets: Sequence[str] | None = None
    measures: Sequence[str] | None = None


def csv_of(tx: Tx, selection: Selection) -> Iterator[bytes]:
    """Lines of CSV in pieces: the values ordered by asset, time and message. Unquoted nothing is null."""
    return tx.copy_out(
        _SQL["values"],
        begin=selection.begin,
        end=selection.end,
        assets=None if selection.assets is None else list(selection.assets),
        measures=None if selection.measures is None else list(selection.measures),
    )
