"""Months of one sensor against the shipped rulebook: what is normal there raises nothing, and nothing is told over and over."""

from __future__ import annotations

from collections.abc import Callable
from itertools import groupby, pairwise

import pytest

from citybrain.kernel.events import AlertChange, AlertEvent
from citybrain.kernel.ids import shard_of
from citybrain.kernel.model import Asset, Reading, Value
from rules.engine import Engine
from rules.load import load
from tests.scenarios.rules.series import DAY_MS, HOUR_MS, REACH_MM, Lighting, Tide, lightings, tides

RULEBOOK = load(None)
TIDES, LIGHTINGS = tides(), lightings()
GAUGE = Asset("RG-1", "rain_gauge", district="coast")
BED_MM = 4400
SILENT_MS = 5 * 600_000
"""k intervals of ten minutes."""

Values = dict[str, Value]


def outfall(kind: str = "drain", *, rim_mm: float = BED_MM, pipe_mm: float = 1200, district: str | None = None) -> Asset:
    """An asset with a ranger over the tide; the sensor hangs `BED_MM` above its floor."""
    return Asset(
        "A-1",
        kind,
        install_height_mm=BED_MM,
        depth_mm=rim_mm,
        pipe_diameter_mm=pipe_mm,
        interval_s=600,
        district=district,
    )


def judged(asset: Asset, messages: list[tuple[int, Values]], *, dry: bool = False) -> list[AlertEvent]:
    """The events of a series in event time; with `dry`, a gauge of its district says each ten minutes that it does not rain."""
    engine = Engine(shard_of(GAUGE.id), RULEBOOK, {asset.id: asset, GAUGE.id: GAUGE}.get)
    events: list[AlertEvent] = []
    gauge_at = messages[0][0] - 7 * HOUR_MS
    for at, values in messages:
        while dry and gauge_at <= at:
            events += engine.step([Reading(GAUGE.id, "rain_gauge", GAUGE.id, gauge_at, gauge_at, {"rain_mm": 0.0})]).events
            gauge_at += 600_000
        events += engine.tick(at - 1)
        events += engine.step([Reading(asset.id, asset.kind, asset.id, at, at, values, None, at)]).events
    events += engine.tick(messages[-1][0])
    return [one for one in events if one.asset == asset.id]


def as_raw(asset: Asset, distance: float) -> Values:
    """The device sends a distance beyond its reach when it hears no echo; no level is made of that."""
    return {"distance_mm": distance} if distance >= REACH_MM else levels(asset, distance)


def as_no_target(asset: Asset, distance: float) -> Values:
    """The device says that it hears no echo."""
    return {"no_target": True} if distance >= REACH_MM else levels(asset, distance) | {"no_target": False}


def levels(asset: Asset, distance: float) -> Values:
    level = BED_MM - distance
    return {"distance_mm": distance, "level_mm": level, "freeboard_mm": (asset.depth_mm or 0) - level}


def messages_of(tide: Tide, asset: Asset, told: Callable[[Asset, float], Values] = as_raw) -> list[tuple[int, Values]]:
    return [(at, told(asset, distance)) for at, distance in tide.samples]


def raises(events: list[AlertEvent], condition: str) -> list[int]:
    return [one.onset_ms for one in events if one.condition == condition and one.change == AlertChange.RAISED]


def spans(events: list[AlertEvent], condition: str) -> list[tuple[int, float]]:
    """(onset, end) of the episodes; infinite for one that is not over."""
    ends = {one.id: one.end_ms for one in events if one.change == AlertChange.RESOLVED}
    first = [one for one in events if one.condition == condition and one.change == AlertChange.RAISED]
    return [(one.onset_ms, ends.get(one.id) or float("inf")) for one in first]


@pytest.mark.parametrize("told", [as_raw, as_no_target])
@pytest.mark.parametrize("dry", [False, True], ids=["no gauge", "dry gauge"])
@pytest.mark.parametrize("tide", TIDES, ids=lambda one: one.name)
def test_a_tide_is_no_blockage(tide: Tide, dry: bool, told: Callable[[Asset, float], Values]) -> None:
    """A new site is told twice at most; again when its sensor was blind for so long that the habit was forgotten."""
    asset = outfall(district="coast")
    events = judged(asset, messages_of(tide, asset, told), dry=dry)
    assert len(raises(events, "DR-BLOCK")) <= 3
    assert all(end - onset < 3 * DAY_MS for onset, end in spans(events, "DR-BLOCK"))
    assert not raises(events, "DR-BASE"), "springs and neaps are no silt"


@pytest.mark.parametrize("kind", ["drain", "manhole"])
@pytest.mark.parametrize("tide", TIDES, ids=lambda one: one.name)
def test_high_water_is_told_when_it_is_near_the_rim(tide: Tide, kind: str) -> None:
    """With the rim at the sensor: as often as two readings in a row stood less than 300 mm below it, and not once more."""
    asset = outfall(kind)
    events = judged(asset, messages_of(tide, asset))
    high, rate = ("DR-HIGH", "DR-RATE") if kind == "drain" else ("MH-LEVEL", "MH-RATE")
    near = [at for at, distance in tide.samples if distance < 300]
    twice = [later for sooner, later in pairwise(near) if later - sooner < 900_000]
    assert len(raises(events, high)) == len([1 for n, at in enumerate(twice) if n == 0 or at - twice[n - 1] > DAY_MS])
    closest = min(distance for _, distance in tide.samples)
    assert len(raises(events, rate)) <= (1 if closest < 500 else 0)


@pytest.mark.parametrize("kind", ["drain", "manhole"])
@pytest.mark.parametrize("tide", TIDES, ids=lambda one: one.name)
def test_a_tide_at_the_rim_is_not_told_over_and_over(tide: Tide, kind: str) -> None:
    """With the rim so low that most tides reach it: at most three times in a day, and on most days not at all."""
    asset = outfall(kind, rim_mm=3000)
    events = judged(asset, messages_of(tide, asset), dry=True)
    days = (tide.samples[-1][0] - tide.samples[0][0]) / DAY_MS
    for condition in {one.condition for one in events}:
        at = [one.at_ms for one in events if one.condition == condition and one.change == AlertChange.RAISED]
        assert all(fourth - first > DAY_MS for first, fourth in zip(at, at[3:], strict=False)), condition
        assert len(at) <= days * 0.35, f"{condition}: {len(at)} in {days:.0f} days"


@pytest.mark.parametrize("tide", TIDES, ids=lambda one: one.name)
def test_every_silence_is_found_once(tide: Tide) -> None:
    asset = outfall()
    events = judged(asset, messages_of(tide, asset))
    silences = [(a + SILENT_MS, b) for (a, _), (b, _) in pairwise(tide.samples) if b - a > SILENT_MS]
    episodes = spans(events, "DEV-SILENT")
    assert silences
    for begins, ends in silences:
        assert len([1 for onset, end in episodes if onset <= begins and ends <= end]) == 1
    assert {onset for onset, _ in episodes} <= {begins for begins, _ in silences}


@pytest.mark.parametrize("tide", TIDES, ids=lambda one: one.name)
def test_a_sensor_that_is_blind_for_a_day_is_found_and_low_water_is_not(tide: Tide) -> None:
    asset = outfall()
    events = judged(asset, messages_of(tide, asset))
    plateaus = []
    for _, group in groupby(tide.samples, key=lambda one: one[1]):
        at = [when for when, _ in group]
        if at[-1] - at[0] >= DAY_MS and len(at) >= 48:
            plateaus.append((at[0], at[-1]))
    assert plateaus
    found = raises(events, "DEV-STUCK")
    assert all(any(begins + DAY_MS <= at <= ends for at in found) for begins, ends in plateaus)
    assert len(found) == len(plateaus)


@pytest.mark.parametrize("lighting", LIGHTINGS, ids=lambda one: one.name)
def test_dimming_of_a_cabinet_and_of_a_lamp_raises_nothing(lighting: Lighting) -> None:
    """The same measurement as a cabinet, and as one great lamp with and without its dimming told."""
    cabinet = Asset("C-1", "cabinet", lat=45.4, lon=11.0, interval_s=60)
    lamp = Asset("L-1", "streetlight", lat=45.4, lon=11.0, rated_power_w=6960, interval_s=60)
    whole = [one for one in lighting.samples if one[1] == one[1]]
    assert judged(cabinet, [(at, live(power, voltage)) for at, power, voltage in whole]) == []
    plain: list[tuple[int, Values]] = [(at, {"power_w": power, "voltage_v": voltage}) for at, power, voltage in whole]
    assert judged(lamp, plain) == []
    steered = [(at, values | {"dim_pct": min(100.0, round(float(values["power_w"]) / 69.6))}) for at, values in plain]
    assert judged(lamp, steered) == []


def live(power: float, voltage: float) -> Values:
    return {"power_w": power, "voltage_v": voltage, "feeder_live": power > 0, "feeder_commanded": power > 0}
