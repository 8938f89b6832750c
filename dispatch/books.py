"""The books of a city: the tables by which dispatch decides, read once at the start.

A further table is a field here with the shipped one as its default, a line in `load_books`, and a part of `check-config`.
"""

from __future__ import annotations

from dataclasses import dataclass

from citybrain.config import Settings
from dispatch.calendars import Calendars, load_calendars
from dispatch.limits import Limits, load_limits


@dataclass(frozen=True, slots=True)
class Books:
    """What dispatch looks up that is neither the rulebook nor the register."""

    limits: Limits
    calendars: Calendars


def load_books(settings: Settings) -> Books:
    """The books that the settings name, else the shipped ones. Raises ConfigError with file, line and key."""
    return Books(limits=load_limits(settings.limits), calendars=load_calendars(settings.calendars))
