"""Durable counters: how much came, was stored, was refused since the beginning."""

from __future__ import annotations

from collections.abc import Mapping

from citybrain.store.db import Tx
from citybrain.store.sql import load

_SQL = load("counters")


def count(tx: Tx, amounts: Mapping[str, int]) -> None:
    """Add to counters by name. Do it last in a transaction: others wait for it."""
    added = {name: value for name, value in amounts.items() if value}
    if added:
        tx.run(_SQL["add"], names=list(added), values=list(added.values()))
