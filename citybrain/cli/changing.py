"""How a command changes something: with all tables of the city, at the city's time, tried again when the database asks."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import TypeVar

from citybrain import clock
from citybrain.cli.common import get_settings, open_db, run_clock
from citybrain.config import Settings
from citybrain.runtime.city import City
from citybrain.store.db import Tx
from dispatch.opening import Lookups

T = TypeVar("T")


def change(data_dir: Path | None, work: Callable[[Tx, Lookups, datetime], T]) -> tuple[T, Settings]:
    """Do `work` in a transaction; what it gave, and the settings. The register is read in a transaction before it."""
    settings = get_settings(data_dir)
    now = clock.parse(run_clock(settings)).now()
    city = City(settings)
    with open_db(settings) as db:
        with db.transaction() as tx:
            city.load_register(tx)
        look = Lookups(city.infos, city.register, city.books)
        return db.attempt(lambda tx: work(tx, look, now)), settings
