"""PURE. Filing items: what is filed, when it counts as put right, and the limits of its two clocks by severity and street."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from citybrain.kernel.errors import ConfigError
from citybrain.kernel.model import Kind
from dispatch.deadlines import UNITS

MAKE_SAFE, REPAIR = "make_safe", "repair"
CLOCKS = (MAKE_SAFE, REPAIR)
"""The two clocks of every order: until when nobody can come to harm any more, and until when it is put right."""

KINDS = {*Kind, "any"}
LONGEST = {"urgent_minute": 527040.0, "urgent_hour": 8784.0, "natural_day": 366.0, "work_hour": 2928.0, "work_day": 366.0}
"""About a year in each unit: a longer limit is a typing error."""
_TEXT_UNITS = {
    "紧急工作时": "urgent_hour",
    "工作时": "work_hour",
    "工作日": "work_day",
    "自然日": "natural_day",
    "分钟": "urgent_minute",
}
_TEXT = re.compile(r"(\d+(?:\.\d+)?)\s*(紧急工作时|工作时|工作日|自然日|分钟)")


@dataclass(frozen=True, slots=True)
class Limit:
    """One row of a clock: a limit for a severity and a class of streets; None stands for every one."""

    value: float
    unit: str
    source: str
    severity: str | None = None
    street: str | None = None
    quiet: bool = False
    """The clock is kept and scored, but nobody is reminded of it: the fault endangers nobody."""

    @property
    def key(self) -> tuple[str | None, str | None]:
        """What makes a row of a clock unique."""
        return self.severity, self.street

    def fits(self, severity: str | None, street: str | None) -> bool:
        """Does the row say anything about this severity and class of streets?"""
        return self.severity in {None, severity} and self.street in {None, street}


class Check(NamedTuple):
    """One line of the list that is gone through before an order is reported fixed."""

    id: str
    en: str
    zh: str
    required: bool = True

    def title(self, language: str) -> str:
        """The line in a language."""
        return self.zh if language == "zh" else self.en


@dataclass(frozen=True, slots=True)
class Item:
    """A filing item: what is filed, when it counts as put right, what is checked then, and the rows of both clocks."""

    item: str
    kind: str
    object_en: str
    object_zh: str
    condition_en: str
    condition_zh: str
    close_en: str
    close_zh: str
    make_safe: tuple[Limit, ...]
    repair: tuple[Limit, ...]
    checklist: tuple[Check, ...] = ()

    def rows(self, clock: str) -> tuple[Limit, ...]:
        """The rows of a clock."""
        return self.make_safe if clock == MAKE_SAFE else self.repair

    def limit(self, clock: str, severity: str | None = None, street: str | None = None) -> Limit | None:
        """The row that counts for a severity and a class of streets. None: no row fits."""
        return most_specific(self.rows(clock), severity, street)


def most_specific(rows: Sequence[Limit], severity: str | None, street: str | None) -> Limit | None:
    """The row that names most of the two; where one names the severity and another the street, the severity wins."""
    fitting = [row for row in rows if row.fits(severity, street)]
    return max(fitting, key=lambda row: 2 * (row.severity is not None) + (row.street is not None), default=None)


def stated(text: str) -> tuple[float, str] | None:
    """The limit that a Chinese text states, `2紧急工作时` -> (2, "urgent_hour"); None when it states none."""
    found = _TEXT.search(text)
    return (float(found[1]), _TEXT_UNITS[found[2]]) if found else None


def checked(
    value: str, unit: str, source: str, *, keys: tuple[str, str, str] = ("value", "unit", "source")
) -> tuple[float, str]:
    """Value and unit of a limit as somebody wrote them. Raises ConfigError with one of `keys`: not a number, not a unit, too
    long, or not what the text of its source says (2紧急工作时 is not two working hours)."""
    if unit not in UNITS:
        raise ConfigError(f"{unit!r}: one of {', '.join(UNITS)}", key=keys[1])
    try:
        number = float(value)
    except ValueError:
        raise ConfigError(f"{value!r} is not a number", key=keys[0]) from None
    if not 0 < number <= LONGEST[unit]:
        raise ConfigError(f"{number:g} {unit}: above 0 and at most {LONGEST[unit]:g}", key=keys[0])
    said = stated(source)
    if said is not None and said != (number, unit):
        raise ConfigError(f"the source says {said[0]:g} {said[1]}, the row {number:g} {unit}", key=keys[2])
    return number, unit
