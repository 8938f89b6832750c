"""The view by which lists are shown in the terminal: conditions in words, units by their names."""

from __future__ import annotations

from datetime import datetime

from citybrain.config import Settings
from citybrain.store import views
from citybrain.store.db import Tx
from console.view import View, unit_names
from console.watching import Watching
from forecast.book import planned_infos
from rules.load import load


def view_of(tx: Tx, settings: Settings, now: datetime) -> View:
    """The view by the settings and the units of the register. `now` is city time."""
    units = unit_names(views.units(tx), settings.language)
    infos = {**load(settings.rulebook).info, **planned_infos(settings.forecast)}
    return View(Watching(), now, infos=infos, units=units, language=settings.language)
