"""PURE: an asset judged again from the archive, because readings came late.

The same engine runs over the readings in their canonical order. What it finds is compared with the episodes that are known:
an episode keeps its identity when it overlaps one of the same condition, whatever its onset was thought to be.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from heapq import merge
from typing import NamedTuple

from citybrain.kernel.events import AlertChange, AlertEvent, AlertPhase, Evidence
from citybrain.kernel.ids import alert_id, shard_of
from citybrain.kernel.model import Asset, Kind, Reading
from citybrain.kernel.times import iso
from rules.engine import Engine
from rules.rulebook import Rulebook
from rules.state import NEVER, message_key


class Episode(NamedTuple):
    """An episode as it is known. Times are ms since the epoch; `end_ms` None: it is not over."""

    id: str
    condition: str
    severity: str
    phase: str
    onset_ms: int
    end_ms: int | None
    past: bool = False
    """History: found in late readings when it was over already, and never dispatched."""


class Rejudged(NamedTuple):
    """What is to be told, the asset's state for `Engine.adopt`, and the readings that are repeats of others."""

    events: list[AlertEvent]
    state: bytes
    superseded: list[Reading]


class _Found(NamedTuple):
    """An episode as the engine found it again, with the event that raised it and the last one."""

    raised: AlertEvent
    last: AlertEvent

    @property
    def end_ms(self) -> int | None:
        return self.last.end_ms

    @property
    def phase(self) -> str:
        return self.last.phase

    @property
    def onset_ms(self) -> int:
        return self.raised.onset_ms


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


def _episodes(events: Iterable[AlertEvent]) -> list[_Found]:
    found: dict[str, _Found] = {}
    for event in events:
        before = found.get(event.id)
        found[event.id] = _Found(before.raised if before else event, event)
    return list(found.values())


def _compare(
    asset: Asset,
    found: Sequence[_Found],
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
    teller = _Teller(asset, version, now_ms)
    for one, episode in pairs:
        if episode is not None:
            names[one.raised.id] = episode.id, _onset(one, episode, first_ms)
            if _reaches(one.end_ms, since_ms) or _reaches(episode.end_ms, since_ms):
                events += teller.amended(one, episode, first_ms)
        else:
            name = _free_name(one, used)
            names[one.raised.id] = name, one.onset_ms
            used.add(name)
            if _reaches(one.end_ms, since_ms):
                events += teller.unknown(one, name)
    for episode in known:
        if episode.id not in taken and _reaches(episode.end_ms, since_ms):
            events += teller.unfound(episode, first_ms)
    return events, names


def _match(found: Sequence[_Found], known: Sequence[Episode]) -> list[tuple[_Found, Episode | None]]:
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


class _Teller:
    """Words the events of one re-judging."""

    def __init__(self, asset: Asset, version: str, now_ms: int) -> None:
        self._asset, self._version, self._now = asset, version, now_ms

    def amended(self, one: _Found, episode: Episode, first_ms: int) -> list[AlertEvent]:
        """A known episode as it was found again: nothing when it is the same, else what changed and where it stands now."""
        onset = _onset(one, episode, first_ms)
        live = one.phase != AlertPhase.RESOLVED
        if episode.past and live:
            return self._raised(one, episode.id)
        events = []
        changed = [
            f"{name} from {_moment(was)} to {_moment(now)}"
            for name, was, now in (("begin", episode.onset_ms, onset), ("end", episode.end_ms, one.end_ms))
            if was != now
        ]
        if changed:
            said = f"late readings moved its {' and its '.join(changed)}"
            events.append(self._event(one, episode.id, AlertChange.AMENDED, one.phase, onset, "late_readings", said))
        if episode.phase != one.phase:
            events.append(self._moved(one, episode.id, onset))
        return events

    def unknown(self, one: _Found, name: str) -> list[AlertEvent]:
        """An episode that nobody knew of: a new alert while it lasts, history when it is over."""
        if one.phase != AlertPhase.RESOLVED:
            return self._raised(one, name)
        said = f"found in late readings: {_span(one.onset_ms, one.end_ms)}; {one.raised.detail}"
        return [self._event(one, name, AlertChange.ADDED, one.phase, one.onset_ms, "late_readings", said)]

    def unfound(self, episode: Episode, first_ms: int) -> list[AlertEvent]:
        """A known episode that the readings do not show."""
        if episode.onset_ms < first_ms:
            if episode.end_ms is not None:
                return []
            change, reason, end, said = (
                AlertChange.RESOLVED,
                "stayed_good",
                min(first_ms, self._now),
                "good in all readings since",
            )
        else:
            change, reason, end = AlertChange.WITHDRAWN, "not_confirmed", episode.end_ms or episode.onset_ms
            said = "in the light of late readings it did not happen"
        event = AlertEvent(
            episode.id,
            str(change),
            str(AlertPhase.RESOLVED),
            self._asset.id,
            self._asset.kind,
            episode.condition,
            episode.severity,
            episode.onset_ms,
            self._now,
            reason,
            said,
            (),
            end,
            self._version,
        )
        return [event]

    def _raised(self, one: _Found, name: str) -> list[AlertEvent]:
        raised = one.raised
        firing = str(AlertPhase.FIRING)
        events = [self._event(one, name, AlertChange.RAISED, firing, one.onset_ms, raised.reason, raised.detail)]
        return events if one.phase == AlertPhase.FIRING else [*events, self._moved(one, name, one.onset_ms)]

    def _moved(self, one: _Found, name: str, onset: int) -> AlertEvent:
        """The event that leads to the phase in which the episode was found."""
        change = {
            AlertPhase.FIRING: AlertChange.REFIRED,
            AlertPhase.CLEARING: AlertChange.CLEARING,
            AlertPhase.RESOLVED: AlertChange.RESOLVED,
        }[AlertPhase(one.phase)]
        return self._event(one, name, change, one.phase, onset, one.last.reason, one.last.detail, one.last.evidence)

    def _event(
        self,
        one: _Found,
        name: str,
        change: AlertChange,
        phase: str,
        onset: int,
        reason: str,
        detail: str,
        evidence: tuple[Evidence, ...] | None = None,
    ) -> AlertEvent:
        return one.raised._replace(
            id=name,
            change=str(change),
            phase=str(phase),
            onset_ms=onset,
            at_ms=self._now,
            reason=reason,
            detail=detail,
            evidence=one.raised.evidence if evidence is None else evidence,
            end_ms=one.end_ms if phase == AlertPhase.RESOLVED else None,
            rulebook=self._version,
        )


def _onset(one: _Found, episode: Episode, first_ms: int) -> int:
    """When it began. What began before the archive does cannot be seen to have begun later."""
    return min(episode.onset_ms, one.onset_ms) if one.onset_ms == first_ms else one.onset_ms


def _free_name(one: _Found, used: set[str]) -> str:
    """Its own id, or another derived one where that names an episode already whose onset has been moved away since."""
    name, again = one.raised.id, 1
    while name in used:
        again += 1
        name = alert_id(one.raised.asset, f"{one.raised.condition}#{again}", one.onset_ms)
    return name


def _end(end_ms: int | None) -> int:
    return NEVER if end_ms is None else end_ms


def _reaches(end_ms: int | None, since_ms: int) -> bool:
    return end_ms is None or end_ms >= since_ms


def _span(onset_ms: int, end_ms: int | None) -> str:
    return f"{_moment(onset_ms)} to {_moment(end_ms)}"


def _moment(ms: int | None) -> str:
    return "open" if ms is None else iso(ms)
