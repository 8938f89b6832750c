"""PURE: an asset judged again from the archive, because readings came late.

The same engine runs over the readings in their canonical order. What it finds is compared with the episodes that are known:
an episode keeps its identity when it overlaps one of the same condition, whatever its onset was thought to be.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from heapq import merge
from typing import NamedTuple

from citybrain.kernel.events import AlertEvent
from citybrain.kernel.ids import alert_id, message_key, shard_of
from citybrain.kernel.model import Asset, Kind, Reading
from rules.engine import Engine
from rules.retelling import Episode, Found, Teller, onset_of
from rules.rulebook import Rulebook
from rules.state import NEVER

__all__ = ["Episode", "Rejudged", "canonical", "rejudge"]


class Rejudged(NamedTuple):
    """What is to be told, the asset's state for `Engine.adopt`, and the readings that are repeats of others."""

    events: list[AlertEvent]
    state: bytes
    superseded: list[Reading]


def rejudge(
    asset: Asset,
    readings: Iterable[Reading],
    context: Iterable[Reading],
    known: Sequence[Episode],
    rulebook: Rulebook,
    since_ms: int,
    now_ms: int,
) -> Rejudged:
    """Judges `asset` again over `readings` (all of the archive that counts, any order) and the rain readings of its district.

    Episodes that were over before `since_ms` (the oldest late reading) are not touched. `now_ms` is the time up to which the
    shard's ticks have run. Nothing is told when nothing has changed.
    """
    ordered, superseded = canonical(readings)
    engine, told = _run(asset, ordered, context, rulebook, now_ms)
    first_ms = ordered[0].observed_ms if ordered else NEVER
    events, names = _compare(asset, _episodes(told), known, rulebook.version, first_ms, since_ms, now_ms)
    engine.rename(asset.id, names)
    return Rejudged(events, engine.dump_asset(asset.id), superseded)


def canonical(readings: Iterable[Reading]) -> tuple[list[Reading], list[Reading]]:
    """The readings in the one order that does not depend on how they came, and those that are repeats of an earlier one."""
    kept: list[Reading] = []
    repeats: list[Reading] = []
    heard: dict[int, int] = {}
    for key, reading in sorted(((message_key(one), one) for one in readings), key=lambda pair: (pair[1].observed_ms, pair[0])):
        last = heard.get(key)
        if last is not None and reading.observed_ms - last <= reading.window_ms:
            repeats.append(reading)
        else:
            heard[key] = reading.observed_ms
            kept.append(reading)
    return kept, repeats


def _run(
    asset: Asset, ordered: Sequence[Reading], context: Iterable[Reading], rulebook: Rulebook, now_ms: int
) -> tuple[Engine, list[AlertEvent]]:
    rain = sorted((one for one in context if one.asset != asset.id), key=lambda one: (one.observed_ms, one.asset, one.key))
    assets = {one.asset: Asset(one.asset, Kind.RAIN_GAUGE, district=asset.district) for one in rain}
    assets[asset.id] = asset
    engine = Engine(shard_of(asset.id), rulebook, assets.get)
    events = engine.step(list(merge(rain, ordered, key=lambda one: one.observed_ms))).events
    events += engine.tick(now_ms)
    return engine, [event for event in events if event.asset == asset.id]


def _episodes(events: Iterable[AlertEvent]) -> list[Found]:
    found: dict[str, Found] = {}
    for event in events:
        before = found.get(event.id)
        found[event.id] = Found(before.raised if before else event, event)
    return list(found.values())


def _compare(
    asset: Asset,
    found: Sequence[Found],
    known: Sequence[Episode],
    version: str,
    first_ms: int,
    since_ms: int,
    now_ms: int,
) -> tuple[list[AlertEvent], dict[str, tuple[str, int]]]:
    """The events that lead from what is known to what was found, and the names that found episodes get."""
    events: list[AlertEvent] = []
    names: dict[str, tuple[str, int]] = {}
    pairs = _match(found, known)
    taken = {episode.id for _, episode in pairs if episode is not None}
    used = {episode.id for episode in known}
    teller = Teller(asset, version, now_ms)
    for one, episode in pairs:
        if episode is not None:
            names[one.raised.id] = episode.id, onset_of(one, episode, first_ms)
            if _touched(one, since_ms) or _reaches(episode.end_ms, since_ms):
                events += teller.amended(one, episode, first_ms)
        else:
            name = _free_name(one, used)
            names[one.raised.id] = name, one.onset_ms
            used.add(name)
            if _touched(one, since_ms):
                events += teller.unknown(one, name)
    for episode in known:
        if episode.id not in taken and _reaches(episode.end_ms, since_ms):
            events += teller.unfound(episode, first_ms)
    return events, names


def _match(found: Sequence[Found], known: Sequence[Episode]) -> list[tuple[Found, Episode | None]]:
    """Each found episode with the known one it is, by condition and overlap: the same id first, then the longest overlap."""
    candidates = []
    for i, one in enumerate(found):
        for episode in known:
            if episode.condition == one.raised.condition:
                overlap = min(_end(one.end_ms), _end(episode.end_ms)) - max(one.onset_ms, episode.onset_ms)
                if overlap >= 0:
                    candidates.append((episode.id != one.raised.id, -overlap, i, episode.onset_ms, episode.id))
    by_id = {episode.id: episode for episode in known}
    matched: dict[int, str] = {}
    for _, _, i, _, key in sorted(candidates):
        if i not in matched and key not in matched.values():
            matched[i] = key
    return [(one, by_id[matched[i]] if i in matched else None) for i, one in enumerate(found)]


def _free_name(one: Found, used: set[str]) -> str:
    """Its own id, or another derived one where that names an episode already whose onset has been moved away since."""
    name, again = one.raised.id, 1
    while name in used:
        again += 1
        name = alert_id(one.raised.asset, f"{one.raised.condition}#{again}", one.onset_ms)
    return name


def _end(end_ms: int | None) -> int:
    return NEVER if end_ms is None else end_ms


def _touched(one: Found, since_ms: int) -> bool:
    """Whether late readings can have had a part in it: its last change may come long after the good reading it ends at."""
    return _reaches(one.end_ms, since_ms) or one.last.at_ms >= since_ms


def _reaches(end_ms: int | None, since_ms: int) -> bool:
    return end_ms is None or end_ms >= since_ms
