"""Stories of single assets against the shipped rulebook: each folder has what was read (story.yml) and the expected alerts.

A folder may bring a city's own `rules.yml` over the shipped rulebook.

Times are `h:mm` after the story's start. A reading that `arrives` later than it was observed is late. The clock ticks each
minute of event time; late readings are judged again at once, as the cycle does.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
import yaml

from citybrain.kernel.events import AlertEvent
from citybrain.kernel.ids import content_hash
from citybrain.kernel.model import Asset, Flag, Reading
from citybrain.kernel.times import to_ms
from rules.engine import Engine
from rules.load import load
from rules.rulebook import Rulebook
from tests.properties.rules_archive import Archive

HERE = Path(__file__).parent
STORIES = sorted(path.parent.name for path in HERE.glob("*/story.yml"))
RULEBOOK = load(None)
MINUTE = 60_000


@pytest.mark.parametrize("name", STORIES)
def test_story(name: str) -> None:
    story = yaml.safe_load((HERE / name / "story.yml").read_text(encoding="utf-8"))
    expected = yaml.safe_load((HERE / name / "expected.yml").read_text(encoding="utf-8"))
    assert story["what"]
    start = to_ms(datetime.fromisoformat(str(story["start"])))
    own = HERE / name / "rules.yml"
    events, archive = played(story, start, load(own) if own.is_file() else RULEBOOK)
    told = [f"{clock(event.at_ms - start)} {event.asset} {event.condition} {event.change}" for event in events]
    assert told == expected["events"]
    if "episodes" in expected:
        found = [
            f"{asset} {condition} {clock(onset - start)} {clock(end - start) if end else 'open'}"
            for asset, condition, onset, end, _ in archive.episodes()
        ]
        assert found == expected["episodes"]


def played(story: dict[str, Any], start: int, rulebook: Rulebook = RULEBOOK) -> tuple[list[AlertEvent], Archive]:
    """The events of a story, and the archive at its end."""
    register = {key: Asset(key, **given) for key, given in story["assets"].items()}
    archive = Archive(Engine(story.get("shard", 0), rulebook, register.get), register)
    events: list[AlertEvent] = []
    arriving = sorted(((arrives, i, one) for i, (arrives, one) in enumerate(readings(story, register, start))))
    end = start + minutes(story["until"])
    now = start
    while now <= end:
        batch = [arriving.pop(0)[2] for _ in range(sum(1 for one in arriving if one[0] <= now))]
        events += archive.take(batch)
        events += archive.note(archive.engine.tick(now))
        if archive.late:
            events += archive.rejudge(now)
        now += MINUTE
    return events, archive


def readings(story: dict[str, Any], register: dict[str, Asset], start: int) -> Iterator[tuple[int, Reading]]:
    """(arrival, reading) of each line; a line with `every` stands for many."""
    for line in story["readings"]:
        first, last = minutes(line.get("from", line.get("at"))), minutes(line.get("to", line.get("at")))
        for after in range(first, last + 1, int(line.get("every", 1) * MINUTE)):
            at = start + after + line.get("ms", 0)
            asset = register[line["asset"]]
            flags = Flag.SIMULATED if line.get("simulated") else Flag.NONE
            key = content_hash(f"{at}{line['values']}".encode())
            arrives = start + minutes(line["arrives"]) if "arrives" in line else at
            yield arrives, Reading(asset.id, asset.kind, asset.id, at, arrives, dict(line["values"]), None, key, 0, int(flags))


def minutes(text: str) -> int:
    """`1:30` -> ms."""
    hours, rest = str(text).split(":")
    return (int(hours) * 60 + int(rest)) * MINUTE


def clock(ms: int) -> str:
    """ms -> `1:30`, with seconds where there are any."""
    hours, rest = divmod(ms // 1000, 3600)
    return f"{hours}:{rest // 60:02}" + (f":{rest % 60:02}" if rest % 60 else "")


def test_there_are_stories_of_all_three_kinds() -> None:
    kinds = set()
    for name in STORIES:
        story = yaml.safe_load((HERE / name / "story.yml").read_text(encoding="utf-8"))
        kinds |= {given["kind"] for given in story["assets"].values()}
    assert kinds >= {"manhole", "streetlight", "drain", "cabinet", "rain_gauge"}
