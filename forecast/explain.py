"""The forecasts of one asset as they would be made now, without writing anything."""

from __future__ import annotations

from datetime import datetime

from citybrain.kernel.model import Asset
from citybrain.kernel.register import Register
from citybrain.store.db import Tx
from forecast.book import Book
from forecast.finding import Finding
from forecast.gather import Surroundings, days_of, gather
from forecast.judge import judge


def explained(tx: Tx, book: Book, register: Register, asset: Asset, now: datetime) -> list[Finding]:
    """Every forecast that applies to the asset, with its numbers and its reason."""
    today = float(int(days_of(now)))
    chunk = gather(tx, [asset], book, today)
    return [judged.finding for judged in judge(tx, chunk, asset, Surroundings(book, register, today))]
