"""PURE: how the outcome of re-judging is told: amended, withdrawn, added, or raised after all."""

from __future__ import annotations

from typing import NamedTuple

from citybrain.kernel.events import AlertChange, AlertEvent, AlertPhase, Evidence
from citybrain.kernel.model import Asset
from citybrain.kernel.times import iso


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


class Found(NamedTuple):
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


class Teller:
    """Words the events of one re-judging."""

    def __init__(self, asset: Asset, version: str, now_ms: int) -> None:
        self._asset, self._version, self._now = asset, version, now_ms

    def amended(self, one: Found, episode: Episode, first_ms: int) -> list[AlertEvent]:
        """A known episode as it was found again: nothing when it is the same, else what changed and where it stands now."""
        onset = onset_of(one, episode, first_ms)
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

    def unknown(self, one: Found, name: str) -> list[AlertEvent]:
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

    def _raised(self, one: Found, name: str) -> list[AlertEvent]:
        raised = one.raised
        firing = str(AlertPhase.FIRING)
        events = [self._event(one, name, AlertChange.RAISED, firing, one.onset_ms, raised.reason, raised.detail)]
        return events if one.phase == AlertPhase.FIRING else [*events, self._moved(one, name, one.onset_ms)]

    def _moved(self, one: Found, name: str, onset: int) -> AlertEvent:
        """The event that leads to the phase in which the episode was found."""
        change = {
            AlertPhase.FIRING: AlertChange.REFIRED,
            AlertPhase.CLEARING: AlertChange.CLEARING,
            AlertPhase.RESOLVED: AlertChange.RESOLVED,
        }[AlertPhase(one.phase)]
        return self._event(one, name, change, one.phase, onset, one.last.reason, one.last.detail, one.last.evidence)

    def _event(
        self,
        one: Found,
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


def onset_of(one: Found, episode: Episode, first_ms: int) -> int:
    """When it began. What began before the archive does cannot be seen to have begun later."""
    return min(episode.onset_ms, one.onset_ms) if one.onset_ms == first_ms else one.onset_ms


def _span(onset_ms: int, end_ms: int | None) -> str:
    return f"{_moment(onset_ms)} to {_moment(end_ms)}"


def _moment(ms: int | None) -> str:
    return "open" if ms is None else iso(ms)
