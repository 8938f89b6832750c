"""The view by which lists are shown in the terminal: conditions in words, units by their names."""

from __future__ import annotations

from datetime import datetime

from citybrain.config import Settings
from citybrain.kernel.conditions import ConditionInfo
from citybrain.store import views
from citybrain.store.db import Tx
from console.view import View, unit_names
from console.watching import Watching
from forecast.book import planned_infos
from rules.load import load


def conditions(settings: Settings) -> dict[str, ConditionInfo]:
    """Every condition there is: those of the rulebook, and those of planned orders."""
    return {**load(settings.rulebook).info, **planned_infos(settings.forecast)}


def view_of(tx: Tx, settings: Settings, now: datetime) -> View:
    """The view by the settings and the units of the register. `now` is city time."""
    units = unit_names(views.units(tx), settings.language)
    return View(Watching(), now, infos=conditions(settings), units=units, language=settings.language)
