"""How lists look in the terminal: a colour and a shape, the condition in words, the unit by its name."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from rich.text import Text

from citybrain.config import Settings
from citybrain.kernel.conditions import ConditionInfo
from citybrain.store import views
from citybrain.store.db import Tx
from console.view import View
from console.watching import Watching
from rules.load import load


@dataclass(frozen=True, slots=True)
class Looks:
    """What a list needs to be shown to people. `now` is city time."""

    language: str
    now: datetime
    infos: Mapping[str, ConditionInfo]
    units: Mapping[str, str]
    view: View

    def title(self, condition: str) -> str:
        """A condition in words; its id when the rulebook does not know it any more."""
        info = self.infos.get(condition)
        if info is None:
            return condition
        return (info.title_zh if self.language == "zh" else info.title_en) or condition

    def unit(self, unit: str) -> str:
        """A unit by its name."""
        return self.units.get(unit) or unit


def looks_of(tx: Tx, settings: Settings, now: datetime) -> Looks:
    """The looks by the settings and the units of the register."""
    name = "name_zh" if settings.language == "zh" else "name"
    units = {row["id"]: row[name] or row["name"] for row in views.units(tx)}
    infos = load(settings.rulebook).info
    view = View(Watching(), now, infos=infos, units=units, language=settings.language)
    return Looks(settings.language, now, infos, units, view)


def mark(table: Mapping[str, tuple[str, str]], key: str, word: str) -> Text:
    """A word with the shape and the colour of its kind."""
    shape, colour = table.get(key, ("·", ""))
    return Text(f"{shape} {word}", style=colour, no_wrap=True)
