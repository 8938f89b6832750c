"""A small town for the properties of the rules engine: a rulebook with every detector, and seeded streams of readings."""

from __future__ import annotations

import random
from collections.abc import Iterable, Sequence

from citybrain.kernel.conditions import ConditionInfo
from citybrain.kernel.events import AlertEvent
from citybrain.kernel.ids import message_key, shard_of
from citybrain.kernel.model import Asset, Flag, Reading, Value
from rules.detectors import (
    band,
    count,
    drift,
    dry_high,
    expected_state,
    flag,
    no_data,
    rate,
    several,
    stuck,
    threshold,
)
from rules.engine import Engine
from rules.rulebook import ConditionRule, Dwell, Flap, Rulebook

MINUTE = 60_000
START = 1_780_000_000_000
SHARD = 5
GAUGE = next(f"rg-{n}" for n in range(1000) if shard_of(f"rg-{n}") != SHARD)
OWN_GAUGE = next(f"rg-{n}" for n in range(1000) if shard_of(f"rg-{n}") == SHARD)
TOWN = {
    asset.id: asset
    for asset in (
        Asset("mh-1", "manhole", depth_mm=2000, interval_s=600),
        Asset("mh-2", "manhole", depth_mm=1500, interval_s=900),
        Asset("sl-1", "streetlight", lat=31.2, lon=120.6, rated_power_w=64, interval_s=600),
        Asset("dr-1", "drain", pipe_diameter_mm=400, district="north", interval_s=600),
        Asset("dr-2", "drain", pipe_diameter_mm=400, district="south", interval_s=300),
        Asset(GAUGE, "rain_gauge", district="north", interval_s=600),
        Asset(OWN_GAUGE, "rain_gauge", district="north", interval_s=600),
    )
}


def rule(key: str, kind: str, detector: str, params: object, **given: object) -> ConditionRule:
    """A rule with as little around it as there may be."""
    info = ConditionInfo(key, kind, "major", key.lower(), None, 0)
    return ConditionRule(key, kind, detector, params, "major", info, **given)


def book(*rules: ConditionRule) -> Rulebook:
    """A rulebook of some rules."""
    return Rulebook("test", {one.id: one for one in rules})


RULEBOOK = book(
    rule("OPEN", "manhole", "threshold", threshold.Params("tilt_deg", 10, 5, absolute=True), raise_after=Dwell(1, 400)),
    rule(
        "LEVEL",
        "manhole",
        "threshold",
        threshold.Params("freeboard_mm", 0.2, 0.3, below=True, of="depth_mm"),
        raise_after=Dwell(2),
        clear_after=Dwell(2, 900),
        flap=Flap(2, 7200, 3600),
    ),
    rule("ALARM", "manhole", "flag", flag.Params(("tilt_alarm",)), clear_after=Dwell(1, 300), flap=Flap(2, 14400, 1800)),
    rule("RATE", "manhole", "rate", rate.Params("freeboard_mm", "falling", to_limit=rate.ToLimit(0, 60), min_change=20)),
    rule("SETTLE", "manhole", "drift", drift.Params("tilt_deg", 2, 6 * 3600, 6, ignore_above=20)),
    rule("ROCK", "manhole", "count", count.Params("shock_count", 6, 3600), clear_after=Dwell(2)),
    rule(
        "GONE",
        "manhole",
        "several",
        several.Params(
            (
                several.Signal("no_target", "no_target", "true"),
                several.Signal("rssi", "rssi_dbm", "jump_up", 8),
                several.Signal("tilted", "tilt_deg", ">", 10, clear=5),
            ),
            within_s=1800,
        ),
    ),
    rule("OUT", "streetlight", "expected_state", expected_state.Params("should_be_on"), raise_after=Dwell(2, 900)),
    rule("DAY", "streetlight", "expected_state", expected_state.Params("should_be_off"), raise_after=Dwell(1, 1800)),
    rule("LOW", "streetlight", "band", band.Params(low=(0.07, 0.75), side="low"), raise_after=Dwell(2)),
    rule("HIGH", "streetlight", "band", band.Params(high=(0.197, 1.3), side="high"), raise_after=Dwell(2)),
    rule("CYC", "streetlight", "count", count.Params("lamp_on", 3, 7200)),
    rule(
        "BLOCK",
        "drain",
        "dry_high",
        dry_high.Params(above=0.6, dry_hours=2, seconds_without_gauge=5400),
        raise_after=Dwell(2, 1800),
        clear_after=Dwell(1, 600),
    ),
    rule("SILENT", "any", "no_data", no_data.Params(k=3), clear_after=Dwell(2, 600)),
    rule("STUCK", "any", "stuck", stuck.Params("temperature_cel", 4, 1800)),
)


def town(asset: str) -> Asset | None:
    """The register of the town."""
    return TOWN.get(asset)


def engine(rulebook: Rulebook = RULEBOOK) -> Engine:
    """A fresh engine of the town's shard."""
    return Engine(SHARD, rulebook, town)


def stream(seed: int, hours: float = 8, repeats: float = 0.0, exact_times: bool = False) -> list[Reading]:
    """Readings of the town in order of their observed time (then asset, then key), with faults, gaps and repeats."""
    rng = random.Random(seed)
    readings: list[Reading] = []
    for asset in TOWN.values():
        readings += _of_asset(rng, asset, hours, exact_times)
    again = [
        one._replace(received_ms=one.received_ms + 1000, observed_ms=one.observed_ms + rng.randrange(one.window_ms or 1))
        for one in readings
        if rng.random() < repeats
    ]
    return in_order(readings + again)


def in_order(readings: Iterable[Reading]) -> list[Reading]:
    """The one order of readings."""
    return sorted(readings, key=lambda one: (one.observed_ms, one.asset, message_key(one)))


def _of_asset(rng: random.Random, asset: Asset, hours: float, exact_times: bool) -> list[Reading]:
    found = []
    at, state, kept = START + rng.randrange(10) * MINUTE, 0, rng.random()
    shocks, rain = 0, 0.0
    interval = int((asset.interval_s or 600) * 1000)
    while at < START + hours * 3_600_000:
        if rng.random() < 0.12:
            state = rng.randrange(4)
        kept = kept if rng.random() < 0.5 else rng.random()
        shocks += rng.choice((0, 0, 0, 2, 5))
        rain += rng.choice((0, 0, 0, 0.4)) if state == 1 else 0
        values = _values(rng, asset, state, kept, shocks, rain)
        windowed = rng.random() < 0.2
        flags = Flag.SIMULATED if rng.random() < 0.03 else Flag.NONE
        device = asset.id if rng.random() < 0.9 else "second"
        key = rng.getrandbits(62)
        found.append(
            Reading(asset.id, asset.kind, device, at, at + 500, values, None, key, 60_000 if windowed else 0, int(flags))
        )
        gap = rng.choice((1, 1, 1, 1, 1, 1, 1, 0.5, 5))
        at += int(interval * gap) + (0 if exact_times else rng.randrange(-5000, 5000))
        if rng.random() < 0.05:
            at = found[-1].observed_ms  # two messages of the same moment
    return found


def _values(rng: random.Random, asset: Asset, state: int, kept: float, shocks: int, rain: float) -> dict[str, Value]:
    noise = rng.random()
    values: dict[str, Value]
    if asset.kind == "manhole":
        depth = asset.depth_mm or 0
        values = {
            "tilt_deg": (0.5 + noise, 3 + noise, 15 + noise, 7.0)[state],
            "freeboard_mm": depth * (0.8, 0.15, 0.25, noise)[state],
            "tilt_alarm": state == 2,
            "no_target": state == 3 and noise > 0.3,
            "rssi_dbm": -100 + 4 * noise + (15 if state in (2, 3) else 0),
            "shock_count": float(shocks),
        }
    elif asset.kind == "streetlight":
        power = 64 * (0.7, 0.3, 0.0, 1.5)[state] + noise
        values = {"power_w": power, "dim_pct": 75, "voltage_v": 230 + noise, "lamp_on": power > 3, "lamp_failure": state == 2}
    elif asset.kind == "drain":
        values = {"level_mm": (100.0, 300.0, 350.0, 210.0)[state] + noise}
    else:
        values = {"rain_total_mm": round(rain, 1)} if noise < 0.5 else {"rain_mm": 0.4 if state == 1 else 0.0}
    values["temperature_cel"] = kept
    if noise < 0.1:
        values.pop(next(iter(values)))
    if rng.random() < 0.02:
        values["temperature_cel"] = "warm"
    return values


def shuffled(readings: Sequence[Reading], seed: int, within_ms: int) -> list[Reading]:
    """The readings as they arrive when each is held up by up to `within_ms`."""
    rng = random.Random(seed)
    return [one for _, _, one in sorted((one.observed_ms + rng.randrange(within_ms), i, one) for i, one in enumerate(readings))]


def run(judge: Engine, readings: Sequence[Reading], tick_to: int | None = None) -> list[AlertEvent]:
    """One reading at a time with a tick of event time after each, then a tick to the end."""
    events: list[AlertEvent] = []
    newest = 0
    for one in readings:
        events += judge.step([one]).events
        newest = max(newest, one.observed_ms)
        events += judge.tick(newest - 1)
    if tick_to is not None:
        events += judge.tick(tick_to)
    return events


def by_asset(events: Iterable[AlertEvent]) -> dict[str, list[AlertEvent]]:
    """The events of each asset, in their order."""
    found: dict[str, list[AlertEvent]] = {}
    for one in events:
        found.setdefault(one.asset, []).append(one)
    return found
