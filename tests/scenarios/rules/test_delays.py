"""How long after a fault begins is it raised? The goals of detection, as a table, against the shipped rulebook.

A fault begins at any moment between two readings. What counts is the time of the event, which is that of a reading or of a
timer and does not depend on how often the clock ticks.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import NamedTuple

import pytest

from citybrain.kernel.events import AlertChange
from citybrain.kernel.ids import shard_of
from citybrain.kernel.model import Asset, Reading, Value
from citybrain.kernel.times import to_ms
from rules.engine import Engine
from rules.load import load
from rules.rulebook import Rulebook

RULEBOOK = load(None)
SECOND, MINUTE, HOUR = 1000, 60_000, 3_600_000
SHARE_OF_INTERVAL = (0.0, 0.01, 0.37, 0.5, 0.99)
"""Where between two readings a fault begins."""

Values = dict[str, Value]


class Goal(NamedTuple):
    """A fault of one kind: what is read before and after it begins, and by when (ms after it) it must have been raised."""

    condition: str
    asset: Asset
    start: str
    """When the readings begin."""
    fault_after_ms: int
    healthy: Values
    faulty: Values | None
    """None: nothing is read any more."""
    within_ms: Callable[[int], int]
    """From the interval (ms)."""
    dry_gauge: bool = False


def interval_ms(asset: Asset) -> int:
    return round((asset.interval_s or 0) * SECOND)


LAMP = Asset("SL-1", "streetlight", lat=31.3, lon=120.6, rated_power_w=64, interval_s=900)
DRAIN = Asset("DR-1", "drain", depth_mm=3000, pipe_diameter_mm=600, interval_s=600, district="north")
GAUGE = Asset("RG-1", "rain_gauge", district="north")
TILT: Values = {"tilt_deg": 0.4}
LIVE: Values = {"feeder_live": True, "feeder_commanded": True, "power_w": 6900.0}
SILENT_K = 5
GOALS = {
    "cover open: one uplink and 5 s": Goal(
        "MH-OPEN",
        Asset("MH-1", "manhole", interval_s=3600),
        "2026-03-02T00:00:00+00:00",
        6 * HOUR,
        TILT,
        {"tilt_deg": 38.0},
        lambda interval: interval + 5 * SECOND,
    ),
    "cover turned over: one uplink": Goal(
        "MH-FLIP",
        Asset("MH-1", "manhole", interval_s=3600),
        "2026-03-02T00:00:00+00:00",
        6 * HOUR,
        TILT,
        {"tilt_deg": 176.0},
        lambda interval: interval,
    ),
    "feeder outage: 5 min": Goal(
        "CAB-TRIP",
        Asset("CB-1", "cabinet", interval_s=240),
        "2026-03-02T18:00:00+00:00",
        2 * HOUR,
        LIVE,
        {"feeder_live": False, "feeder_commanded": True, "power_w": 0.0},
        lambda interval: 5 * MINUTE,
    ),
    "blockage in dry weather: 4 h and one sample": Goal(
        "DR-BLOCK",
        DRAIN,
        "2026-07-02T00:00:00+00:00",
        8 * HOUR,
        {"level_mm": 90.0, "freeboard_mm": 2910.0},
        {"level_mm": 430.0, "freeboard_mm": 2570.0},
        lambda interval: 4 * HOUR + interval,
        dry_gauge=True,
    ),
    "day burner: 45 min": Goal(
        "SL-DAY",
        LAMP,
        "2026-06-12T01:00:00+00:00",
        3 * HOUR,
        {"power_w": 0.6, "voltage_v": 238.0, "dim_pct": 0.0},
        {"power_w": 62.0, "voltage_v": 236.0, "dim_pct": 100.0},
        lambda interval: 45 * MINUTE,
    ),
    "silent, hourly": Goal(
        "DEV-SILENT",
        Asset("MH-1", "manhole", interval_s=3600),
        "2026-03-02T00:00:00+00:00",
        6 * HOUR,
        TILT,
        None,
        lambda interval: SILENT_K * interval,
    ),
    "silent, each ten minutes": Goal(
        "DEV-SILENT",
        DRAIN,
        "2026-03-02T00:00:00+00:00",
        6 * HOUR,
        {"level_mm": 90.0},
        None,
        lambda interval: SILENT_K * interval,
    ),
    "lamp dark: half an hour and one sample": Goal(
        "SL-OUT",
        LAMP,
        "2026-06-12T13:00:00+00:00",
        2 * HOUR,
        {"power_w": 62.0, "voltage_v": 236.0, "dim_pct": 100.0},
        {"power_w": 0.4, "voltage_v": 236.0, "dim_pct": 100.0},
        lambda interval: 30 * MINUTE + interval,
    ),
    "water at the rim of a manhole: two samples": Goal(
        "MH-FULL",
        Asset("MH-1", "manhole", depth_mm=3000, interval_s=600),
        "2026-03-02T00:00:00+00:00",
        2 * HOUR,
        {"freeboard_mm": 1800.0},
        {"freeboard_mm": 60.0},
        lambda interval: 2 * interval,
    ),
}


def raised(goal: Goal, share: float, rulebook: Rulebook = RULEBOOK) -> tuple[int, int]:
    """When the fault began, and when its first event came (ms)."""
    step, start = interval_ms(goal.asset), to_ms(datetime.fromisoformat(goal.start))
    begins = start + goal.fault_after_ms + round(share * step)
    ends = begins + goal.within_ms(step) + 3 * step
    register = {goal.asset.id: goal.asset, GAUGE.id: GAUGE}
    engine = Engine(shard_of(GAUGE.id), rulebook, register.get)
    messages = [(at, goal.asset, goal.healthy if at < begins else goal.faulty) for at in range(start, ends, step)]
    if goal.dry_gauge:
        messages += [(at, GAUGE, {"rain_mm": 0.0}) for at in range(start, ends, 10 * MINUTE)]
    events = []
    for at, asset, values in sorted(messages, key=lambda one: (one[0], one[1].id)):
        events += engine.tick(at - 1)
        if values is not None:
            events += engine.step([Reading(asset.id, asset.kind, asset.id, at, at, values, None, at)]).events
    events += engine.tick(ends)
    first = [one for one in events if one.condition == goal.condition and one.change == AlertChange.RAISED]
    assert len(first) == 1, [f"{one.condition} {one.change}" for one in events]
    assert {one.condition for one in events} <= {goal.condition, *ALSO.get(goal.condition, ())}
    return begins, first[0].at_ms


ALSO = {"MH-FLIP": ("MH-OPEN",), "MH-FULL": ("MH-LEVEL",)}
"""Weaker conditions of the same cause that the same fault shows."""


@pytest.mark.parametrize("share", SHARE_OF_INTERVAL)
@pytest.mark.parametrize("name", GOALS)
def test_raised_in_time(name: str, share: float) -> None:
    goal = GOALS[name]
    begins, at = raised(goal, share)
    assert begins <= at <= begins + goal.within_ms(interval_ms(goal.asset)), f"{(at - begins) / MINUTE:.1f} min"
