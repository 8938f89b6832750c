"""The stories of tests/scenarios/rules as scripts for both runtimes."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple

import orjson
import yaml

from citybrain.config import Settings
from citybrain.kernel.events import AlertEvent
from citybrain.kernel.ids import SHARDS, shard_of
from citybrain.kernel.model import Asset, Flag, Kind, Reading
from citybrain.kernel.register import Register
from citybrain.kernel.times import to_ms
from ingest.decode import Decoder
from ingest.registry import load_profiles
from rules.engine import Engine
from rules.load import load
from tests.contracts.runtimes.script import Message, Moment, Script
from tests.scenarios.rules import test_rules_scenarios as scenarios

MINUTE_MS = 60_000
MOST_WAITING = 1000
"""messages of a moment in which nothing is told"""


def names() -> list[str]:
    """Every story there is."""
    return list(scenarios.STORIES)


def message(city: str, arrives_ms: int, reading: Reading) -> Message:
    """The canonical message of a reading."""
    body: dict[str, Any] = {"ts": reading.observed_ms, "values": reading.values}
    if reading.flags & Flag.SIMULATED:
        body["simulated"] = True
    return Message(arrives_ms, f"city/{city}/{reading.kind}/{reading.asset}/telemetry", orjson.dumps(body))


class Story(NamedTuple):
    """One folder: its assets and messages, when it ends, and the events that the rules alone tell of it."""

    name: str
    assets: list[Asset]
    messages: list[Message]
    start_ms: int
    end_ms: int
    events: list[AlertEvent]
    late: bool
    rulebook: Path | None


def story(name: str, *, prefix: str = "") -> Story:
    """A story; with a prefix its assets and districts have names that no other story has."""
    folder = scenarios.HERE / name
    spec = yaml.safe_load((folder / "story.yml").read_text(encoding="utf-8"))
    start = to_ms(datetime.fromisoformat(str(spec["start"])))
    own = folder / "rules.yml"
    rulebook = own if own.is_file() else None
    events, _ = scenarios.played(spec, start, load(rulebook))
    known = {key: Asset(key, **given) for key, given in spec["assets"].items()}
    assets = [
        replace(asset, id=prefix + asset.id, district=asset.district and prefix + asset.district) for asset in known.values()
    ]
    found = list(scenarios.readings(spec, known, start))
    messages = [message(Settings().city, at, reading._replace(asset=prefix + reading.asset)) for at, reading in found]
    late = any(at != reading.observed_ms for at, reading in found)
    events = [event._replace(asset=prefix + event.asset) for event in events]
    end = start + scenarios.minutes(spec["until"])
    return Story(name, assets, [one for one in messages if one.at_ms <= end], start, end, events, late, rulebook)


def alone(one: Story) -> Script:
    """A story by itself: settled in each minute in which something is told, or comes late."""
    arriving: dict[int, list[Message]] = defaultdict(list)
    for each in one.messages:
        arriving[_minute(each.at_ms)].append(each)
    settle = {one.end_ms} | {_minute(event.at_ms) for event in one.events} | (set(arriving) if one.late else set())
    moments = [Moment(at, arriving.get(at, ()), at in settle) for at in sorted(settle | arriving.keys())]
    return Script(one.assets, moments, one.rulebook)


def merged(some: Sequence[Story]) -> Script:
    """Many stories in one city, at the times they have: settled in each minute in which the rules tell something.

    What is told is found by the rules alone first, because a sensor whose story is over falls silent in the others' time.
    """
    arriving: dict[int, list[Message]] = defaultdict(list)
    for one in some:
        for each in one.messages:
            arriving[_minute(each.at_ms)].append(each)
    register = Register(assets={asset.id: asset for one in some for asset in one.assets})
    decoder = Decoder(
        load_profiles(), register, city=Settings().city, auto_register=False, max_future_s=600, max_age_s=400 * 86400
    )
    engines = [Engine(shard, load(), register.assets.get) for shard in range(SHARDS)]
    moments: list[Moment] = []
    waiting: list[Message] = []
    for at in sorted(arriving.keys() | {_minute(event.at_ms) for one in some for event in one.events}):
        events: list[AlertEvent] = []
        for each in arriving.get(at, ()):
            (reading,) = decoder.decode(each.topic, each.payload, received_ms=each.at_ms).readings
            everywhere = reading.kind == Kind.RAIN_GAUGE
            for engine in engines if everywhere else (engines[shard_of(reading.asset)],):
                events += engine.step([reading]).events
        events += [event for engine in engines for event in engine.tick(at)]
        waiting += arriving.get(at, ())
        if events or len(waiting) > MOST_WAITING:
            moments.append(Moment(at, waiting, bool(events)))
            waiting = []
    last = max(one.end_ms for one in some)
    moments.append(Moment(_minute(last), waiting, True))
    return Script(list(register.assets.values()), moments)


def _minute(ms: int) -> int:
    """The first whole minute at or after a time."""
    return -(-ms // MINUTE_MS) * MINUTE_MS
