"""The stories of tests/scenarios/rules as scripts for both runtimes."""

from __future__ import annotations

from collections import defaultdict
from datetime import datetime
from pathlib import Path
from typing import Any

import orjson
import yaml

from citybrain.config import Settings
from citybrain.kernel.events import AlertEvent
from citybrain.kernel.model import Asset, Flag, Reading
from citybrain.kernel.times import to_ms
from rules.load import load
from tests.contracts.runtimes.script import Message, Moment, Script
from tests.scenarios.rules import test_rules_scenarios as scenarios

MINUTE_MS = 60_000


def names() -> list[str]:
    """Every story there is."""
    return list(scenarios.STORIES)


def message(city: str, arrives_ms: int, reading: Reading) -> Message:
    """The canonical message of a reading."""
    body: dict[str, Any] = {"ts": reading.observed_ms, "values": reading.values}
    if reading.flags & Flag.SIMULATED:
        body["simulated"] = True
    return Message(arrives_ms, f"city/{city}/{reading.kind}/{reading.asset}/telemetry", orjson.dumps(body))


def script(name: str) -> tuple[Script, list[AlertEvent]]:
    """A story as a script, and the events that the rules alone tell of it."""
    folder = scenarios.HERE / name
    story = yaml.safe_load((folder / "story.yml").read_text(encoding="utf-8"))
    start = to_ms(datetime.fromisoformat(str(story["start"])))
    own: Path | None = folder / "rules.yml"
    own = own if own is not None and own.is_file() else None
    events, _ = scenarios.played(story, start, load(own))
    register = {key: Asset(key, **given) for key, given in story["assets"].items()}
    end = start + scenarios.minutes(story["until"])
    arriving: dict[int, list[Message]] = defaultdict(list)
    settle = {end} | {_minute(event.at_ms, start) for event in events}
    for arrives, reading in scenarios.readings(story, register, start):
        minute = max(start, _minute(arrives, start))
        arriving[minute].append(message(Settings().city, arrives, reading))
        if arrives != reading.observed_ms:
            settle.add(minute)
    # minutes in which nothing happens are left out: how often the clock ticks changes nothing
    moments = [Moment(at, arriving.get(at, ()), at in settle) for at in sorted(settle | arriving.keys()) if at <= end]
    return Script(list(register.values()), moments, own), events


def _minute(ms: int, start: int) -> int:
    """The first minute of the story at or after a time."""
    return start - (start - ms) // MINUTE_MS * MINUTE_MS
