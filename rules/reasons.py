"""The closed set of reasons that the rules give. Screens translate them by code."""

from __future__ import annotations

from typing import Final

REASONS: Final[dict[str, str]] = {
    "above_raise": "the value is above the limit",
    "below_raise": "the value is below the limit",
    "flag_set": "the device itself says so",
    "rises_too_fast": "the value rises faster than the limit",
    "falls_too_fast": "the value falls faster than the limit",
    "limit_soon": "if it goes on like this, the limit is reached too soon",
    "dark_at_night": "the lamp is dark while it should be lit",
    "lit_by_day": "the lamp is lit while it should be dark",
    "below_band": "the value is below its band at this dimming",
    "above_band": "the value is above its band at this dimming",
    "silent": "nothing was heard for several intervals of the device",
    "value_stuck": "the value does not move any more",
    "baseline_moved": "the slow baseline has moved away from its zero",
    "several_signals": "several weak signals at about the same time",
    "high_in_dry_weather": "the water stands high although it has not rained",
    "too_many_events": "too many events in the span of time",
    "good_again": "the signal is good again; the hold runs",
    "stayed_good": "the signal stayed good for as long as the rule asks",
    "flapping": "raised so often that it is now held open",
    "rule_removed": "the rule or the asset is no longer there",
    "late_readings": "late readings changed what is known of it",
    "not_confirmed": "in the light of late readings it did not happen",
}
"""Code -> one-line meaning."""
