"""The books of a city: the tables by which dispatch decides, read once at the start.

A further table is a field here with the shipped one as its default, a line in `load_books`, and a part of `check-config`.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from citybrain.config import Settings
from dispatch.arbiters import ReturnRules, return_rules
from dispatch.calendars import Calendars, load_calendars
from dispatch.channel_rules import ChannelRules, load_channel_rules
from dispatch.grouping_file import load_grouping
from dispatch.profiles import Profile, load_profile
from dispatch.storm import StormRules
from dispatch.stormrules import load_storm
from dispatch.together import Grouping
from dispatch.watching import WatchPlan, watch_plan


@dataclass(frozen=True, slots=True)
class Books:
    """What dispatch looks up that is neither the rulebook nor the register."""

    profile: Profile
    calendars: Calendars
    channels: ChannelRules = field(default_factory=load_channel_rules)
    grouping: Grouping = field(default_factory=load_grouping)
    returns: ReturnRules = field(default_factory=ReturnRules)
    watch: WatchPlan = field(default_factory=WatchPlan)
    storm: StormRules = field(default_factory=load_storm)


def load_books(settings: Settings) -> Books:
    """The books that the settings name, else the shipped ones. Raises ConfigError with file, line and key."""
    return Books(
        profile=load_profile(settings.city_profile, settings.limits),
        calendars=load_calendars(settings.calendars),
        channels=load_channel_rules(settings.channels),
        grouping=load_grouping(settings.grouping),
        returns=return_rules(settings),
        watch=watch_plan(settings),
        storm=load_storm(settings.storm),
    )
