"""Which version of the register the topic `register` has, and who may write there."""

from __future__ import annotations

from citybrain.store.db import Tx
from citybrain.store.sql import load

_SQL = load("published")


def lead(tx: Tx) -> bool:
    """Become the one who publishes, as long as this connection lives; False while somebody else is."""
    row = tx.one(_SQL["lead"])
    return bool(row and row["leads"])


def published(tx: Tx, topic: str) -> int | None:
    """The version up to which all changes are in a topic (its whole name); None when none ever was."""
    row = tx.one(_SQL["published"], topic=topic)
    return int(row["version"]) if row else None


def save_published(tx: Tx, topic: str, version: int) -> None:
    """All changes up to a version are in a topic."""
    tx.run(_SQL["save"], topic=topic, version=version)
